"""Put a model on the Hub: its file and its card, in one commit."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.errors import SettingError
from charlstm.sharing.card import is_as_written
from charlstm.sharing.hub import TIMEOUT, check_logged_in, connect
from charlstm.sharing.hub_errors import hub_errors
from charlstm.sharing.prepare import Upload
from charlstm.sharing.repository import CARD_FILE, MAX_CARD_BYTES, MODEL_FILE

if TYPE_CHECKING:
    from huggingface_hub import HfApi, ModelInfo


@dataclass(frozen=True)
class Pushed:
    """What has been done."""

    address: str
    has_changed: bool  # False: the repository held these files already
    keeps_card: bool  # because somebody has edited it


def push_model(
    repository: str,
    upload: Upload,
    *,
    is_public: bool,
    message: str,
    overwrite: bool = False,
    on_message: Callable[[str], None] = lambda _: None,
) -> Pushed:
    """Upload a model file and its card, and create the repository if it is not there.

    `is_public` has to say what an existing repository is, so that nobody publishes a model by mistake. A card that
    somebody has edited stays, unless it may be overwritten. Raises HubError, and SettingError for a repository that is
    public or private against `is_public`.
    """
    client = connect(on_message)
    with hub_errors(repository):
        check_logged_in(client)
        found = _find(client, repository)
    address = f"{client.endpoint}/{repository}"
    if found is not None:
        _check_visibility(address, is_private=bool(found.private), is_public=is_public)
    keeps_card = found is not None and not overwrite and _has_edited_card(client, found)
    files = {MODEL_FILE: upload.content} | ({} if keeps_card else {CARD_FILE: upload.card.encode()})
    parent = None if found is None else found.sha
    with hub_errors(repository):
        if found is None:
            client.create_repo(repository, private=not is_public)
        commit = _commit(client, repository, files, message=message, parent=parent)
    return Pushed(address, commit != parent, keeps_card)


def _find(client: "HfApi", repository: str) -> "ModelInfo | None":
    """Return what the Hub knows of a repository; None if there is none."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        return client.model_info(repository, files_metadata=True, timeout=TIMEOUT)
    except GatedRepoError:
        raise
    except RepositoryNotFoundError as error:
        if error.response.status_code == 401:  # the token is not accepted
            raise
        return None


def _check_visibility(address: str, *, is_private: bool, is_public: bool) -> None:
    if is_private and is_public:
        raise SettingError(
            f"{address} is private, and `public` is for a new repository",
            hint=f"leave `public` out, or make it public first: {address}/settings",
        )
    if not is_private and not is_public:
        raise SettingError(
            f"{address} is public, so that everybody could read what the model file holds of its text",
            hint="allow that with `public`, or choose another name",
        )


def _has_edited_card(client: "HfApi", found: "ModelInfo") -> bool:
    """Return whether a repository has a card that is not as it was written here."""
    card = next((one for one in found.siblings or [] if one.rfilename == CARD_FILE), None)
    if card is None:
        return False
    if (card.size or 0) > MAX_CARD_BYTES:  # far more than is written here
        return True
    with tempfile.TemporaryDirectory(prefix="charlstm-") as folder, hub_errors(found.id):
        path = client.hf_hub_download(found.id, CARD_FILE, revision=found.sha, local_dir=folder)
        return not is_as_written(Path(path).read_bytes().decode(errors="replace"))


def _commit(client: "HfApi", repository: str, files: Mapping[str, bytes], *, message: str, parent: str | None) -> str:
    """Put files into a repository in one commit, and return its hash: that of `parent` if they are there already.

    The Hub refuses if the repository has moved on since `parent`.
    """
    from huggingface_hub import CommitOperationAdd

    operations = [CommitOperationAdd(name, content) for name, content in files.items()]
    commit = client.create_commit(repository, operations, commit_message=message, parent_commit=parent)
    return str(commit.oid)
