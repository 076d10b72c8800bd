"""How much of a generated text is copied from the training text, found with a suffix array."""

import hashlib
import json
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydivsufsort import divsufsort

from charlstm.analysis.training_text import find_recorded_text, read_training_text, split_training_text
from charlstm.arrays import Ids
from charlstm.atomic_files import write_atomically
from charlstm.errors import RunError, TensorFileError
from charlstm.storage.model_file import Model
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.tensor_file import open_tensors, to_bytes
from charlstm.text.normal_form import normalization_pieces
from charlstm.text.vocabulary import Vocabulary

MIN_COPIED = 20  # characters in a row from which a match counts as copied
FILE_KIND = "text index"
ID_DTYPES, SUFFIX_DTYPES = ("U8", "U16"), ("I32", "I64")


@dataclass(frozen=True)
class Novelty:
    """What a text has in common with the training text."""

    longest_copied_run: int  # characters
    longest_copied_text: str
    copied_share: float  # of the characters, in runs of MIN_COPIED or more

    def to_json(self) -> dict[str, object]:
        return asdict(self)


class TextIndex:
    """A text with its suffix array (Manber and Myers 1993), which finds any substring in logarithmic time."""

    def __init__(self, ids: Ids, suffixes: npt.NDArray[np.integer]) -> None:
        self.ids, self.suffixes = ids, suffixes
        self._width = _bytes_per_id(ids.dtype)
        self._text = _to_bytes(ids)

    @classmethod
    def build(cls, ids: Ids) -> "TextIndex":
        """Return the index of ids (characters,)."""
        width = _bytes_per_id(ids.dtype)
        suffixes = divsufsort(np.frombuffer(bytearray(_to_bytes(ids)), np.uint8))
        return cls(ids, suffixes[suffixes % width == 0] // width)

    def match_lengths(self, ids: Ids) -> npt.NDArray[np.intp]:
        """Return for each position in ids how many ids from there on occur together in the text."""
        sample, width = _to_bytes(ids.astype(self.ids.dtype)), self._width
        lengths = np.zeros(len(ids), np.intp)
        length = 0
        for start in range(len(ids)):
            length = max(length - 1, 0)  # without its first id the previous match still occurs
            while start + length < len(ids) and self._contains(sample[start * width : (start + length + 1) * width]):
                length += 1
            lengths[start] = length
        return lengths

    def _contains(self, run: bytes) -> bool:
        def prefix(start: int) -> bytes:
            return self._text[start * self._width : start * self._width + len(run)]

        rank = bisect_left(self.suffixes, run, key=prefix)
        return rank < len(self.suffixes) and prefix(self.suffixes[rank]) == run


@dataclass(frozen=True)
class TrainingText:
    """The index of a training text and the vocabulary that it is encoded in."""

    index: TextIndex
    vocabulary: Vocabulary

    def match_lengths(self, text: str) -> npt.NDArray[np.intp]:
        """Return for each position in a text how many characters from there on occur together in the training text.

        The vocabulary may change case and normal form first, but positions and lengths are those of the text as given.
        A character outside the vocabulary ends every match.
        """
        spelled = self.vocabulary.spell(text)
        unknown = self.vocabulary.id_table("".join(sorted(set(spelled))), "skip").replacements
        pieces = spelled.translate({ord(character): "\0" for character in unknown}).split("\0")
        matches = [np.append(self.index.match_lengths(self.vocabulary.encode(piece)), 0) for piece in pieces]
        lengths = np.concatenate(matches)  # one more than there are characters: each piece is followed by a 0
        if len(spelled) == len(text):
            return lengths[:-1]
        starts = np.cumsum([0, *self._spelled_lengths(text)])
        ends = starts[:-1] + lengths[starts[:-1]]
        return np.asarray(np.searchsorted(starts, ends, side="right") - 1 - np.arange(len(text)))

    def _spelled_lengths(self, text: str) -> Iterator[int]:
        """Yield how many characters of the vocabulary each character of a text becomes.

        The dotted capital I becomes two in lower case. A letter and its marks may become one, which counts as the
        letter's.
        """
        for piece in normalization_pieces(text):
            spelled = self.vocabulary.spell(piece)
            if len(spelled) == len(piece):
                yield from [1] * len(piece)
            else:
                yield from [len(spelled), *[0] * (len(piece) - 1)]


def measure_novelty(sources: Sequence[TrainingText], text: str) -> Novelty:
    """Return how much of a text is copied from any of the sources."""
    lengths = np.max([source.match_lengths(text) for source in sources], axis=0)
    coverage_changes = np.zeros(len(text) + 1, np.intp)
    for start in np.flatnonzero(lengths >= MIN_COPIED).tolist():
        coverage_changes[start] += 1
        coverage_changes[start + lengths[start]] -= 1
    start, longest = (int(lengths.argmax()), int(lengths.max())) if len(lengths) else (0, 0)
    share = float((np.cumsum(coverage_changes)[:-1] > 0).mean()) if text else 0.0
    return Novelty(longest, text[start : start + longest], share)


def load_training_text(path: Path, model: Model, on_message: Callable[[str], None]) -> TrainingText:
    """Return the indexed text that the model in a file was trained on.

    The index is kept in the run folder and built again if it is missing, damaged or of another text. Raises RunError
    or CorpusError if the text cannot be found.
    """
    run, training = RunFolder(path.parent), model.training
    digest, settings = str(training.get("text_sha256", "")), training.get("settings", {})
    names = ("validation", "sequence_length", "validation_split", "random_seed", "split_seed")
    parts = [digest, model.vocabulary.to_json(), *(settings.get(name) for name in names)]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    index = load_index(run.index, key)
    if index is None:
        on_message(f"indexing the training text of {path}")
        index = TextIndex.build(_training_ids(run, model, on_message))
        try:
            save_index(run.index, index, key)
        except RunError as problem:
            on_message(f"the index was not saved and will be built again next time: {problem}")
    return TrainingText(index, model.vocabulary)


def save_index(path: Path, index: TextIndex, digest: str) -> None:
    """Save an index; `digest` identifies its text and vocabulary. Raises RunError if it cannot be written."""
    metadata = {"kind": FILE_KIND, "of": digest}
    write_atomically(path, to_bytes({"ids": index.ids, "suffixes": index.suffixes}, metadata))


def load_index(path: Path, digest: str) -> TextIndex | None:
    """Return the index in a file, or None if it is missing, damaged, or of another text."""
    try:
        with open_tensors(path) as file:
            if file.metadata != {"kind": FILE_KIND, "of": digest}:
                return None
            if file.shapes.keys() != {"ids", "suffixes"} or len(set(file.shapes.values())) > 1:
                return None
            if file.dtypes["ids"] not in ID_DTYPES or file.dtypes["suffixes"] not in SUFFIX_DTYPES:
                return None
            arrays = file.read()
    except TensorFileError:
        return None
    if arrays["ids"].ndim != 1:
        return None
    return TextIndex(arrays["ids"], arrays["suffixes"])


def _training_ids(run: RunFolder, model: Model, on_message: Callable[[str], None]) -> Ids:
    """Return the ids that a model was trained on, without those of the validation part."""
    corpus = read_training_text(run, model, on_message)
    return split_training_text(model, corpus, find_recorded_text(run)).training


def _bytes_per_id(dtype: np.dtype[np.integer]) -> int:
    return 1 if dtype.itemsize == 1 else 2


def _to_bytes(ids: Ids) -> bytes:
    """Return the ids as big-endian bytes, which sort in the same order as the ids."""
    return ids.tobytes() if ids.dtype.itemsize == 1 else ids.astype(">u2").tobytes()
