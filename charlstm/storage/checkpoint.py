"""Everything that an exact resume needs, in one verified file. The checkpoint before the newest is kept too."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from charlstm.atomic_files import move, open_atomically
from charlstm.errors import RunError, TensorFileError, shown
from charlstm.json_objects import has_type
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.tensor_file import Arrays, Metadata, TensorFile, open_tensors, write_tensors

FORMAT_VERSION = 1
KIND = "checkpoint"
METADATA_KEYS = {"text", "vocabulary", "model", "training", "history", "environment"}


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run after a step.

    The arrays are the weights, the optimizer's variables, the carried states and the best weights so far.
    """

    arrays: Arrays
    metadata: Metadata


def save_checkpoint(run: RunFolder, checkpoint: Checkpoint) -> None:
    """Write the newest checkpoint, and keep the one before it.

    Raises RunError, and leaves both old checkpoints, if it cannot be written.
    """
    metadata = checkpoint.metadata | {"kind": KIND, "format_version": FORMAT_VERSION}
    with open_atomically(run.checkpoint, keep_old_as=run.previous_checkpoint) as file:
        write_tensors(file, checkpoint.arrays, metadata)


def load_checkpoint(
    run: RunFolder, *, read: Callable[[TensorFile], Arrays] = TensorFile.read
) -> tuple[Checkpoint, str]:
    """Return the newest readable checkpoint, and a warning if there is a newer one that is damaged.

    `read` returns the arrays of an open checkpoint, and raises TensorFileError if it can tell that no run can be
    resumed from it. Sets the damaged checkpoint aside. Raises RunError if none can be read.
    """
    problems: list[str] = []
    for path in (run.checkpoint, run.previous_checkpoint):
        if not path.exists():
            continue
        if not os.access(path, os.R_OK):  # it may be intact
            raise RunError(f"{path} cannot be read: permission denied", hint="resume as the user who trained the run")
        try:
            checkpoint = read_checkpoint(path, read)
        except TensorFileError as error:
            problems.append(str(error))
            continue
        if not problems:
            return checkpoint, ""
        move(run.checkpoint, run.damaged_checkpoint)  # or the next save would put it in place of the good one
        return checkpoint, "; ".join([*problems, f"continuing from {path.name}"])
    if problems:
        raise RunError(f"no checkpoint can be read: {'; '.join(problems)}", hint=_train_again_hint(run))
    raise RunError(f"{run.path} has no checkpoint", hint=_train_again_hint(run))


def _train_again_hint(run: RunFolder) -> str:
    best = f" (its best model is intact: {run.model})" if run.model.exists() else ""
    return f"train again in another folder with `output`{best}"


def read_checkpoint(path: Path, read: Callable[[TensorFile], Arrays] = TensorFile.read) -> Checkpoint:
    """Return the checkpoint in a file. Raises TensorFileError if it is damaged, or is none."""
    with open_tensors(path) as file:
        if file.metadata.get("kind") != KIND:
            raise TensorFileError(f"{path} is not a checkpoint")
        version = file.metadata.get("format_version")
        if not has_type(version, int) or version != FORMAT_VERSION:
            raise TensorFileError(
                f"{path} has format version {shown(version)}, this charlstm reads version {FORMAT_VERSION}"
            )
        if not file.metadata.keys() >= METADATA_KEYS:
            raise TensorFileError(f"{path} is not a complete checkpoint")
        return Checkpoint(read(file), file.metadata)
