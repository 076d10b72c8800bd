"""Read the entries of a SWORD module that is compressed in blocks with long entries (the driver zCom4).

Three files per testament: the blocks (`.czz`), an index of blocks (`.czs`: start, size, size when unpacked) and an
index of verses (`.czv`: block, start, length), all numbers little-endian.
"""

import struct
import zlib
from collections.abc import Iterator

INDEX = struct.Struct("<III")


def read_entries(blocks: bytes, block_index: bytes, verse_index: bytes) -> Iterator[str]:
    """Yield the text of each verse's entry that is not empty, once for verses that share an entry."""
    places = list(INDEX.iter_unpack(block_index))
    opened, data = -1, b""
    before: tuple[int, ...] = ()
    for place in INDEX.iter_unpack(verse_index):
        number, start, length = place
        if not length or place == before:
            continue
        before = place
        if number != opened:
            at, size, _ = places[number]
            opened, data = number, zlib.decompress(blocks[at : at + size])
        yield data[start : start + length].decode(errors="replace")
