"""Models that ship with charlstm, found by name."""

import os
from pathlib import Path

from charlstm.text.catalogue import shipped_folder

ENGLISH = "english"  # is used where nobody has trained a model yet
FOLDER, SUFFIX = "models", ".safetensors"


def shipped_models() -> dict[str, Path]:
    """Return the models that ship with charlstm, name to path; there may be none."""
    return {path.stem: path for path in sorted(models_folder().glob(f"*{SUFFIX}"))}


def find_shipped_model(name: str | Path) -> Path | None:
    """Return the file of a model that ships; None if there is none.

    Only a bare name can name one: a Path, which drops `./`, and a name with a folder in it are paths.
    """
    if isinstance(name, Path) or os.path.dirname(name):
        return None
    return shipped_models().get(name)


def shipped_name(path: str | Path) -> str | None:
    """Return the name of the model that ships here and has this path; None for another file.

    The path may be the one in an installation that has gone: a run records the full path of the model it started from.
    """
    path = Path(path)
    is_gone = not path.exists() and path.parent.name == FOLDER and path.parent.parent.name == shipped_folder().name
    here = shipped_models().get(path.stem)
    return path.stem if here is not None and (is_gone or path == here) else None


def models_folder() -> Path:
    """Return the folder of these models."""
    return shipped_folder() / FOLDER
