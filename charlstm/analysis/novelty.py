"""How much of a text stands word for word in the training text: matches found in a suffix array."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydivsufsort import divsufsort

from charlstm.arrays import Ids
from charlstm.atomic_files import write_atomically
from charlstm.errors import TensorFileError
from charlstm.storage.tensor_file import open_tensors, to_bytes
from charlstm.text.vocabulary import Vocabulary

COPIED = 20  # characters in a row that count as copied
KIND = "text index"


@dataclass(frozen=True)
class Novelty:
    """What of a sample is not new."""

    longest_copied_run: int  # characters
    longest_copied_text: str
    copied_share: float  # of the characters, in copied runs of COPIED or more

    def to_json(self) -> dict[str, object]:
        return asdict(self)


class TextIndex:
    """A text and its suffixes in order (a suffix array: Manber and Myers 1993): finds any run in logarithmic time."""

    def __init__(self, ids: Ids, suffixes: npt.NDArray[np.integer]) -> None:
        self.ids, self.suffixes = ids, suffixes
        self._width = _width(ids.dtype)
        self._text = _as_bytes(ids)

    @classmethod
    def of(cls, ids: Ids) -> "TextIndex":
        """The index of ids (characters,)."""
        width = _width(ids.dtype)
        suffixes = divsufsort(np.frombuffer(bytearray(_as_bytes(ids)), np.uint8))
        return cls(ids, suffixes[suffixes % width == 0] // width)

    def match_lengths(self, ids: Ids) -> npt.NDArray[np.intp]:
        """For each place in ids the number of characters from there on that stand together in the text."""
        sample, width = _as_bytes(ids.astype(self.ids.dtype)), self._width
        found = np.zeros(len(ids), np.intp)
        length = 0
        for place in range(len(ids)):
            length = max(length - 1, 0)
            while place + length < len(ids) and self._has(sample[place * width : (place + length + 1) * width]):
                length += 1
            found[place] = length
        return found

    def _has(self, run: bytes) -> bool:
        def beginning(start: int) -> bytes:
            return self._text[start * self._width : start * self._width + len(run)]

        place = bisect_left(self.suffixes, run, key=beginning)
        return place < len(self.suffixes) and beginning(self.suffixes[place]) == run


@dataclass(frozen=True)
class TrainingText:
    """A training text's index, and the alphabet that it is written in."""

    index: TextIndex
    vocabulary: Vocabulary

    def match_lengths(self, text: str) -> npt.NDArray[np.intp]:
        """Return for each position in a text how many characters from there on occur together in the training text.

        The vocabulary may change case first, but positions and lengths are those of the text as given. A character
        outside the vocabulary ends every match.
        """
        folded = self.vocabulary.fold(text)
        unknown = self.vocabulary.map_characters("".join(sorted(set(folded))), "skip").changes
        pieces = folded.translate({ord(character): "\0" for character in unknown}).split("\0")
        matches = [np.append(self.index.match_lengths(self.vocabulary.encode(piece)), 0) for piece in pieces]
        lengths = np.concatenate(matches)  # one more than there are characters: each piece is followed by a 0
        if len(folded) == len(text):
            return lengths[:-1]
        # Some characters become longer in lower case: the dotted capital I becomes two.
        starts = np.cumsum([0, *(len(self.vocabulary.fold(character)) for character in text)])
        ends = starts[:-1] + lengths[starts[:-1]]
        return np.asarray(np.searchsorted(starts, ends, side="right") - 1 - np.arange(len(text)))


def measure_novelty(sources: Sequence[TrainingText], text: str) -> Novelty:
    """How much of a text stands in one of the sources."""
    runs = np.max([source.match_lengths(text) for source in sources], axis=0)
    copied = np.zeros(len(text) + 1, np.intp)
    for place in np.flatnonzero(runs >= COPIED):
        copied[place] += 1
        copied[place + runs[place]] -= 1
    start, longest = (int(runs.argmax()), int(runs.max())) if len(runs) else (0, 0)
    share = float((np.cumsum(copied)[:-1] > 0).mean()) if text else 0.0
    return Novelty(longest, text[start : start + longest], share)


def save_index(path: Path, index: TextIndex, digest: str) -> None:
    """Keep an index; `digest` says of which text and alphabet it is."""
    write_atomically(path, to_bytes({"ids": index.ids, "suffixes": index.suffixes}, {"kind": KIND, "of": digest}))


def load_index(path: Path, digest: str) -> TextIndex | None:
    """The index in a file, or None if it is not there, damaged, or of another text."""
    try:
        with open_tensors(path) as file:
            if file.metadata != {"kind": KIND, "of": digest}:
                return None
            arrays = file.read()
    except TensorFileError:
        return None
    return TextIndex(arrays["ids"], arrays["suffixes"])


def _width(kind: np.dtype[np.integer]) -> int:
    return 1 if kind.itemsize == 1 else 2


def _as_bytes(ids: Ids) -> bytes:
    """Big-endian, so that the order of the bytes is that of the ids."""
    return ids.tobytes() if ids.dtype.itemsize == 1 else ids.astype(">u2").tobytes()
