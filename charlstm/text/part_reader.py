"""Divide a text into its parts, and read the parts of a divided text again."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path

from charlstm.errors import CorpusError
from charlstm.text.byte_ranges import count_bytes, load_byte_range
from charlstm.text.corpus import Corpus, find_texts, load_corpus, recorded_sources
from charlstm.text.corpus_parts import corpus_range, join_corpora
from charlstm.text.decoding_options import DecodingOptions, OnMessage
from charlstm.text.parts import Part, Parts, PartsRequest
from charlstm.text.sources import corpus_name
from charlstm.text.splits import (
    BYTES,
    CHARACTERS,
    PART_NAMES,
    PENN_TREEBANK,
    USUAL_SPLITS,
    penn_treebank_files,
    sizes_of_shares,
)
from charlstm.text.streams import is_stream


@dataclass(frozen=True)
class DividedText:
    """A text for a run: what it learns from and validates on, and the part that it never sees."""

    corpus: Corpus  # the training part and, after it, the validation part
    num_validation: int | None = None  # characters at its end; None: a share of it is for validation
    test: Corpus | None = None
    parts: Parts | None = None  # None: it was not divided
    whole: Corpus | None = None  # the text as it was given, unless it was read only in parts

    @property
    def has_own_validation(self) -> bool:
        """Whether the validation part was given, and is not drawn from the text."""
        return self.num_validation is not None


class PartReader:
    """Reads a text and its parts. The whole text is read at most once, and not at all if no part is a range of it.

    `read_whole` reads a text that is not in files.
    """

    def __init__(
        self,
        texts: Sequence[str | Path],
        options: DecodingOptions,
        *,
        read_whole: Callable[[], Corpus] | None = None,
        own_run: Path | None = None,
        is_recorded: bool = False,
        on_message: OnMessage = lambda _: None,
    ) -> None:
        self._texts, self._options, self._own_run = texts, options, own_run
        self._read_whole, self._is_recorded, self._on_message = read_whole, is_recorded, on_message

    @cached_property
    def whole(self) -> Corpus:
        """The text without regard to its parts."""
        return self._read_whole() if self._read_whole else self._load(self._texts, self._options)

    def divide(self, request: PartsRequest) -> DividedText:
        """Divide the text as requested, and read all parts.

        Raises CorpusError if a part is missing or empty, or the text has not the length that a usual split divides.
        """
        parts = self._find(request)
        if parts is None:
            return DividedText(self.whole)
        corpora = {name: self.read(part) for name, part in parts.by_name.items()}
        described = {
            name: dataclasses.replace(part, num_characters=len(corpora[name]), sha256=corpora[name].digest)
            for name, part in parts.by_name.items()
        }
        parts = Parts(described, parts.split)
        divided = self._joined(corpora["training"], corpora.get("validation"))
        whole = self.whole if any(part.is_in_text for part in parts.by_name.values()) else None
        return dataclasses.replace(divided, test=corpora.get("test"), parts=parts, whole=whole)

    def read_learned(self, parts: Parts | None) -> DividedText:
        """Read the training and the validation part of a text that was divided before, and no test part."""
        if parts is None:
            return DividedText(self.whole)
        training = self.read(parts.training, parts.reading)
        validation = self.read(parts.validation, parts.reading) if parts.validation else None
        return dataclasses.replace(self._joined(training, validation), parts=parts)

    def read(self, part: Part, reading: DecodingOptions | None = None) -> Corpus:
        """Read one part; `reading` is for files of its own, if they are not read as the text."""
        if part.sources:
            return self._load(part.sources, reading or self._options)
        if part.unit == BYTES:
            return load_byte_range(
                self._texts,
                part.start,
                part.end or 0,  # which a range of bytes has
                self._options,
                is_recorded=self._is_recorded,
                on_message=self._on_message,
            )
        end = len(self.whole) if part.end is None else part.end
        if not part.start < end <= len(self.whole):
            raise CorpusError(
                f"{self.whole.name} has {len(self.whole):,} characters, but {part.describe()} are a part of it",
                hint="put the text back as it was",
            )
        return corpus_range(self.whole, part.start, end)

    def _load(self, texts: Sequence[str | Path], options: DecodingOptions) -> Corpus:
        return load_corpus(
            texts, options, own_run=self._own_run, is_recorded=self._is_recorded, on_message=self._on_message
        )

    def _joined(self, training: Corpus, validation: Corpus | None) -> DividedText:
        """Return what is learned from and validated on, under the name of the text as it was given."""
        corpus = training if validation is None else join_corpora(training, validation)
        if not self._read_whole:
            name, sources = corpus_name(self._texts), recorded_sources(self._texts)
            corpus = dataclasses.replace(corpus, name=name, sources=sources)
        return DividedText(corpus, None if validation is None else len(validation))

    def _find(self, request: PartsRequest) -> Parts | None:
        """Return where the parts are; None if only a share of the text is for validation."""
        if request.split == PENN_TREEBANK:
            files = penn_treebank_files(list(map(str, self._texts)))
            return Parts(
                {name: _part_in_file(name, file) for name, file in zip(PART_NAMES, files, strict=True)}, request.split
            )
        if request.split is not None:
            return self._find_ranges(request.split)
        given = {"validation": request.validation, "test": request.test}
        parts = {name: _part_in_file(name, file) for name, file in given.items() if file is not None}
        return Parts({"training": Part()} | parts) if parts else None

    def _find_ranges(self, split: str) -> Parts:
        usual = USUAL_SPLITS.get(split)
        if usual is None:
            sizes, unit = sizes_of_shares(split, len(self.whole)), CHARACTERS
        else:
            sizes, unit = usual.sizes, usual.unit
            total = count_bytes(self._texts) if unit == BYTES else len(self.whole)
            usual.check_total(total, name=split, text=corpus_name(self._texts) if self._texts else self.whole.name)
        ranges = [Part(unit=unit, start=start, end=end) for start, end in pairwise(accumulate(sizes, initial=0))]
        return Parts(dict(zip(PART_NAMES, ranges, strict=False)), split)


def _part_in_file(name: str, file: str) -> Part:
    if is_stream(file):
        raise CorpusError(f"`{name}` is {file}, which cannot be read again", hint="give a file")
    find_texts(file, None)  # raises for a missing one, by the name that was given
    return Part([*recorded_sources([file])])
