#!/bin/sh
# Makes the page that runs in a browser: one file, DIRECTORY/roundrobin.html. The same sources and the same toolchain
# give the same bytes, wherever they are.
#   Scripts/web.sh DIRECTORY WEB-PAGE
# WEB-PAGE is the built program of that name (Sources/web-page).
set -eu
mkdir -p "$1"
out=$(cd "$1" && pwd)
program=$2
cd "$(dirname "$0")/.."

if [ ! -e "$out/libsodium/libsodium.a" ] || [ -n "$(find Scripts/web-libsodium.sh Sources/CWeb/include \
  -newer "$out/libsodium/libsodium.a" -print)" ]; then
  Scripts/web-libsodium.sh "$out/libsodium"
fi
Scripts/web-module.sh "$out/module" "$out/libsodium"
gzip -9n <"$out/module/roundrobin.wasm" >"$out/module/roundrobin.wasm.gz"
"$program" "$out/module/roundrobin.wasm.gz" . "$out/roundrobin.html"
