"""Texts to ids: whatever is handed in, read piece by piece, to one array of the smallest type that fits.

A small text stays in memory. A large one lies in a memory-mapped file in the user's cache, made once for the same
bytes and settings.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids
from charlstm.atomic_files import open_atomically, write_atomically
from charlstm.errors import CorpusError
from charlstm.machine import cache_folder
from charlstm.text.catalogue import CATALOGUE, find_fetched
from charlstm.text.decoding import DecodingOptions, read_pieces
from charlstm.text.sources import STANDARD_INPUT, TextSource, find_sources, is_passing, label
from charlstm.text.vocabulary import code_points_of, text_of

IN_MEMORY = 1 << 24  # characters (and bytes on disk) of a text that needs no file
AT_ONCE = 1 << 22  # ids worked on at once
MOST_CHARACTERS = 1 << 16  # different ones
VERSION = 1  # of the cache

OnMessage = Callable[[str], None]


@dataclass(frozen=True)
class Corpus:
    """A text to learn from: its characters in order of their code points, and the text as places among them."""

    name: str
    sources: tuple[str, ...]
    characters: str
    counts: tuple[int, ...]  # of each character
    ids: Ids  # (characters of the text,)
    digest: str  # SHA-256 of the clean text in UTF-8

    def __len__(self) -> int:
        return len(self.ids)

    def pieces(self) -> Iterator[str]:
        """The clean text, some millions of characters at a time."""
        code_points = code_points_of(self.characters)
        for start in range(0, len(self.ids), AT_ONCE):
            yield text_of(code_points[self.ids[start : start + AT_ONCE]])

    def beginning(self, length: int) -> str:
        """The first characters of the clean text."""
        return text_of(code_points_of(self.characters)[self.ids[:length]])

    @property
    def text(self) -> str:
        return "".join(self.pieces())

    def remapped(self, table: npt.NDArray[np.integer], *, size: int) -> Ids:
        """The text in other ids: `table` holds a new id below `size` for each character, or -1 to leave it out."""
        if np.array_equal(table, np.arange(len(self.characters))):
            return self.ids
        kind = np.min_scalar_type(max(0, size - 1))
        parts = (table[self.ids[start : start + AT_ONCE]] for start in range(0, len(self.ids), AT_ONCE))
        kept = (part[part >= 0].astype(kind) for part in parts)
        if len(self.ids) <= IN_MEMORY:
            return np.concatenate([np.empty(0, kind), *kept])
        length = sum(count for count, new in zip(self.counts, table, strict=True) if new >= 0)
        if not length:
            return np.empty(0, kind)
        path = cache_folder() / f"{hashlib.sha256(self.digest.encode() + table.tobytes()).hexdigest()}.ids"
        if path.exists() and path.stat().st_size == length * kind.itemsize:
            return _mapped_ids(path, kind)
        return _written_ids(path, kept, kind)


def load_corpus(
    texts: Sequence[str | Path], reading: DecodingOptions | None = None, *, on_message: OnMessage = lambda _: None
) -> Corpus:
    """Read all that is handed in, one after the other.

    A file wins over a shipped text of the same name. `on_message` gets a line about everything unusual. Raises CorpusError,
    which says how to mend it, for a text that is missing, empty, unreadable or no text.
    """
    reading = reading or DecodingOptions()
    sources = [source for text in texts for source in _sources_of(text)]
    name, places = label(texts), tuple(_place(text) for text in texts)
    if _size(sources) < IN_MEMORY:
        return _read(name, places, sources, reading, on_message, key=None)
    key = _key(sources, reading)
    cached = _load_cached(key, name, places)
    return cached or _read(name, places, sources, reading, on_message, key=key)


def find_by_name(text: str | Path) -> Path | None:
    """The file of a text that ships (with or without `.txt`) or that was fetched."""
    shipped = shipped_texts()
    return shipped.get(str(text)) or shipped.get(f"{text}.txt") or find_fetched(Path(text).name, cache_folder())


def shipped_texts() -> dict[str, Path]:
    """File name to path of the texts that ship with charlstm: inside the package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    folder = package / "data" if (package / "data").is_dir() else package.parent / "data"
    return {path.name: path for path in sorted(folder.glob("*.txt"))}


def _sources_of(text: str | Path) -> list[TextSource]:
    sources = find_sources(text)
    if sources:
        return sources
    path = find_by_name(text) or find_by_name(Path(text).name)
    if path:
        return find_sources(path)
    if str(text) in CATALOGUE:
        raise CorpusError(f"{text} is not here yet", hint=f"fetch it first: charlstm corpus fetch {text}")
    raise CorpusError(
        f"there is no text {str(text)!r}",
        hint="give the path of a text file, or the name of a text that ships with charlstm "
        f"({', '.join(shipped_texts())}) or can be find_fetched: charlstm corpus list",
    )


def _place(text: str | Path) -> str:
    """Where an argument can be found again, from any folder."""
    if str(text) == STANDARD_INPUT or is_passing(Path(text)):
        return STANDARD_INPUT
    named = None if os.path.exists(text) else find_by_name(text)
    return str(named or Path(os.path.abspath(text)))


def _size(sources: Iterable[TextSource]) -> int:
    sizes = 0
    for path in {source.path for source in sources}:
        try:
            sizes += path.stat().st_size
        except OSError:
            continue  # reading it will on_message
    return sizes


