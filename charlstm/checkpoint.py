"""What a training needs to go on: written atomically, the one before kept."""

import json
import os
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save

from charlstm.errors import RunError
from charlstm.modelfile import METADATA_KEY
from charlstm.runfolder import RunFolder, write_atomically

FORMAT_VERSION = 1


def save_checkpoint(run: RunFolder, arrays: dict[str, npt.NDArray[np.generic]], facts: dict[str, Any]) -> None:
    """Keep the newest checkpoint as the previous one, and write this one in its place.

    Raises RunError if it cannot be written; the one before is then still there.
    """
    content = save(arrays, {METADATA_KEY: json.dumps({"format_version": FORMAT_VERSION} | facts, sort_keys=True)})
    try:
        if run.checkpoint.exists():
            os.replace(run.checkpoint, run.previous_checkpoint)
    except OSError as problem:
        raise RunError(
            f"{run.path} cannot be written: {problem.strerror}", hint="check permissions and free space"
        ) from problem
    write_atomically(run.checkpoint, content)
