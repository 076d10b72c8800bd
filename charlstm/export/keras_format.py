"""A model of plain Keras layers, which opens and trains on where there is no charlstm."""

import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from charlstm.arrays import FloatArray, Ids
from charlstm.errors import SettingError
from charlstm.export.check import check_predictions
from charlstm.export.plain_network import DESCRIPTION, PlainNetwork, describe, plain_network
from charlstm.network.backend import import_tensorflow
from charlstm.storage.model_file import Model

DESCRIPTION_FILE = f"{DESCRIPTION}.json"  # in the archive, beside Keras's own files
MAX_BATCH_SIZE = 16_384


def keras_file(model: Model, *, batch_size: int | None = None) -> bytes:
    """Return a .keras file from ids (batch, time) to logits (batch, time, vocabulary), compiled, so that it can `fit`.

    With `batch_size` its layers are stateful: they keep their states from call to call. Raises ExportError for a
    network that Keras cannot hold, and if Keras does not predict from the file what the model does.
    """
    if batch_size is not None and not 1 <= batch_size <= MAX_BATCH_SIZE:
        raise SettingError(f"`batch_size` is {batch_size:,}, but it must be from 1 to {MAX_BATCH_SIZE:,}", hint="try 1")
    network = plain_network(model, library="Keras")
    import_tensorflow()
    import keras

    with tempfile.TemporaryDirectory(prefix="charlstm-") as folder:
        path = Path(folder) / "model.keras"
        _build(network, batch_size).save(path)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(zipfile.ZipInfo(DESCRIPTION_FILE), describe(model))
        loaded = keras.saving.load_model(path, compile=False)

        def read(ids: Ids) -> FloatArray:
            return np.asarray(loaded.predict_on_batch(np.tile(ids[None], (batch_size or 1, 1)))[-1])

        check_predictions(model, read, what="the .keras file")
        return path.read_bytes()


def _build(network: PlainNetwork, batch_size: int | None) -> Any:
    """Return the Keras model of a network with its weights."""
    from keras import Input, Model, layers, losses

    kinds = {"lstm": layers.LSTM, "gru": layers.GRU, "rnn": layers.SimpleRNN}
    settings: dict[str, Any] = {"return_sequences": True, "stateful": batch_size is not None, "dtype": "float32"}
    ids = Input(batch_shape=(batch_size, None), dtype="int32", name="ids")
    embedding = layers.Embedding(*network.embedding.shape, name="embedding", dtype="float32")
    hidden = embedding(ids)
    embedding.set_weights([network.embedding])
    for number, weights in enumerate(network.layers, start=1):
        layer = kinds[network.cell](network.units, name=f"{network.cell}_{number}", **settings)
        output = layer(hidden)
        layer.set_weights(_keras_weights(weights))
        is_added = network.residual and number > 1
        hidden = layers.Add(name=f"add_{number}", dtype="float32")([hidden, output]) if is_added else output
    dense = layers.Dense(len(network.output_bias), name="logits", dtype="float32")
    model = Model(ids, dense(hidden), name="charlstm")
    dense.set_weights([network.output_kernel, network.output_bias])
    model.compile(optimizer="adam", loss=losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def _keras_weights(weights: dict[str, FloatArray]) -> list[FloatArray]:
    bias = weights["bias"]
    if "recurrent_bias" in weights:
        bias = np.stack([bias, weights["recurrent_bias"]])
    return [weights["kernel"], weights["recurrent_kernel"], bias]
