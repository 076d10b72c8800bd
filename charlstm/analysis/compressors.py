"""The bits that general compressors take for a text: after another text that they have learned from, and by itself."""

import lzma
from collections.abc import Callable

from charlstm.libraries import library_imports

XZ_PRESET = 9 | lzma.PRESET_EXTREME
PPMD_ORDER = 6  # characters of context; of 4 to 32 the best on tiny Shakespeare
PPMD_MEMORY = 1 << 28  # bytes of the tree of contexts

Compressor = Callable[[bytes], int]  # returns the size of the compressed bytes


def xz_size(content: bytes) -> int:
    return len(lzma.compress(content, preset=XZ_PRESET))


def ppmd_compressor() -> Compressor:
    """Return PPMd, variant H (Shkarin 2002), as 7-Zip has it. Raises LibraryError if pyppmd is not installed."""
    with library_imports("pyppmd", "pyppmd", without="the other baselines work without it", extra="baselines"):
        from pyppmd import Ppmd7Encoder

    def ppmd_size(content: bytes) -> int:
        encoder = Ppmd7Encoder(PPMD_ORDER, PPMD_MEMORY)
        return len(encoder.encode(content)) + len(encoder.flush())

    return ppmd_size


def added_bits(compress: Compressor, text: str, *, after: str = "") -> float:
    """Return how many bits a text adds to the compressed size of the text `after`; all of its own if that is empty.

    The compressor goes on learning while it reads the text.
    """
    first = after.encode("utf-8", "surrogatepass")
    own = text.encode("utf-8", "surrogatepass")
    return 8.0 * (compress(first + own) - (compress(first) if first else 0))
