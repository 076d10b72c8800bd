"""The lines of a text as checksums: small enough for a model file, and enough to tell whether a line is new."""

import base64
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

MAX_KEPT_LINES = 200_000  # a model file keeps no more, 1.1 MB


def line_checksum(line: str) -> int:
    """Return a number of 32 bits that lines share if only case and the white space at their ends tell them apart."""
    return zlib.crc32(line.strip().casefold().encode("utf-8", "surrogatepass"))


@dataclass(frozen=True)
class KnownLines:
    """A set of lines, by their checksums.

    Of 200,000 lines, one new line in 20,000 has a checksum among theirs by chance, and is taken for a known one.
    """

    checksums: npt.NDArray[np.uint32]  # ascending

    @classmethod
    def from_chunks(cls, chunks: Iterable[str]) -> Self:
        """Return the lines, except blank ones, of a text that comes in pieces."""
        parts = [
            np.fromiter({line_checksum(line) for line in lines if line.strip()}, np.uint32)
            for lines in _whole_lines(chunks)
        ]
        return cls(np.unique(np.concatenate([np.empty(0, np.uint32), *parts])))

    @classmethod
    def from_base64(cls, text: str) -> Self:
        """Read what `to_base64` returned. Raises ValueError for anything else."""
        return cls(np.sort(np.frombuffer(base64.b64decode(text, validate=True), "<u4").astype(np.uint32)))

    @classmethod
    def union(cls, parts: Iterable["KnownLines"]) -> Self:
        return cls(np.sort(np.concatenate([np.empty(0, np.uint32), *(part.checksums for part in parts)])))

    def to_base64(self) -> str:
        return base64.b64encode(self.checksums.astype("<u4").tobytes()).decode()

    def __len__(self) -> int:
        return len(self.checksums)

    def __contains__(self, line: object) -> bool:
        if not isinstance(line, str):
            return False
        checksum = line_checksum(line)
        place = int(np.searchsorted(self.checksums, np.uint32(checksum)))
        return place < len(self.checksums) and int(self.checksums[place]) == checksum


def _whole_lines(chunks: Iterable[str]) -> Iterator[list[str]]:
    """Yield the lines of each chunk; one that goes on in the next chunk is among the lines of that."""
    rest = ""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split("\n")
        yield lines
    yield [rest]
