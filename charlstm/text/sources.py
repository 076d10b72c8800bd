"""From arguments to texts that can be opened: files, folders, globs, archives or standard input, compressed or not."""

import glob
import os
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from charlstm.atomic_files import open_regular
from charlstm.errors import CorpusError
from charlstm.text.compression import (
    ARCHIVE,
    DECOMPRESSION_ERRORS,
    ByteStream,
    list_members,
    open_file,
    open_member,
    without_compression_suffixes,
)
from charlstm.text.file_search import FileSearch, Skipped, describe_skipped
from charlstm.text.streams import copy_stream, is_descriptor, is_stream, stream_name

MAX_NAME_BYTES = 80  # file systems allow 255, and temporary files have longer names
NOT_IN_NAMES = "*?[]/\\"


@dataclass(frozen=True)
class TextSource:
    """One text: a file, a member of a .zip file, or the copy of a stream."""

    path: Path
    member: str | None = None
    display_name: str | None = None  # None: the path
    copy: IO[bytes] | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        return self.display_name or (f"{self.path}:{self.member}" if self.member else str(self.path))

    @property
    def size(self) -> int:
        """Bytes that are stored: of the whole archive for a member. Raises OSError if the file has gone."""
        return self.path.stat().st_size if self.copy is None else self.copy.seek(0, os.SEEK_END)

    @contextmanager
    def open(self) -> Iterator[ByteStream]:
        """Yield a stream of the decompressed bytes.

        Raises CorpusError, also while the stream is read, if the file cannot be read or decompressed.
        """
        with _read_errors(self.name):
            if self.copy is not None:
                self.copy.seek(0)
                yield self.copy
            elif self.member is not None:
                with open_member(self.path, self.member) as stream:
                    yield stream
            else:
                with open_file(self.path) as stream:
                    yield stream

    @contextmanager
    def open_stored(self) -> Iterator[IO[bytes]]:
        """Yield the bytes as they are stored: the whole archive for a member. Raises CorpusError like `open`."""
        with _read_errors(self.name):
            if self.copy is not None:
                self.copy.seek(0)
                yield self.copy
            else:
                with open_regular(self.path) as stream:
                    yield stream

    def close(self) -> None:
        """Free the copy of a stream, after which the source cannot be opened any more."""
        if self.copy is not None:
            self.copy.close()


@dataclass(frozen=True)
class FoundTexts:
    """The sources of one argument."""

    argument: str
    sources: list[TextSource]
    skipped: list[Skipped]
    base: Path | None = None  # the folder or archive that is searched; None: the user named the source

    @property
    def is_search(self) -> bool:
        """Whether what cannot be read is skipped, as the user did not name it."""
        return self.base is not None

    def short_name(self, source: TextSource) -> str:
        """Return the name of a source within the folder or archive that is searched."""
        return source.name.removeprefix(str(self.base)).lstrip("/:" + os.sep) if self.base else source.name

    def without(self, unreadable: Sequence[Skipped]) -> str:
        """Describe what was read and what was skipped, in one line; an empty string if nothing was.

        Raises CorpusError if nothing was read.
        """
        skipped = [*self.skipped, *unreadable]
        num_read = len(self.sources) - len(unreadable)
        if num_read == 0:
            raise _without_text(self.argument, skipped)
        if not skipped:
            return ""
        files = "1 file" if num_read == 1 else f"{num_read:,} files"
        return f"{self.argument}: {files}, {len(skipped):,} skipped: {describe_skipped(skipped)}"


def find_sources(text: str | Path, *, own_run: Path | None = None, is_recorded: bool = False) -> FoundTexts | None:
    """Return the sources of one argument in sorted order; None if it is neither a path nor a pattern.

    A file that exists takes precedence over a pattern. `own_run` is the folder of the run that the text is for: its
    files are no part of the text. A text that `is_recorded` in a file, and not given by the user, is never read from a
    stream or a device. Raises CorpusError if a folder, an archive or a pattern has no text.
    """
    name = str(text)
    check_is_named(name)
    if is_stream(text):
        if is_recorded:
            raise CorpusError(f"{name} is not a file, so the text cannot be read again", hint="say where the text is")
        source = TextSource(Path(text), display_name=stream_name(text), copy=copy_stream(text))
        return FoundTexts(name, [source], [])
    with _read_errors(name):
        try:
            status = os.stat(text)
        except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the name
            return _find_matches(name, own_run) if glob.has_magic(name) else None
    if stat.S_ISDIR(status.st_mode):
        search = FileSearch(own_run)
        search.search_folder(Path(text))
        return _found(name, search)
    if is_recorded and status.st_size == 0:  # files of the kernel's have no size, and some of them no end
        raise CorpusError(f"{name} is empty", hint="say where the text is")
    if Path(text).suffix.lower() == ARCHIVE:
        sources, skipped = _members(Path(text))
        if not sources:
            raise _without_text(name, skipped)
        return FoundTexts(name, sources, skipped, Path(text))
    return FoundTexts(name, [TextSource(Path(text))], [])


