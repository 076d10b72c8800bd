"""Read the sources of a text into ids, or take the ids of a large text from the cache.

Sources that the user did not name, but that were found in a folder or an archive, may turn out to be unreadable: then
nothing of them remains.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids
from charlstm.errors import CorpusError, RunError
from charlstm.machine import CACHE_HINT, cache_folder
from charlstm.text.decoding import read_chunks
from charlstm.text.decoding_options import DecodingOptions, OnMessage
from charlstm.text.id_cache import CachedIds, load_ids, store_ids
from charlstm.text.id_files import IdSpool
from charlstm.text.sources import TextSource, reason_of
from charlstm.text.text_encoder import TextEncoder
from charlstm.text.vocabulary import MAX_VOCABULARY

MAX_IN_MEMORY = 1 << 24  # characters, and bytes on disk, of a text that is not cached
MAX_WITHOUT_CACHE = 1 << 28  # characters that are kept in memory where the cache cannot be written
CACHE_VERSION = 3
SAMPLE_BYTES = 8192  # that a NUL is looked for in, where the encoding is given
EMPTY = "empty"


@dataclass(frozen=True)
class SourceInUse:
    """A source, and whether it may be left out if it cannot be read, because the user did not name it."""

    source: TextSource
    may_be_skipped: bool


@dataclass(frozen=True)
class EncodedText:
    """A text as ids, which are indices of its characters ordered by code point."""

    characters: str
    counts: tuple[int, ...]  # occurrences of each character
    ids: Ids
    digest: str  # SHA-256 of the text in UTF-8


def read_encoded(
    sources: Sequence[SourceInUse],
    options: DecodingOptions,
    on_message: OnMessage,
    *,
    on_skipped: Callable[[dict[int, str]], None],
) -> EncodedText:
    """Read sources one after the other, each from a new line.

    `on_message` gets a line about anything unusual; `on_skipped` gets the indices of the sources that hold no text, and
    why. Raises CorpusError if a source that must be read cannot be, or if there is no text at all.
    """
    key = None if _stored_bytes(sources) < MAX_IN_MEMORY else _cache_key(sources, options)
    cached = None if key is None else load_ids(key)
    if cached and (encoded := _from_cache(cached, len(sources))):
        on_skipped({int(index): reason for index, reason in cached.details["skipped"].items()})
        return encoded
    return _encode(sources, options, on_message, on_skipped, key=key)


def store_or_keep(
    key: str, chunks: Callable[[], Iterable[Ids]], dtype: npt.DTypeLike, details: dict[str, Any], on_message: OnMessage
) -> Ids:
    """Return ids mapped from the cache, or in memory if the cache cannot be written and they are few enough.

    Raises CorpusError if there are too many.
    """
    try:
        return store_ids(key, chunks(), dtype, details)
    except (OSError, RunError) as problem:
        kept: list[Ids] = []
        for chunk in chunks():
            kept.append(np.asarray(chunk, dtype))
            if sum(map(len, kept)) > MAX_WITHOUT_CACHE:
                raise _cache_error(problem) from problem
        on_message(f"{_cache_error(problem)}; the text is kept in memory")
        return np.concatenate(kept)


def encode_chunks(chunks: Iterable[str]) -> EncodedText:
    """Encode a clean text of at least one character. Raises CorpusError if it is large and there is no space for it."""
    with IdSpool(cache_folder(), max_in_memory=MAX_IN_MEMORY, max_without_file=MAX_WITHOUT_CACHE) as spool:
        encoder = TextEncoder(spool)
        try:
            encoder.append(chunks)
        except OSError as problem:
            raise _cache_error(problem) from problem
        characters, counts, ranks = encoder.ordered()

        def ranked() -> Iterator[Ids]:
            return (ranks[chunk] for chunk in spool.chunks())

        if spool.is_large:
            key = hashlib.sha256(f"clean text {encoder.digest}".encode()).hexdigest()
            ids = store_or_keep(key, ranked, ranks.dtype, {}, lambda _: None)
        else:
            ids = np.concatenate(list(ranked()))
    return EncodedText(characters, counts, ids, encoder.digest)


def _encode(
    sources: Sequence[SourceInUse],
    options: DecodingOptions,
    on_message: OnMessage,
    on_skipped: Callable[[dict[int, str]], None],
    *,
    key: str | None,
) -> EncodedText:
    """Read the sources. A large text goes to the cache, under a key that is computed if it is None."""
    folder = cache_folder()
    with IdSpool(folder, max_in_memory=MAX_IN_MEMORY, max_without_file=MAX_WITHOUT_CACHE) as spool:
        encoder = TextEncoder(spool)
        try:
            skipped = _append_all(sources, options, on_message, encoder)
        except OSError as problem:  # those in reading are CorpusErrors already
            raise _cache_error(problem) from problem
        if not len(spool) and not sources[0].may_be_skipped:
            raise CorpusError(f"{sources[0].source.name} is empty", hint="give a file with text in it")
        on_skipped(skipped)
        characters, counts, ranks = encoder.ordered()

        def ranked() -> Iterator[Ids]:
            return (ranks[chunk] for chunk in spool.chunks())

        if spool.is_large:
            details = {"characters": characters, "counts": counts, "digest": encoder.digest, "skipped": skipped}
            key = key or _cache_key(sources, options)
            ids = store_or_keep(key, ranked, ranks.dtype, details, on_message)
        else:
            ids = np.concatenate(list(ranked()))
    return EncodedText(characters, counts, ids, encoder.digest)


def _append_all(
    sources: Sequence[SourceInUse], options: DecodingOptions, on_message: OnMessage, encoder: TextEncoder
) -> dict[int, str]:
    """Append all sources that can be read; return why others were left out, by their indices."""
    skipped = {}
    for index, one in enumerate(sources):
        try:
            if one.may_be_skipped and options.encoding:
                _check_has_no_nul(one.source, options.encoding)
            if not encoder.append(read_chunks(one.source, options, on_message)):
                skipped[index] = EMPTY
        except CorpusError as error:
            if not one.may_be_skipped:
                raise
            skipped[index] = reason_of(error, one.source.name)
    return skipped


def _check_has_no_nul(source: TextSource, encoding: str) -> None:
    """Raise CorpusError for a binary file, which some encodings would decode without an error."""
    with source.open() as stream:
        sample = stream.read(SAMPLE_BYTES)
    if "\0" in sample.decode(encoding, errors="ignore"):
        raise CorpusError(f"{source.name} is a binary file", hint="give a text file")


def _from_cache(cached: CachedIds, num_sources: int) -> EncodedText | None:
    """Return the text that cached ids and details describe; None if they do not fit each other."""
    match cached.details:
        case {"characters": str(characters), "counts": list(counts), "digest": str(digest), "skipped": dict(reasons)}:
            pass
        case _:
            return None
    is_valid = (
        0 < len(characters) == len(counts) <= MAX_VOCABULARY
        and all(one < other for one, other in pairwise(characters))
        and all(type(count) is int and count > 0 for count in counts)
        and sum(counts) == len(cached.ids)
        and int(cached.ids.max()) < len(characters)
        and all(len(index) < 10 and index.isdecimal() and int(index) < num_sources for index in reasons)
        and all(isinstance(reason, str) for reason in reasons.values())
    )
    return EncodedText(characters, tuple(counts), cached.ids, digest) if is_valid else None


def _cache_error(problem: OSError | RunError) -> CorpusError:
    folder = cache_folder() or "the folder for cached texts"
    reason = (problem.strerror if isinstance(problem, OSError) else None) or str(problem)
    return CorpusError(
        reason if isinstance(problem, RunError) else f"{folder} cannot be written: {reason}",
        hint=CACHE_HINT,
    )


def _stored_bytes(sources: Iterable[SourceInUse]) -> int:
    size = 0
    for source in {one.source.path: one.source for one in sources}.values():
        with contextlib.suppress(OSError):  # reading the file will report it
            size += source.size
    return size


def _cache_key(sources: Iterable[SourceInUse], options: DecodingOptions) -> str:
    """Return the SHA-256 of the bytes that are stored and of the options."""
    key = hashlib.sha256(json.dumps([CACHE_VERSION, asdict(options)], sort_keys=True).encode())
    digests: dict[Any, bytes] = {}
    for one in sources:
        path = one.source.path
        if path not in digests:
            digests[path] = _digest(one)
        key.update(json.dumps([path.suffix.lower(), one.source.member, one.may_be_skipped]).encode())
        key.update(digests[path])
    return key.hexdigest()


def _digest(one: SourceInUse) -> bytes:
    """Return the SHA-256 of the bytes of a source; raises CorpusError if it must be read and cannot be."""
    try:
        with one.source.open_stored() as stream:
            return hashlib.file_digest(stream, "sha256").digest()  # type: ignore[arg-type]
    except CorpusError:
        if not one.may_be_skipped:
            raise
        return b"unreadable"
