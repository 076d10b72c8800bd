"""Get a model from the Hub: its one safe file, checked before anybody sees it."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from charlstm.errors import ModelFileError
from charlstm.sharing.hub import connect, download
from charlstm.sharing.repository import MAX_MODEL_BYTES, MODEL_FILE
from charlstm.storage.model_file import Model, load_model


@contextmanager
def downloaded_model(
    repository: str,
    *,
    revision: str | None = None,
    on_size: Callable[[int], None] = lambda _: None,
    on_message: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[Path, Model]]:
    """Download the model file of a repository, and no other; yield the file and the model in it.

    The file is removed at the end. `revision` is a branch, a tag or a commit. Raises HubError, and ModelFileError for a
    file that charlstm has not written.
    """
    client = connect(on_message)
    with tempfile.TemporaryDirectory(prefix="charlstm-") as folder:
        file = download(
            client,
            repository,
            MODEL_FILE,
            Path(folder),
            revision=revision,
            max_bytes=MAX_MODEL_BYTES,
            on_size=on_size,
        )
        try:
            model = load_model(file)
        except ModelFileError as problem:
            raise ModelFileError(
                str(problem).replace(str(file), f"{MODEL_FILE} of {repository}"),
                hint="only models that charlstm has pushed can be pulled; a newer one may need a newer charlstm",
            ) from problem
        yield file, model
