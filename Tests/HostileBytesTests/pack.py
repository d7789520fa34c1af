"""Packs a fuzzer's corpus into one file: for each input its length in four bytes, the least significant first, and itself."""
import pathlib
import struct
import sys

inputs = sorted(path.read_bytes() for path in pathlib.Path(sys.argv[1]).iterdir())
pathlib.Path(sys.argv[2]).write_bytes(b"".join(struct.pack("<I", len(input)) + input for input in inputs))
