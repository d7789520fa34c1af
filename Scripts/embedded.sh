#!/bin/sh
# Compiles what a member's browser would run by Embedded Swift for WebAssembly, to object files that nobody links: a machine
# of 32 bits without threads, reflection or Foundation. A construct that Embedded Swift lacks, a literal that is too large
# for Int, or a warning fails. Of libsodium only the headers are needed; of a C library nothing but Tests/Embedded/include.
#   Scripts/embedded.sh [directory for the objects]
set -eu
cd "$(dirname "$0")/.."
out=${1:-.build/embedded}
swiftc=${SWIFTC:-swiftc}

rm -rf "$out"
mkdir -p "$out/include"
# libsodium's headers alone, so that none of this machine's C library is found beside them.
sodium=$(pkg-config --variable=includedir libsodium)
ln -s "$sodium/sodium.h" "$sodium/sodium" "$out/include/"
cp Sources/CLanes/include/lanes.h "$out/include/"
cat >"$out/include/module.modulemap" <<'MAP'
module CSodium [system] {
    header "sodium.h"
    export *
}
module CLanes {
    header "lanes.h"
    export *
}
MAP

# Every module that must compile, in the order of who uses whom.
for module in Sodium Ristretto MembershipProofs TransparencyLog Petitions CoSigning; do
  [ -d "Sources/$module" ] || continue
  # Ristretto converts only indices that it has made itself.
  narrow=Tests/Embedded/Narrow.swift
  [ "$module" != Ristretto ] || narrow=
  # shellcheck disable=SC2046,SC2086
  "$swiftc" -target wasm32-unknown-none-wasm -enable-experimental-feature Embedded -wmo -Osize -swift-version 6 \
    -parse-as-library -package-name roundrobin -enable-upcoming-feature ExistentialAny \
    -enable-upcoming-feature MemberImportVisibility -warnings-as-errors \
    -Xcc -ffreestanding -I "$out/include" -Xcc -ITests/Embedded/include -I "$out" \
    -module-name "$module" -emit-module -emit-module-path "$out/$module.swiftmodule" \
    -c $narrow $(find "Sources/$module" -name '*.swift' | LC_ALL=C sort) -o "$out/$module.o"
done
echo "compiled for Embedded Swift: $(cd "$out" && echo *.o)"
