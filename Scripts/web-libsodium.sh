#!/bin/sh
# Fetches libsodium's source, checks it, and compiles for WebAssembly what the browser's module uses. The source is never
# committed; PyPI keeps this one, of a patched 1.0.20, under an address that does not change.
#   Scripts/web-libsodium.sh DIRECTORY [fetch]
# leaves in DIRECTORY: libsodium.a, include/ and module.modulemap; with `fetch`, the source alone.
set -eu
cd "$(dirname "$0")/.."
mkdir -p "$1"
out=$(cd "$1" && pwd)
tools=${TOOLS:-$(dirname "$(command -v "${SWIFTC:-swiftc}")")}
address=https://files.pythonhosted.org/packages/d9/9a/4019b524b03a13438637b11538c82781a5eda427394380381af8f04f467a/pynacl-1.6.2.tar.gz
sha256=018494d6d696ae03c7e656e5e74cdfd8ea1326962cc401bcf018f1ed8436811c

archive=$out/source.tar.gz
right() { printf '%s  %s\n' "$sha256" "$archive" | sha256sum --check --status; }
if ! { [ -f "$archive" ] && right; }; then
  curl --fail --silent --show-error --location --retry 3 --output "$archive" "$address"
  right || { rm -f "$archive"; echo "libsodium's source is not the expected one (SHA-256): $address" >&2; exit 1; }
fi
[ "${2:-}" != fetch ] || exit 0

rm -rf "$out/source" "$out/objects" "$out/include" "$out/libsodium.a"
mkdir -p "$out/source" "$out/objects" "$out/include"
tar -xzf "$archive" -C "$out/source" --strip-components 3 pynacl-1.6.2/src/libsodium
sodium=$out/source/src/libsodium
cp -R "$sodium/include/." "$out/include/"
sed -e 's/@VERSION@/1.0.20/' -e 's/@SODIUM_LIBRARY_VERSION_MAJOR@/26/' -e 's/@SODIUM_LIBRARY_VERSION_MINOR@/2/' \
  -e 's/@SODIUM_LIBRARY_MINIMAL_DEF@//' "$sodium/include/sodium/version.h.in" >"$out/include/sodium/version.h"
cat >"$out/include/module.modulemap" <<'MAP'
module CSodium [system] {
    header "sodium.h"
    export *
}
MAP

# Reference code alone: no assembly, no processor features, CWeb's random bytes, and no scrypt, which wants more of a C
# library.
cat >"$out/flags" <<FLAGS
--target=wasm32-unknown-none-wasm -O3 -std=c11 -ffreestanding -fno-builtin-memset -fvisibility=hidden -w
-mbulk-memory -msign-ext -mmutable-globals -mnontrapping-fptoint
-isystem $PWD/Sources/CWeb/include
-I$out/include -I$out/include/sodium -I$sodium/include/sodium
-DCONFIGURED=1 -DNATIVE_LITTLE_ENDIAN=1 -DHAVE_WEAK_SYMBOLS=1 -DHAVE_INLINE_ASM=1 -DSODIUM_STATIC=1 -DHAVE_C_VARARRAYS=1
FLAGS
find "$sodium" -name '*.c' ! -path '*/randombytes/*' ! -path '*/scryptsalsa208sha256/*' | LC_ALL=C sort |
  while read -r file; do
    object=$(echo "${file#"$sodium"/}" | tr / _)
    "$tools/clang" @"$out/flags" -c "$file" -o "$out/objects/${object%.c}.o"
  done
"$tools/llvm-ar" rcsD "$out/libsodium.a" "$out"/objects/*.o
