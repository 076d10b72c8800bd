"""The names of repositories on the Hub, and of the files in them."""

import re

from charlstm.errors import SettingError, shown

MODEL_FILE, CARD_FILE = "model.safetensors", "README.md"
MAX_MODEL_BYTES = 1_000_000_000  # of a model that is pushed or pulled
MAX_CARD_BYTES = 1_000_000
MAX_NAME = 96  # characters, a limit of the Hub

_PART = r"\w(?:[\w.-]*\w)?"
_NAME = re.compile(f"{_PART}/{_PART}", re.ASCII)
_LICENSE = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")


def check_repository(name: str) -> None:
    """Raise SettingError unless this is USER/NAME as the Hub allows it, so that nothing else becomes part of a URL."""
    is_forbidden = "--" in name or ".." in name or name.endswith(".git") or len(name) > MAX_NAME
    if not _NAME.fullmatch(name) or is_forbidden:
        raise SettingError(
            f"{shown(name)} is not the name of a repository",
            hint="give USER/NAME: a user or an organization, and the name of the model, such as anna/macbeth",
        )


def check_license(license_id: str) -> str:
    """Return the identifier of a licence in lower case. Raises SettingError for what cannot be one.

    Which ones there are, the Hub checks.
    """
    if not _LICENSE.fullmatch(license_id.lower()):
        raise SettingError(
            f"`license` is {shown(license_id)}, but it must be an identifier",
            hint="give one such as mit, apache-2.0, cc-by-4.0 or cc0-1.0",
        )
    return license_id.lower()
