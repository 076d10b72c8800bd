"""A Keras character model in a .keras file: its layers from the JSON, its weights from the HDF5 file in the archive.

Keras itself is not used, so nothing in the file can be run.
"""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from charlstm.arrays import FloatArray
from charlstm.atomic_files import open_regular
from charlstm.errors import ModelFileError, shown
from charlstm.export.foreign_network import USUAL, ForeignModel, layer_of
from charlstm.export.keras_layers import RECURRENT, KerasLayer, Stack, read_stack
from charlstm.export.plain_network import DESCRIPTION, PlainNetwork
from charlstm.json_objects import parse_json
from charlstm.libraries import library_imports
from charlstm.storage.model_file import MAX_HEADER_BYTES, MAX_WEIGHT_BYTES

CONFIG, WEIGHTS, DESCRIPTION_FILE = "config.json", "model.weights.h5", f"{DESCRIPTION}.json"
MAX_MEMBERS = 1000
MAX_RATIO = 100  # of a part's size to that in the archive: Keras does not compress


def read_keras(path: Path) -> ForeignModel:
    """Read a file. Raises ModelFileError if it is damaged, or another kind of network."""
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            if len(archive.namelist()) > MAX_MEMBERS:
                raise ModelFileError(f"{path} has {len(archive.namelist()):,} parts", hint=USUAL)
            config = parse_json(_member(path, archive, CONFIG, MAX_HEADER_BYTES).decode())
            content = _member(path, archive, WEIGHTS, MAX_WEIGHT_BYTES)
            description = None
            if DESCRIPTION_FILE in archive.namelist():
                description = _member(path, archive, DESCRIPTION_FILE, MAX_HEADER_BYTES).decode()
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror or error}", hint="check the path") from error
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ModelFileError(f"{path} is not a whole .keras file", hint=USUAL) from error
    stack = read_stack(path, config)
    return ForeignModel(_network(path, stack, content), stack.window, description)


def _member(path: Path, archive: zipfile.ZipFile, name: str, max_bytes: int) -> bytes:
    """Return a part of the archive, if it has the size that it may have."""
    try:
        info = archive.getinfo(name)
    except KeyError as error:
        raise ModelFileError(f"{path} has no {name}: it is not a .keras file", hint=USUAL) from error
    if info.file_size > min(max_bytes, MAX_RATIO * info.compress_size):
        raise ModelFileError(f"{path} has a {name} of {info.file_size:,} bytes", hint=USUAL)
    with archive.open(info) as part:
        return part.read(info.file_size + 1)


def _network(path: Path, stack: Stack, content: bytes) -> PlainNetwork:
    with library_imports("h5py", "h5py", without="files of PyTorch's weights are imported without it"):
        import h5py
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            arrays = {layer.name: _arrays(path, file, layer, len(content)) for layer in stack.layers}
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise ModelFileError(f"{path} is damaged, or has its weights elsewhere", hint=USUAL) from error
    recurrent = [layer for layer in stack.layers if layer.kind in RECURRENT]
    cell = RECURRENT[recurrent[0].kind]
    layers = []
    for layer in recurrent:
        kernel, recurrent_kernel, *bias = arrays[layer.name]
        layers.append(layer_of(cell, kernel, recurrent_kernel, bias[0] if bias else None))
    kernel, *bias = arrays[stack.layers[-1].name]
    if stack.layers[0].kind == "Embedding":
        (embedding,) = arrays[stack.layers[0].name]
    else:
        embedding = np.eye(len(layers[0]["kernel"]), dtype=np.float32)
    output_bias = bias[0] if bias else np.zeros(kernel.shape[-1], np.float32)
    return PlainNetwork(cell, embedding, tuple(layers), stack.residual, kernel, output_bias)


def _arrays(path: Path, file: Any, layer: KerasLayer, num_bytes: int) -> list[FloatArray]:
    """Return the weights of a layer, of the number and shapes that its settings say.

    Raises KeyError or the like if the file is no such file.
    """
    arrays = []
    for index, shape in enumerate(layer.shapes):
        dataset = _follow(path, file, f"{layer.group}/{index}")
        is_plain = dataset.chunks is None and not dataset.external and not dataset.is_virtual
        if not is_plain or dataset.nbytes > num_bytes:
            raise ModelFileError(f"{path} keeps weights of {shown(layer.name)} outside of itself", hint=USUAL)
        if dataset.dtype.kind != "f" or any(a not in (None, b) for a, b in zip(shape, dataset.shape, strict=True)):
            found = f"{dataset.dtype}{shown(list(dataset.shape))}"
            raise ModelFileError(f"{path} contradicts itself: {shown(layer.name)} has weights {found}", hint=USUAL)
        arrays.append(np.asarray(dataset[()], np.float32))
    return arrays


def _follow(path: Path, file: Any, place: str) -> Any:
    """Return what is at a place in the file, without following a link into another one."""
    import h5py

    found = file
    for name in place.split("/"):
        link = found.get(name, getlink=True)
        if link is None:
            raise KeyError(name)
        if not isinstance(link, h5py.HardLink):
            raise ModelFileError(f"{path} has links to other files", hint=USUAL)
        found = found[name]
    if not isinstance(found, h5py.Dataset):
        raise KeyError(place)
    return found
