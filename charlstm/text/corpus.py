"""Texts to ids: read one or several texts, chunk by chunk, into one array of the smallest type that fits.

The ids of a small text are kept in memory. Those of a large one are in a file in the user's cache, which is mapped into
memory, and found again by the bytes of the text and the options.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids
from charlstm.atomic_files import write_atomically
from charlstm.errors import CorpusError
from charlstm.machine import cache_folder
from charlstm.text.catalogue import CATALOGUE, find_named_text, shipped_texts
from charlstm.text.decoding import DecodingOptions, OnMessage, read_chunks
from charlstm.text.id_files import IdSpool, in_chunks, map_ids, write_ids
from charlstm.text.sources import STANDARD_INPUT, TextSource, corpus_name, find_sources, is_stream
from charlstm.text.vocabulary import MAX_VOCABULARY, from_code_points, to_code_points

MAX_IN_MEMORY = 1 << 24  # characters, and bytes on disk, of a text that is not cached
CACHE_VERSION = 2


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
        new_ids = (table[ids] for ids in in_chunks(self.ids))
        kept_ids = (ids[ids >= 0].astype(dtype) for ids in new_ids)
        if len(self.ids) <= MAX_IN_MEMORY:
            return np.concatenate([np.empty(0, dtype), *kept_ids])
        length = sum(count for count, new_id in zip(self.counts, table, strict=True) if new_id >= 0)
        if not length:
            return np.empty(0, dtype)
        path = _ids_file(hashlib.sha256(self.digest.encode() + table.tobytes()).hexdigest())
        if path.exists() and path.stat().st_size == length * dtype.itemsize:
            return map_ids(path, dtype)
        return write_ids(path, kept_ids, dtype)


class _EncodedText(NamedTuple):
    characters: str
    counts: tuple[int, ...]
    ids: Ids
    digest: str


def load_corpus(
    texts: Sequence[str | Path], options: DecodingOptions | None = None, *, on_message: OnMessage = lambda _: None
) -> Corpus:
    """Read texts one after the other, each from a new line.

    A text is a path, a glob, `-` for standard input, or the bare name of a text that ships or was fetched; a file of
    that name takes precedence. `on_message` gets a line about anything unusual. Raises CorpusError for a text that is
    missing, empty, unreadable, or not a text.
    """
    options = options or DecodingOptions()
    sources = [source for text in texts for source in _find_sources(text)]
    recorded = tuple(_recorded_source(text) for text in texts)
    key = None if _bytes_on_disk(sources) < MAX_IN_MEMORY else _cache_key(sources, options)
    cached = None if key is None else _load_cached(key)
    encoded = cached or _encode(sources, options, on_message, key=key)
    return Corpus(corpus_name(texts), recorded, *encoded)


def _find_sources(text: str | Path) -> list[TextSource]:
    sources = find_sources(text)
    if sources:
        return sources
    if path := find_named_text(text):
        return find_sources(path)
    raise _missing(text)


def _missing(text: str | Path) -> CorpusError:
    file_name = os.path.basename(text)
    if str(text) in CATALOGUE:
        return CorpusError(f"the text {text} is not here yet", hint=f"fetch it first: charlstm corpus fetch {text}")
    if file_name != str(text):
        named = find_named_text(file_name)
        hint = f"check the path, or give only the name, {file_name}, for the text that ships or was fetched"
        return CorpusError(f"there is no file {str(text)!r}", hint=hint if named else "check the path")
    return CorpusError(
        f"there is no text {str(text)!r}",
        hint="give the path of a text file, or the name of a text that ships with charlstm "
        f"({', '.join(shipped_texts())}) or was fetched: charlstm corpus list",
    )


def _recorded_source(text: str | Path) -> str:
    """Return where an argument can be read again, whatever the current folder is."""
    if str(text) == STANDARD_INPUT or is_stream(Path(text)):
        return STANDARD_INPUT
    named = None if os.path.exists(text) else find_named_text(text)
    return str(named or Path(os.path.abspath(text)))


class _Encoder:
    """Gives each new character the next id, counts the characters, and digests the text."""

    def __init__(self) -> None:
        self.code_points: list[int] = []  # of the characters in the order in which they were found
        self.digest = hashlib.sha256()
        self._ids_by_code_point = np.full(0x110000, -1, np.int32)
        self._counts = np.zeros(MAX_VOCABULARY, np.int64)

    def encode(self, text: str) -> npt.NDArray[np.uint16]:
        code_points = to_code_points(text)
        ids = self._ids_by_code_point[code_points]
        if (ids < 0).any():
            self._add(np.unique(code_points[ids < 0]))
            ids = self._ids_by_code_point[code_points]
        self._counts += np.bincount(ids, minlength=MAX_VOCABULARY)
        self.digest.update(text.encode("utf-8", "surrogatepass"))
        return ids.astype(np.uint16)

    def _add(self, code_points: npt.NDArray[np.uint32]) -> None:
        num_known = len(self.code_points)
        if num_known + len(code_points) > MAX_VOCABULARY:
            raise CorpusError(
                f"the text has more than {MAX_VOCABULARY:,} different characters",
                hint="check that it is a text, and its encoding",
            )
        self._ids_by_code_point[code_points] = num_known + np.arange(len(code_points))
        self.code_points.extend(code_points.tolist())

    def ordered(self) -> tuple[str, tuple[int, ...], Ids]:
        """Return the characters ordered by code point, their counts, and for each id its index in that order."""
        order = np.argsort(self.code_points)
        ranks = np.empty(len(order), np.min_scalar_type(len(order) - 1))
        ranks[order] = np.arange(len(order))
        characters = from_code_points(np.array(self.code_points, np.uint32)[order])
        return characters, tuple(self._counts[order].tolist()), ranks


def _encode(
    sources: list[TextSource], options: DecodingOptions, on_message: OnMessage, *, key: str | None
) -> _EncodedText:
    """Read the sources. A large text goes to the cache, under a key that is computed if it is None."""
    encoder = _Encoder()
    with _cache_errors(), IdSpool(cache_folder(), max_in_memory=MAX_IN_MEMORY) as spool:
        for text in _joined(sources, options, on_message):
            spool.append(encoder.encode(text))
        if not len(spool):
            raise CorpusError(f"{sources[0].name} is empty", hint="give a file with text in it")
        characters, counts, ranks = encoder.ordered()
        if not spool.is_on_disk:
            ids: Ids = ranks[np.concatenate(list(spool.chunks()))]
            return _EncodedText(characters, counts, ids, encoder.digest.hexdigest())
        key = key or _cache_key(sources, options)
        ids = write_ids(_ids_file(key), (ranks[chunk] for chunk in spool.chunks()), ranks.dtype)
    encoded = _EncodedText(characters, counts, ids, encoder.digest.hexdigest())
    _save_metadata(key, encoded)
    return encoded


@contextlib.contextmanager
def _cache_errors() -> Iterator[None]:
    """Turn an OSError into a CorpusError about the cache: errors in reading the text are CorpusErrors already."""
    try:
        yield
    except OSError as error:
        raise CorpusError(
            f"{cache_folder()} cannot be written: {error.strerror}",
            hint="free some space, or put the cache elsewhere: CHARLSTM_CACHE=/some/folder",
        ) from error


def _joined(sources: list[TextSource], options: DecodingOptions, on_message: OnMessage) -> Iterator[str]:
    """Yield the texts of the sources, each from a new line."""
    last_character = "\n"
    for source in sources:
        for index, chunk in enumerate(filter(None, read_chunks(source, options, on_message))):
            if index == 0 and last_character != "\n":
                yield "\n"
            yield chunk
            last_character = chunk[-1]


def _bytes_on_disk(sources: Iterable[TextSource]) -> int:
    size = 0
    for path in {source.path for source in sources}:
        with contextlib.suppress(OSError):  # reading the file will report it
            size += path.stat().st_size
    return size


def _cache_key(sources: Iterable[TextSource], options: DecodingOptions) -> str:
    """Return the SHA-256 of the bytes on disk and of the options."""
    key = hashlib.sha256(json.dumps([CACHE_VERSION, asdict(options)], sort_keys=True).encode())
    for source in sources:
        key.update(json.dumps(source.member).encode())
        try:
            with source.path.open("rb") as stream:
                key.update(hashlib.file_digest(stream, "sha256").digest())
        except OSError as error:
            raise CorpusError(
                f"{source.name} cannot be read: {error.strerror}", hint="check the path and its permissions"
            ) from error
    return key.hexdigest()


def _ids_file(key: str) -> Path:
    return cache_folder() / f"{key}.ids"


def _metadata_file(key: str) -> Path:
    return cache_folder() / f"{key}.json"


def _save_metadata(key: str, text: _EncodedText) -> None:
    metadata = {"characters": text.characters, "counts": text.counts, "digest": text.digest, "size": len(text.ids)}
    write_atomically(_metadata_file(key), json.dumps(metadata).encode())


def _load_cached(key: str) -> _EncodedText | None:
    """Return a text from the cache; None if it is not there or damaged."""
    try:
        metadata: dict[str, Any] = json.loads(_metadata_file(key).read_text(encoding="ascii"))
        ids = map_ids(_ids_file(key), np.min_scalar_type(len(metadata["characters"]) - 1))
        if len(ids) != metadata["size"] or sum(metadata["counts"]) != len(ids):
            return None
        return _EncodedText(metadata["characters"], tuple(metadata["counts"]), ids, metadata["digest"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
