"""Files of a new run that are among its texts."""

import os
from collections.abc import Iterable
from pathlib import Path

from charlstm.errors import RunError
from charlstm.storage.run_folder import RunFolder


def check_sources(folder: RunFolder, sources: Iterable[str]) -> None:
    """Raise RunError if a text, or a file beside it that is not an earlier run's, is one that the run would replace.

    In a folder of texts such a file is no part of the text, because it would be another one when the run is resumed.
    """
    replaced = set(map(_real_path, folder.files))
    beside = set() if folder.has_run else {_real_path(file) for file in folder.files if file.is_file()}
    for source in sources:
        if Path(source).is_dir() and (mine := [file for file in beside if file.is_relative_to(_real_path(source))]):
            raise RunError(
                f"{min(mine)} is among the texts, and a run in {folder.path} would replace it",
                hint="rename the file, or choose another folder with `output`",
            )
        if _real_path(source) in replaced:
            raise RunError(
                f"{source} is a text, and a run in {folder.path} would replace it",
                hint="choose another folder with `output`",
            )


def _real_path(path: str | Path) -> Path:
    """Return a path without links; unlike Path.resolve, a loop of links is no error before Python 3.13."""
    return Path(os.path.realpath(path))
