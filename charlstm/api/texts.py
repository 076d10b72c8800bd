"""The two ways to give a text: files by their paths, or the text itself."""

import os
from collections.abc import Sequence
from os import PathLike
from typing import overload

from charlstm.api.messages import logger
from charlstm.errors import SettingError
from charlstm.text.corpus import Corpus, load_corpus
from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.given_text import load_given_text

Files = str | PathLike[str] | Sequence[str | PathLike[str]]

MAX_PATH = 4096  # characters; a longer one is a text given in the wrong place


def file_names(files: Files | None, text: str | None = None, *, name: str = "files") -> list[str]:
    """Return the files, an argument of this name, as a list; empty if the text itself is given.

    Raises SettingError unless exactly one of the two is given, with the type that it must have.
    """
    if (files is None) == (text is None):
        raise SettingError(
            f"{'neither `files` nor `text` is' if files is None else '`files` and `text` are both'} given",
            hint="give paths as `files`, or the text itself as `text`",
        )
    if text is not None:
        if not isinstance(text, str):
            raise SettingError(f"`text` is of type {type(text).__name__}, but it must be of type str")
        return []
    if not isinstance(files, str | PathLike | Sequence):
        raise SettingError(f"`{name}` is of type {type(files).__name__}", hint="give a path, or a list of paths")
    paths = [files] if isinstance(files, str | PathLike) else list(files)
    for path in paths:
        if not isinstance(path, str | PathLike):
            raise SettingError(f"`{name}` has {path!r}, which is not a path", hint="give a path, or a list of paths")
        if "\n" in str(path) or len(str(path)) > MAX_PATH:
            hint = "give the text itself as `text`" if name == "files" else "write the text to a file"
            raise SettingError(f"`{name}` has a text where a path must be", hint=hint)
    if not paths:
        raise SettingError(f"`{name}` is empty", hint="give at least one path")
    return [as_text_name(path) for path in paths]


@overload
def as_text_name(path: None) -> None: ...
@overload
def as_text_name(path: str | PathLike[str]) -> str: ...
def as_text_name(path: str | PathLike[str] | None) -> str | None:
    """Return a path as it cannot be taken for the name of a text that ships, which only a string can be."""
    if path is None or isinstance(path, str):
        return path
    return os.fspath(path) if os.path.dirname(path) else os.path.join(os.curdir, path)


def read_corpus(files: Files | None, text: str | None, options: DecodingOptions) -> Corpus:
    """Read the files, or the text itself. Raises SettingError or CorpusError."""
    names = file_names(files, text)
    if text is not None:
        return load_given_text(text, options, on_message=logger.info)
    return load_corpus(names, options, on_message=logger.info)
