"""Compile the code for training in another process, while this one imports TensorFlow.

It compiles for some ten seconds, once on a machine: `python -m charlstm.kernels.precompile PRECISION`.
"""

import os
import subprocess
import sys


def start_precompiling(precision: str) -> subprocess.Popen[bytes] | None:
    """Start to compile the code for training in a precision.

    Returns None if that code is on disk already, cannot be kept there, or would not run on this processor.
    """
    from charlstm.kernels.target import import_numba, is_supported

    import_numba()
    from charlstm.kernels.code_cache import code_folder

    if not is_supported() or not code_folder().is_writable() or is_precompiled(precision):
        return None
    # -P: do not import modules from the working directory, which may have the name of one of ours.
    command = [sys.executable, "-P", "-m", __name__, precision]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    silent = subprocess.DEVNULL
    return subprocess.Popen(command, env=environment, stdin=silent, stdout=silent, stderr=silent)  # noqa: S603


def is_precompiled(precision: str) -> bool:
    """Return whether all code for training in a precision is on disk, undamaged."""
    from charlstm.kernels.code_cache import code_folder

    names = code_folder().load(_list_name(precision))
    return names is not None and all(code_folder().load(name) is not None for name in names.decode().split())


def precompile(precision: str) -> None:
    """Train one layer for one step, and list the files of code that this needed."""
    import numpy as np

    from charlstm.kernels.code_cache import code_folder
    from charlstm.kernels.sequence import LSTMKernel

    kernel, weights = LSTMKernel(precision), np.zeros((2, 4), np.float32)
    packed, packed_transposed = (kernel.pack(weights, transposed=transposed) for transposed in (False, True))
    ids, table, state = np.zeros((1, 1), np.int32), np.zeros((1, 4), np.float32), np.zeros((1, 1), np.float32)
    outputs, _, gates, cells, operands = kernel.forward(
        ids, table, packed, state[None], state, state, needs_gradient=True
    )
    saved = gates, cells, operands
    kernel.backward(ids, *saved, state, packed_transposed, outputs, state, state, 1, num_inputs=1)
    folder = code_folder()
    folder.save(_list_name(precision), "\n".join(sorted(folder.used)).encode())


def _list_name(precision: str) -> str:
    return f"precompiled-{precision}"


if __name__ == "__main__":
    precompile(sys.argv[1])