def _key(sources: Iterable[TextSource], reading: DecodingOptions) -> str:
    """SHA-256 of the bytes on disk and of how they are read."""
    whole = hashlib.sha256(json.dumps([VERSION, asdict(reading)], sort_keys=True).encode())
    for source in sources:
        whole.update(json.dumps(source.member).encode())
        try:
            with source.path.open("rb") as stream:
                whole.update(hashlib.file_digest(stream, "sha256").digest())
        except OSError as problem:
            raise CorpusError(
                f"{source.name} cannot be read: {problem.strerror}", hint="check the path and its permissions"
            ) from problem
    return whole.hexdigest()


class _Encoder:
    """Gives every new character the next id, counts them, and digests the text."""

    def __init__(self) -> None:
        self.ids_of = np.full(0x110000, -1, np.int32)
        self.found: list[int] = []
        self.counts = np.zeros(MOST_CHARACTERS, np.int64)
        self.digest = hashlib.sha256()

    def encode(self, text: str) -> npt.NDArray[np.uint16]:
        code_points = code_points_of(text)
        ids = self.ids_of[code_points]
        if (ids < 0).any():
            new = np.unique(code_points[ids < 0])
            if len(self.found) + len(new) > MOST_CHARACTERS:
                raise CorpusError(
                    f"more than {MOST_CHARACTERS:,} different characters", hint="is it a text, and this its encoding?"
                )
            self.ids_of[new] = len(self.found) + np.arange(len(new))
            self.found.extend(new.tolist())
            ids = self.ids_of[code_points]
        self.counts += np.bincount(ids, minlength=MOST_CHARACTERS)
        self.digest.update(text.encode("utf-8", "surrogatepass"))
        return ids.astype(np.uint16)

    def order(self) -> npt.NDArray[np.intp]:
        """The first ids in the order of their code points."""
        return np.argsort(self.found)


def _read(
    name: str,
    places: tuple[str, ...],
    sources: list[TextSource],
    reading: DecodingOptions,
    on_message: OnMessage,
    *,
    key: str | None,
) -> Corpus:
    encoder = _Encoder()
    parts: list[npt.NDArray[np.uint16]] = []
    spool: BinaryIO | None = None
    size = 0
    try:
        for text in _joined(sources, reading, on_message):
            part = encoder.encode(text)
            size += len(part)
            parts.append(part)
            if size > IN_MEMORY:
                spool = spool or _spool()
                for part in parts:
                    spool.write(part.tobytes())
                parts.clear()
        if not size:
            raise CorpusError(f"{sources[0].name} is empty", hint="give a file with text in it")
        order = encoder.order()
        ranks = np.empty(len(order), np.min_scalar_type(len(order) - 1))
        ranks[order] = np.arange(len(order))
        if spool:
            key = key or _key(sources, reading)
            ids = _written_ids(cache_folder() / f"{key}.ids", (ranks[part] for part in _spooled(spool)), ranks.dtype)
        else:
            ids = ranks[np.concatenate(parts)]
    except OSError as problem:
        raise CorpusError(
            f"{cache_folder()} cannot be written: {problem.strerror}",
            hint="make room, or put the cache elsewhere: CHARLSTM_CACHE=/some/folder",
        ) from problem
    finally:
        if spool:
            spool.close()
    characters = text_of(np.array(encoder.found, np.uint32)[order])
    counts = tuple(encoder.counts[order].tolist())
    corpus = Corpus(name, places, characters, counts, ids, encoder.digest.hexdigest())
    if spool and key:
        _write_facts(key, corpus)
    return corpus


def _joined(sources: list[TextSource], reading: DecodingOptions, on_message: OnMessage) -> Iterator[str]:
    """The texts one after the other, each on a new line."""
    last = "\n"
    for source in sources:
        for number, piece in enumerate(filter(None, read_pieces(source, reading, on_message))):
            if number == 0 and last != "\n":
                yield "\n"
            yield piece
            last = piece[-1]


def _spool() -> BinaryIO:
    cache_folder().mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryFile(dir=cache_folder())


def _spooled(spool: BinaryIO) -> Iterator[npt.NDArray[np.uint16]]:
    spool.seek(0)
    while content := spool.read(2 * AT_ONCE):
        yield np.frombuffer(content, np.uint16)


def _written_ids(path: Path, parts: Iterable[Ids], kind: npt.DTypeLike) -> Ids:
    """The ids in a file, mapped into memory."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_atomically(path) as file:
        for part in parts:
            file.write(np.ascontiguousarray(part, kind).tobytes())
    return _mapped_ids(path, kind)


def _mapped_ids(path: Path, kind: npt.DTypeLike) -> Ids:
    return np.asarray(np.memmap(path, dtype=kind, mode="r"))


def _write_facts(key: str, corpus: Corpus) -> None:
    facts = {"characters": corpus.characters, "counts": corpus.counts, "digest": corpus.digest, "size": len(corpus)}
    write_atomically(cache_folder() / f"{key}.json", json.dumps(facts).encode())


def _load_cached(key: str, name: str, places: tuple[str, ...]) -> Corpus | None:
    """The text from the cache, if it is there and whole."""
    folder = cache_folder()
    try:
        facts: dict[str, Any] = json.loads((folder / f"{key}.json").read_text(encoding="ascii"))
        kind = np.min_scalar_type(len(facts["characters"]) - 1)
        ids = _mapped_ids(folder / f"{key}.ids", kind)
        if len(ids) != facts["size"] or sum(facts["counts"]) != len(ids):
            return None
        return Corpus(name, places, facts["characters"], tuple(facts["counts"]), ids, facts["digest"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