def check_is_named(text: str | Path) -> None:
    """Raise CorpusError for an argument of nothing, such as a variable of the shell that is not set."""
    if not str(text).strip():
        raise CorpusError(
            f"the name of the text is empty ({str(text)!r})",
            hint="if it comes from a variable of the shell, check that it is set; . is the present folder",
        )


def corpus_name(texts: Sequence[str | Path]) -> str:
    """Return a name for texts that are read together, which can be that of a folder: their names without suffixes."""
    for text in texts:
        check_is_named(text)
    joined = "+".join(dict.fromkeys(_stem(text) for text in texts))
    if len(joined.encode()) > MAX_NAME_BYTES:
        joined = joined.encode()[:MAX_NAME_BYTES].decode(errors="ignore").rstrip("+")
    return joined.rstrip(". ")


def _find_matches(pattern: str, own_run: Path | None) -> FoundTexts:
    search = FileSearch(own_run)
    search.match_pattern(pattern)
    if not search.files and not search.skipped:
        raise CorpusError(f"no file matches {pattern!r}", hint="check the pattern")
    return _found(pattern, search)


def _found(argument: str, search: FileSearch) -> FoundTexts:
    """Return the texts of a search, those in archives too."""
    sources, skipped = [], search.skipped
    for file in search.files:
        name = search.short_name(file)
        if file.suffix.lower() != ARCHIVE:
            sources.append(TextSource(file))
            continue
        try:
            members, skipped_members = _members(file)
        except CorpusError as error:
            skipped.append(Skipped(name, reason_of(error, str(file))))
            continue
        sources += members
        skipped += [Skipped(f"{name}:{one.name}", one.reason) for one in skipped_members]
    if not sources:
        raise _without_text(argument, skipped)
    return FoundTexts(argument, sources, skipped, search.base)


def _members(path: Path) -> tuple[list[TextSource], list[Skipped]]:
    """Return the members of a .zip file, and those that are skipped. Raises CorpusError if the file cannot be read."""
    with _read_errors(str(path)):
        members, encrypted = list_members(path)
    if encrypted and not members:
        raise CorpusError(f"{path} is encrypted", hint="give its files after unpacking them with the password")
    return [TextSource(path, member) for member in members], [Skipped(member, "encrypted") for member in encrypted]


def reason_of(error: CorpusError, name: str) -> str:
    """Return the message of an error about a source in a few words, without its name."""
    reason, _, detail = str(error).removeprefix(f"{name} ").removeprefix("is ").partition(": ")
    if reason == "not a text" and detail:
        return detail.removeprefix("it is ")
    return detail.lower() if reason == "cannot be read" and detail else reason


@contextmanager
def _read_errors(name: str) -> Iterator[None]:
    """Turn errors in reading and decompressing into a CorpusError."""
    try:
        yield
    except DECOMPRESSION_ERRORS as error:
        raise CorpusError(
            f"{name} cannot be decompressed: {error or type(error).__name__}",
            hint="check that the file is complete, or fetch or compress it again",
        ) from error
    except OSError as error:
        raise CorpusError(
            f"{name} cannot be read: {error.strerror or error}",
            hint="check the path, its permissions, and that the file is complete",
        ) from error


def _without_text(argument: str, skipped: Sequence[Skipped]) -> CorpusError:
    found = f": {describe_skipped(skipped)}" if skipped else ""
    return CorpusError(f"{argument} has no text in it{found}", hint="give text files, or a folder or archive of them")


def _stem(text: str | Path) -> str:
    """Return the name of a file without its suffixes, and without characters that cannot stand in a folder's name."""
    if is_descriptor(text):
        return "stdin"
    name = Path(without_compression_suffixes(Path(os.path.abspath(text)).name)).stem.lstrip("-. ")
    kept = (one for one in name if one not in NOT_IN_NAMES and unicodedata.category(one) not in ("Cc", "Cf", "Cs"))
    return "".join(kept).strip(". ") or "text"
