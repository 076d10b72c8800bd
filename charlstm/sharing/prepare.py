"""What a push uploads: the bytes of the model file, and the card that is made from them and from the run."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from charlstm.atomic_files import open_regular
from charlstm.errors import ModelFileError
from charlstm.generation.load import LoadedModel
from charlstm.sharing.card import CardFacts, make_card
from charlstm.sharing.repository import MAX_MODEL_BYTES
from charlstm.sharing.sample import sample_options, write_sample
from charlstm.storage.find_runs import model_name
from charlstm.storage.model_file import weight_bits
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.run_summary import RunSummary, settings_of_model, summarize_run
from charlstm.storage.shipped_models import shipped_name


@dataclass(frozen=True)
class Upload:
    """The two files of a push."""

    content: bytes  # of the model file
    card: str


def prepare_upload(loaded: LoadedModel, repository: str, *, license_id: str | None = None) -> Upload:
    """Return what to upload for a model, which writes a sample for its card.

    Raises ModelFileError for a file that is too large, or that has been replaced since it was loaded.
    """
    content, run = _content(loaded), _run_of(loaded)
    facts = CardFacts(
        repository=repository,
        license_id=license_id,
        num_bytes=len(content),
        bits=weight_bits(loaded.path),
        seconds=run.seconds if run else None,
        start_from=_name_of_model(run.start_from) if run and run.start_from else None,
        sample=write_sample(loaded),
        sample_options=sample_options(loaded),
    )
    return Upload(content, make_card(loaded.model, facts))


def _content(loaded: LoadedModel) -> bytes:
    """Return the bytes of the file that the model was loaded from."""
    with open_regular(loaded.path) as file:
        content = file.read(MAX_MODEL_BYTES + 1)
    if len(content) > MAX_MODEL_BYTES:
        raise ModelFileError(
            f"{loaded.path} has more than {MAX_MODEL_BYTES:,} bytes, which nobody could pull",
            hint="make a smaller file of it: charlstm export RUN --to FILE.safetensors --weights 8-bit",
        )
    if hashlib.sha256(content).hexdigest() != loaded.digest:
        raise ModelFileError(f"{loaded.path} has just been replaced", hint="try again, or wait until training ends")
    return content


def _run_of(loaded: LoadedModel) -> RunSummary | None:
    """Return what the run of a model says about itself; None if the run is not there."""
    if not settings_of_model(loaded.path, loaded.model.training):
        return None
    run = RunFolder(loaded.path.parent)
    return summarize_run(run, name=run.path.name)


def _name_of_model(path: str) -> str:
    """Return the name of a model to start from, without the folders of this machine."""
    return shipped_name(path) or model_name(Path(path))
