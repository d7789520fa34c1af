#!/bin/sh
# Compiles the module of the browser's page by Embedded Swift and clang, for a machine of 32 bits without threads,
# reflection or Foundation, and links it. A construct that Embedded Swift lacks, a literal that is too large for Int, or a warning
# fails. A module whose sources have not changed since the last time is kept, unless one below it has.
#   Scripts/web-module.sh DIRECTORY LIBSODIUM
# DIRECTORY gets roundrobin.wasm; LIBSODIUM is what Scripts/web-libsodium.sh made.
set -eu
cd "$(dirname "$0")/.."
mkdir -p "$1/include"
out=$(cd "$1" && pwd)
sodium=$(cd "$2" && pwd)
swiftc=${SWIFTC:-swiftc}
tools=${TOOLS:-$(dirname "$(command -v "$swiftc")")}

# Headers at a path that is the same relative to every copy of the sources, so that no path gets into the module.
cp Sources/CLanes/include/lanes.h "$out/include/"
cat >"$out/include/module.modulemap" <<'MAP'
module CLanes {
    header "lanes.h"
    export *
}
MAP

clang="$tools/clang --target=wasm32-unknown-none-wasm -O3 -std=c11 -ffreestanding -fno-builtin-memset -fvisibility=hidden
  -mbulk-memory -msign-ext -mmutable-globals -mnontrapping-fptoint -Wall -Wextra -Werror -isystem Sources/CWeb/include"
# shellcheck disable=SC2086
$clang -c Sources/CWeb/system.c -o "$out/system.o"
# shellcheck disable=SC2086
$clang -Wno-unused-parameter -I "$out/include" -c Sources/CLanes/detect.c -o "$out/detect.o"

# Without incremental code generation, because its hash of the whole command would be in the module, and with it the
# directory.
fresh=yes
compile() {
  module=$1
  shift
  if [ $fresh = yes ] && [ -e "$out/$module.o" ] && [ -z "$(find "$@" Scripts/web-module.sh "$sodium/libsodium.a" \
    -newer "$out/$module.o" -print)" ]; then return; fi
  fresh=no
  "$swiftc" -target wasm32-unknown-none-wasm -enable-experimental-feature Embedded -wmo -Osize -swift-version 6 \
    -parse-as-library -package-name roundrobin -enable-upcoming-feature ExistentialAny \
    -enable-upcoming-feature MemberImportVisibility -warnings-as-errors -Xfrontend -disable-stack-protector \
    -Xfrontend -disable-incremental-llvm-codegen \
    -Xcc -ffreestanding -I "$out/include" -I "$sodium/include" -Xcc -ISources/CWeb/include -I "$out" \
    -module-name "$module" -emit-module -emit-module-path "$out/$module.swiftmodule" -c "$@" -o "$out/$module.o"
}

narrow=Sources/CWeb/Narrow.swift
for module in ScalarClasses Sodium Ristretto MembershipProofs TransparencyLog Petitions CoSigning; do
  # Ristretto converts only indices that it has made itself.
  # shellcheck disable=SC2046
  compile $module $([ $module = Ristretto ] || echo $narrow) $(find Sources/$module -name '*.swift' | LC_ALL=C sort)
done
# What these need no Foundation for, and the page shares with the programs: texts, and how a verdict is put into words.
compile Templates $narrow Sources/Templates/Harmless.swift Sources/Templates/Messages.swift
# shellcheck disable=SC2046
compile Web $narrow $(find Sources/Web Sources/Presentation/Verdict -name '*.swift' | LC_ALL=C sort)

"$tools/wasm-ld" --no-entry --gc-sections --strip-all --stack-first -z stack-size=1048576 -O2 --compress-relocations \
  "$out/Web.o" "$out/Templates.o" "$out/CoSigning.o" "$out/Petitions.o" "$out/TransparencyLog.o" \
  "$out/MembershipProofs.o" "$out/Ristretto.o" "$out/Sodium.o" "$out/ScalarClasses.o" "$out/system.o" "$out/detect.o" \
  "$sodium/libsodium.a" \
  "$tools/../lib/swift/embedded/wasm32-unknown-none-wasm/libswiftUnicodeDataTables.a" -o "$out/roundrobin.wasm"
