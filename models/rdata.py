"""Read character vectors from the data of an R package, without R.

`data/Rdata.rdx` is an index: for each object the place of its piece in `Rdata.rdb`. A piece is its length in four bytes
and a zlib stream of R's serialization in XDR form ("R Internals", section 1.8). Only what strings, integers, lists and
their names need is understood.
"""

import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

SYMBOL, PAIRLIST, CHARSXP, LOGICAL, INTEGER, REAL, STRINGS, LIST = 1, 2, 9, 10, 13, 14, 16, 19
REFERENCE, NIL, GLOBAL_ENVIRONMENT = 255, 254, 253
HAS_ATTRIBUTES, HAS_TAG = 0x200, 0x400


def read_lazy_load(index: bytes, pieces: bytes) -> dict[str, list[str]]:
    """Return the character vectors of a lazy-load database (`.rdx`, `.rdb`) by name."""
    variables = _Reader(zlib.decompress(index, wbits=47)).read()["variables"]
    vectors = {}
    for name, (start, length) in variables.items():
        value = _Reader(zlib.decompress(pieces[start + 4 : start + length])).read()
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            vectors[name] = value
    return vectors


@dataclass
class _Reader:
    """A position in serialized data."""

    data: bytes
    position: int = 0
    symbols: list[Any] = field(default_factory=list)

    def read(self) -> Any:
        """Return the object: strings as `str`, vectors as lists, named lists as dictionaries."""
        if self._take(2) != b"X\n":
            raise ValueError("not R's serialization in XDR form")
        version, _, _ = (self._integer() for _ in range(3))
        if version == 3:  # the writer's encoding follows
            self._take(self._integer())
        return self._item()

    def _take(self, count: int) -> bytes:
        self.position += count
        return self.data[self.position - count : self.position]

    def _integer(self) -> int:
        return int(struct.unpack(">i", self._take(4))[0])

    def _item(self) -> Any:
        flags = self._integer()
        kind = flags & 0xFF
        if kind in (NIL, GLOBAL_ENVIRONMENT):
            return None
        if kind == REFERENCE:
            return self.symbols[(flags >> 8) - 1]
        if kind == SYMBOL:
            self.symbols.append(self._item())
            return self.symbols[-1]
        if kind == PAIRLIST:
            return self._pairs(flags)
        value = self._vector(kind)
        names = (self._item() or {}).get("names") if flags & HAS_ATTRIBUTES and kind != CHARSXP else None
        return dict(zip(names, value, strict=True)) if names else value

    def _pairs(self, flags: int) -> dict[str, Any]:
        if flags & HAS_ATTRIBUTES:
            self._item()
        tag = self._item() if flags & HAS_TAG else ""
        value = self._item()
        return {tag: value, **(self._item() or {})}

    def _vector(self, kind: int) -> Any:
        length = self._integer()
        if kind == CHARSXP:
            return "" if length < 0 else self._take(length).decode()
        if kind in (LOGICAL, INTEGER):
            return list(struct.unpack(f">{length}i", self._take(4 * length)))
        if kind == REAL:
            return [int(number) for number in struct.unpack(f">{length}d", self._take(8 * length))]
        if kind in (STRINGS, LIST):
            return [self._item() for _ in range(length)]
        raise ValueError(f"R's type {kind} is not understood")
