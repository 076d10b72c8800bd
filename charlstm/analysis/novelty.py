"""How much of a generated text is copied from the training text, found with a suffix array."""

import hashlib
import json
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydivsufsort import divsufsort

from charlstm.arrays import Ids
from charlstm.atomic_files import write_atomically
from charlstm.errors import CorpusError, RunError, SettingError, TensorFileError
from charlstm.json_objects import object_from_json, parse_json
from charlstm.storage.model_file import Model
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.tensor_file import open_tensors, to_bytes
from charlstm.text.batches import split_for_validation
from charlstm.text.catalogue import relocate_shipped_text
from charlstm.text.corpus import load_corpus
from charlstm.text.decoding import DecodingOptions
from charlstm.text.sources import is_stream
from charlstm.text.vocabulary import Vocabulary

MIN_COPIED = 20  # characters in a row from which a match counts as copied
FILE_KIND = "text index"
ID_DTYPES, SUFFIX_DTYPES = ("U8", "U16"), ("I32", "I64")
MAX_CONFIG_BYTES = 8 << 20  # of config.json, which holds the vocabulary


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

        The vocabulary may change case first, but positions and lengths are those of the text as given. A character
        outside the vocabulary ends every match.
        """
        folded = self.vocabulary.fold_case(text)
        unknown = self.vocabulary.id_table("".join(sorted(set(folded))), "skip").replacements
        pieces = folded.translate({ord(character): "\0" for character in unknown}).split("\0")
        matches = [np.append(self.index.match_lengths(self.vocabulary.encode(piece)), 0) for piece in pieces]
        lengths = np.concatenate(matches)  # one more than there are characters: each piece is followed by a 0
        if len(folded) == len(text):
            return lengths[:-1]
        # Some characters become longer in lower case: the dotted capital I becomes two.
        starts = np.cumsum([0, *(len(self.vocabulary.fold_case(character)) for character in text)])
        ends = starts[:-1] + lengths[starts[:-1]]
        return np.asarray(np.searchsorted(starts, ends, side="right") - 1 - np.arange(len(text)))


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
    parts = [digest, model.vocabulary.to_json(), settings.get("validation"), settings.get("sequence_length")]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    index = load_index(run.index, key)
    if index is None:
        on_message(f"indexing the training text of {path}")
        index = TextIndex.build(_training_ids(run, model, digest))
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


def _training_ids(run: RunFolder, model: Model, digest: str) -> Ids:
    """Return the ids that a model was trained on, read again from where its run found the text."""
    try:
        text = parse_json(_read_config(run.config))["text"]
        sources = [relocate_shipped_text(source) for source in text["sources"]]
        options, unknown = object_from_json(DecodingOptions, text["reading"]), text["unknown"]
        settings = model.training["settings"]
        validation, sequence_length = settings["validation"], settings["sequence_length"]
    except (OSError, ValueError, KeyError, TypeError, SettingError) as problem:
        raise RunError(
            f"{run.path} does not say which text its model was trained on",
            hint="`novelty` needs a run folder as charlstm train writes it",
        ) from problem
    if streams := [source for source in (run.text, *map(Path, sources)) if is_stream(source)]:
        raise CorpusError(
            f"the run names {streams[0]} as its text, but that is a pipe or a device",
            hint="`novelty` needs the text that the model was trained on",
        )
    corpus = load_corpus([str(run.text)] if run.text.exists() else sources, options)
    if corpus.digest != digest:
        raise CorpusError(
            f"{', '.join(sources)} has changed since the model was trained on it",
            hint="put the old text back; `novelty` compares with it",
        )
    table = model.vocabulary.id_table(corpus.characters, unknown).ids
    ids = corpus.remap(table, size=len(model.vocabulary))
    return split_for_validation(ids, validation=validation, sequence_length=sequence_length).training


def _read_config(path: Path) -> str:
    """Return the content of a run's config. Raises OSError if it is no regular file, or far too large for one."""
    if not path.is_file() or path.stat().st_size > MAX_CONFIG_BYTES:
        raise OSError(f"{path} is not a file of at most {MAX_CONFIG_BYTES:,} bytes")
    return path.read_text(encoding="utf-8")


def _bytes_per_id(dtype: np.dtype[np.integer]) -> int:
    return 1 if dtype.itemsize == 1 else 2


def _to_bytes(ids: Ids) -> bytes:
    """Return the ids as big-endian bytes, which sort in the same order as the ids."""
    return ids.tobytes() if ids.dtype.itemsize == 1 else ids.astype(">u2").tobytes()
