"""Get a model from the Hub: its one safe file, checked before anybody sees it."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.errors import HubError, ModelFileError
from charlstm.sharing.hub import connect
from charlstm.sharing.hub_errors import ONLY_OURS, hub_errors
from charlstm.sharing.repository import MAX_MODEL_BYTES, MODEL_FILE
from charlstm.storage.model_file import Model, load_model

if TYPE_CHECKING:
    from huggingface_hub import HfApi


@contextmanager
def downloaded_model(
    repository: str,
    *,
    revision: str | None = None,
    on_size: Callable[[int], None] = lambda _: None,
    on_message: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[Path, Model]]:
    """Download the model file of a repository, and no other; yield the file and the model in it.

    The file is removed at the end. `revision` is a branch, a tag or a commit; `on_size` is told how many bytes are to
    come. Raises HubError, and ModelFileError for a file that charlstm has not written.
    """
    client = connect(on_message)
    with tempfile.TemporaryDirectory(prefix="charlstm-") as folder:
        commit = _check_file(client, repository, revision, on_size)
        with hub_errors(repository):
            file = Path(client.hf_hub_download(repository, MODEL_FILE, revision=commit, local_dir=folder))
        try:
            model = load_model(file)
        except ModelFileError as problem:
            message = str(problem).replace(str(file), f"{MODEL_FILE} of {repository}")
            raise ModelFileError(message, hint=f"{ONLY_OURS}; a newer one may need a newer charlstm") from problem
        yield file, model


def _check_file(client: "HfApi", repository: str, revision: str | None, on_size: Callable[[int], None]) -> str | None:
    """Return the commit of a model file that is not too large."""
    from huggingface_hub import hf_hub_url

    with hub_errors(repository):
        url = hf_hub_url(repository, MODEL_FILE, revision=revision, endpoint=client.endpoint)
        metadata = client.get_hf_file_metadata(url=url)
    if metadata.size is None or metadata.size > MAX_MODEL_BYTES:
        size = "an unknown number of" if metadata.size is None else f"{metadata.size:,}"
        raise HubError(
            f"{MODEL_FILE} of {repository} has {size} bytes, but at most {MAX_MODEL_BYTES:,} are downloaded",
            hint=ONLY_OURS,
        )
    on_size(metadata.size)
    commit: str | None = metadata.commit_hash
    return commit
