"""Texts to ids: read one or several texts, chunk by chunk, into one array of the smallest type that fits.

The ids of a small text are kept in memory. Those of a large one are in a file in the user's cache, which is mapped into
memory, and found again by the bytes of the text and the options.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids
from charlstm.errors import CorpusError, did_you_mean
from charlstm.text.catalogue import CATALOGUE, find_named_text, shipped_texts
from charlstm.text.decoding_options import DecodingOptions, OnMessage
from charlstm.text.encoded_text import MAX_IN_MEMORY, SourceInUse, read_encoded, store_or_keep
from charlstm.text.file_search import Skipped
from charlstm.text.id_cache import load_ids
from charlstm.text.id_files import in_chunks
from charlstm.text.sources import FoundTexts, corpus_name, find_sources, reason_of
from charlstm.text.streams import STANDARD_INPUT, is_stream
from charlstm.text.vocabulary import from_code_points, to_code_points


@dataclass(frozen=True)
class Corpus:
    """A text to train on: its characters, ordered by code point, and the text as indices of these characters."""

    name: str
    sources: tuple[str, ...]  # where the texts can be read again: full paths, or `-`
    characters: str
    counts: tuple[int, ...]  # occurrences of each character
    ids: Ids  # (characters of the text,)
    digest: str  # SHA-256 of the clean text in UTF-8

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def text(self) -> str:
        return "".join(self.chunks())

    def chunks(self) -> Iterator[str]:
        """Yield the clean text, some millions of characters at a time."""
        code_points = to_code_points(self.characters)
        for ids in in_chunks(self.ids):
            yield from_code_points(code_points[ids])

    def head(self, length: int) -> str:
        """Return the first `length` characters of the clean text."""
        return from_code_points(to_code_points(self.characters)[self.ids[:length]])

    def remap(self, table: npt.NDArray[np.integer], *, size: int) -> Ids:
        """Return the text in other ids.

        `table` has a new id below `size` for each character, or -1 for a character to leave out.
        """
        if np.array_equal(table, np.arange(len(self.characters))):
            return self.ids
        dtype = np.min_scalar_type(max(0, size - 1))
        length = sum(count for count, new_id in zip(self.counts, table, strict=True) if new_id >= 0)
        if len(self.ids) <= MAX_IN_MEMORY or not length:
            return np.concatenate([np.empty(0, dtype), *self._remapped(table, dtype)])
        key = hashlib.sha256(self.digest.encode() + table.tobytes()).hexdigest()
        if cached := load_ids(key):
            ids = cached.ids
            if ids.dtype == dtype and len(ids) == length and ids.max() <= table.max():
                return ids
        return store_or_keep(key, lambda: self._remapped(table, dtype), dtype, {}, lambda _: None)

    def _remapped(self, table: npt.NDArray[np.integer], dtype: np.dtype[Any]) -> Iterator[Ids]:
        for ids in in_chunks(self.ids):
            new_ids = table[ids]
            yield new_ids[new_ids >= 0].astype(dtype)


def load_corpus(
    texts: Sequence[str | Path],
    options: DecodingOptions | None = None,
    *,
    own_run: Path | None = None,
    is_recorded: bool = False,
    on_message: OnMessage = lambda _: None,
) -> Corpus:
    """Read texts one after the other, each from a new line.

    A text is a path, a glob, `-` for standard input, or the bare name of a text that ships or was fetched; a file of
    that name takes precedence. The files of `own_run`, the folder of the run that the text is for, are no part of it.
    Texts that are `is_recorded`, in the file of a run, are read from files only. `on_message` gets a line about
    anything unusual, and about what was skipped. Raises CorpusError for a text that is missing, empty, unreadable, or
    not a text.
    """
    found: list[FoundTexts] = []
    try:
        found.extend(find_texts(text, own_run, is_recorded=is_recorded) for text in texts)
        sources = [SourceInUse(source, one.is_search) for one in found for source in one.sources]

        def on_skipped(reasons: dict[int, str]) -> None:
            _report_skipped(found, reasons, on_message)

        encoded = read_encoded(sources, options or DecodingOptions(), on_message, on_skipped=on_skipped)
    finally:
        for source in (source for one in found for source in one.sources):
            source.close()
    return Corpus(
        corpus_name(texts), recorded_sources(texts), encoded.characters, encoded.counts, encoded.ids, encoded.digest
    )


def load_each(
    text: str | Path, options: DecodingOptions, *, on_message: OnMessage = lambda _: None
) -> Iterator[Corpus]:
    """Read the files of one argument, see `load_corpus`, as texts of their own, named as the files are.

    Raises CorpusError if the argument is missing, or nothing of it can be read.
    """
    found = find_texts(text, None)
    skipped: dict[int, str] = {}
    try:
        for index, source in enumerate(found.sources):
            try:
                encoded = read_encoded([SourceInUse(source, False)], options, on_message, on_skipped=lambda _: None)
            except CorpusError as problem:
                if not found.is_search:
                    raise
                skipped[index] = reason_of(problem, source.name)
                continue
            name = source.name if found.is_search else str(text)
            yield Corpus(name, (source.name,), encoded.characters, encoded.counts, encoded.ids, encoded.digest)
    finally:
        for source in found.sources:
            source.close()
    _report_skipped([found], skipped, on_message)


def find_texts(text: str | Path, own_run: Path | None, *, is_recorded: bool = False) -> FoundTexts:
    """Return the sources of one argument, which may be the name of a text. Raises CorpusError if there are none."""
    found = find_sources(text, own_run=own_run, is_recorded=is_recorded)
    if found is None and (path := find_named_text(text)):
        found = find_sources(path, is_recorded=is_recorded)
    if found is None:
        raise _missing(text)
    return found


def _report_skipped(found: Sequence[FoundTexts], reasons: dict[int, str], on_message: OnMessage) -> None:
    """Say what was skipped, in one line for each argument; raises CorpusError if one has nothing that can be read."""
    start = 0
    for one in found:
        indices = range(start, start + len(one.sources))
        start = indices.stop
        unreadable = [(one.sources[index - indices.start], reasons[index]) for index in indices if index in reasons]
        if one.is_search:
            line = one.without([Skipped(one.short_name(source), reason) for source, reason in unreadable])
        else:
            line = f"{one.argument} is empty" if unreadable else ""
        if line:
            on_message(line)


def _missing(text: str | Path) -> CorpusError:
    file_name = os.path.basename(text)
    if text in CATALOGUE:
        return CorpusError(f"the text {text} is not here yet", hint=f"fetch it first: charlstm corpus fetch {text}")
    if isinstance(text, Path) or file_name != text:
        named = find_named_text(file_name)
        hint = f"check the path, or give only the name, {file_name}, for the text that ships or was fetched"
        hint = did_you_mean(str(text).rstrip("/"), _paths_beside(text), otherwise=hint if named else "check the path")
        return CorpusError(f"there is no file {str(text)!r}", hint=hint)
    advice = (
        "give the path of a text file, or the name of a text that ships with charlstm "
        f"({', '.join(shipped_texts())}) or was fetched: charlstm corpus list"
    )
    known = {*_paths_beside(text), *shipped_texts(), *CATALOGUE}
    return CorpusError(f"there is no text {str(text)!r}", hint=did_you_mean(str(text), sorted(known), otherwise=advice))


def _paths_beside(path: str | Path) -> list[str]:
    """Return the paths of all that stands in the folder of a path, as far as the folder can be read."""
    folder = os.path.dirname(str(path).rstrip("/"))
    try:
        names = os.listdir(folder or ".")
    except OSError:
        return []
    return [os.path.join(folder, name) for name in names if not name.startswith(".")]


def recorded_sources(texts: Sequence[str | Path]) -> tuple[str, ...]:
    """Return where arguments can be read again, whatever the current folder is."""
    return tuple(map(_recorded_source, texts))


def _recorded_source(text: str | Path) -> str:
    if is_stream(text):
        return STANDARD_INPUT
    named = None if os.path.exists(text) else find_named_text(text)
    return str(named or Path(os.path.abspath(text)))
