"""Everything an exact resume needs, in one verified file; the one before it is kept."""

from dataclasses import dataclass
from pathlib import Path

from charlstm.atomic_files import move, write_temporary
from charlstm.errors import RunError, TensorFileError
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.tensor_file import Arrays, Metadata, open_tensors, write_tensors

FORMAT_VERSION = 1
KIND = "checkpoint"
METADATA_KEYS = {"text", "vocabulary", "model", "training", "history", "environment"}


@dataclass(frozen=True)
class Checkpoint:
    """What a step changes: arrays (weights, the optimizer's, carried states, the best weights) and facts in JSON."""

    arrays: Arrays
    metadata: Metadata


def save_checkpoint(run: RunFolder, checkpoint: Checkpoint) -> None:
    """Write the newest checkpoint and keep the one before it.

    Raises RunError if it cannot be written; what was there is then still there.
    """
    facts = checkpoint.metadata | {"kind": KIND, "format_version": FORMAT_VERSION}
    written = write_temporary(run.checkpoint, lambda path: write_tensors(path, checkpoint.arrays, facts))
    if run.checkpoint.exists():
        move(run.checkpoint, run.previous_checkpoint)
    move(written, run.checkpoint)


def load_checkpoint(run: RunFolder) -> tuple[Checkpoint, str]:
    """The newest checkpoint that is whole, and a warning, which is empty if that is the newest there is.

    A newest one that is damaged is put aside. Raises RunError if there is none that is whole.
    """
    problems = []
    for path in (run.checkpoint, run.previous_checkpoint):
        if not path.exists():
            continue
        try:
            checkpoint = _read(path)
        except TensorFileError as problem:
            problems.append(str(problem))
            continue
        if problems:
            move(run.checkpoint, run.damaged_checkpoint)  # or it would become the previous one
        return checkpoint, "; ".join([*problems, f"going on from {path.name}"]) if problems else ""
    if problems:
        raise RunError(f"no checkpoint can be read: {'; '.join(problems)}", hint=_begin_again(run))
    raise RunError(f"{run.path} holds no checkpoint", hint=_begin_again(run))


def _begin_again(run: RunFolder) -> str:
    kept = f" (its best model is whole: {run.model})" if run.model.exists() else ""
    return f"train again with `overwrite`{kept}"


def _read(path: Path) -> Checkpoint:
    with open_tensors(path) as file:
        if file.metadata.get("kind") != KIND:
            raise TensorFileError(f"{path} is not a checkpoint")
        if (version := file.metadata.get("format_version")) != FORMAT_VERSION:
            raise TensorFileError(
                f"{path} has format version {version!r}, this charlstm reads version {FORMAT_VERSION}"
            )
        if not file.metadata.keys() >= METADATA_KEYS:
            raise TensorFileError(f"{path} is not a whole checkpoint")
        return Checkpoint(file.read(), file.metadata)
