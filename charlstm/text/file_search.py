"""Find the files in a folder, or those that match a pattern, and say of each file passed over why it was.

Whatever holds no text of the user's is passed over: hidden files, the files of runs, and everything that is no regular
file. Links to folders are not followed, as they may lead back to a folder above.
"""

import glob
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

CHECKPOINTS = ("checkpoint.safetensors", "checkpoint.previous.safetensors")
RUN_FILES = (  # of storage.run_folder.RunFolder
    *("model.safetensors", *CHECKPOINTS, "damaged.safetensors", "text_index.safetensors"),
    *("history.jsonl", "samples.txt", "config.json", ".stdin.txt"),
    *("log.csv", "events.out.tfevents.charlstm", "ensemble.json"),
)
RUN_MARKS = (  # of a run, of one with members, of a comparison
    *(("model.safetensors",), *((name,) for name in CHECKPOINTS)),
    *(("ensemble.json", "member-0"), ("plan.json", "comparison.json")),
)
HIDDEN, RUN_FILE = "hidden", "a file of the run"


@dataclass(frozen=True)
class Skipped:
    """A file or folder that was passed over, and why."""

    name: str
    reason: str


@dataclass
class FileSearch:
    """Collects the regular files of one search, each once, and what is passed over.

    The files of `own_run`, the run that the text is for, are passed over and texts beside them are not; other runs are
    passed over as a whole.
    """

    own_run: Path | None = None
    files: list[Path] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    base: Path = Path()  # the folder that is searched
    _seen: set[tuple[int, int]] = field(default_factory=set)

    def search_folder(self, folder: Path) -> None:
        """Search a folder and those below it, in sorted order."""
        self.base = folder
        for parent, folders, files in os.walk(folder, onerror=self._skip_unreadable):
            kept = []
            for name in sorted(folders):
                path = Path(parent, name)
                if reason := self._why_not_entered(path):
                    self._skip(path, reason)
                else:
                    kept.append(name)
            folders[:] = kept
            has_run = self._holds_run(Path(parent))
            for name in sorted(files):
                self._add(Path(parent, name), has_run=has_run)

    def match_pattern(self, pattern: str) -> None:
        """Search the paths that match a pattern, in sorted order."""
        self.base = Path(pattern)
        while glob.has_magic(str(self.base)):
            self.base = self.base.parent
        for path in map(Path, sorted(set(_expand(pattern)))):
            has_run = self._holds_run(path.parent)
            if path.is_dir():
                self._skip(path, "a folder")
            elif has_run and path.parent != self.base and not self._is_own(path.parent):
                self._skip(path, "in a run folder")
            else:
                self._add(path, has_run=has_run)

    def short_name(self, path: Path) -> str:
        """Return the path within the folder that is searched."""
        return str(path.relative_to(self.base)) if path.is_relative_to(self.base) else str(path)

    def _add(self, path: Path, *, has_run: bool) -> None:
        reason = RUN_FILE if has_run and path.name in RUN_FILES else self._why_not_read(path)
        if reason:
            self._skip(path, reason)
        else:
            self.files.append(path)

    def _why_not_entered(self, path: Path) -> str:
        if path.name.startswith("."):
            return HIDDEN
        if path.is_symlink():
            return "a linked folder"
        return "a run" if self._holds_run(path) and not self._is_own(path) else ""

    def _why_not_read(self, path: Path) -> str:
        if path.name.startswith("."):
            return HIDDEN
        try:
            status = path.stat()
        except OSError as error:
            return "a broken link" if path.is_symlink() else str(error.strerror or error)
        if not stat.S_ISREG(status.st_mode):
            return "not a regular file"
        if status.st_size == 0:
            return "empty"
        if not os.access(path, os.R_OK):
            return "no permission to read it"
        identity = status.st_dev, status.st_ino
        if identity in self._seen:
            return "the same file as one before"
        self._seen.add(identity)
        return ""

    def _skip_unreadable(self, error: OSError) -> None:
        self._skip(Path(error.filename), str(error.strerror))

    def _skip(self, path: Path, reason: str) -> None:
        self.skipped.append(Skipped(self.short_name(path), reason))

    def _holds_run(self, folder: Path) -> bool:
        return self._is_own(folder) or any(all((folder / name).exists() for name in mark) for mark in RUN_MARKS)

    def _is_own(self, folder: Path) -> bool:
        try:
            return self.own_run is not None and self.own_run.samefile(folder)
        except OSError:
            return False


def describe_skipped(skipped: Iterable[Skipped], *, max_named: int = 8) -> str:
    """Return what was passed over and why, the first few by name, and what is always passed over last."""
    ordered = sorted(skipped, key=lambda one: one.reason in (HIDDEN, RUN_FILE))
    named = ", ".join(f"{one.name} ({one.reason})" for one in ordered[:max_named])
    more = len(ordered) - max_named
    return f"{named} and {more:,} more" if more > 0 else named


def _expand(pattern: str) -> Iterator[str]:
    """Yield the paths that match a pattern; unlike glob's own, its `**` does not follow links to folders."""
    parts = pattern.replace(os.sep, "/").split("/")
    if "**" not in parts:
        yield from glob.glob(pattern)
        return
    index = parts.index("**")
    rest = "/".join(parts[index + 1 :]) or "*"
    for top in glob.glob("/".join(parts[:index]) + "/") if index else ["."]:
        for folder, folders, _ in os.walk(top):
            folders[:] = [name for name in folders if not name.startswith(".")]
            yield from _expand(os.path.normpath(os.path.join(glob.escape(folder), rest)))
