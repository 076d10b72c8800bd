"""Files for other libraries, read by these libraries."""

import io
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from charlstm.cells.registry import CELLS
from charlstm.errors import ExportError, LibraryError
from charlstm.export.arrays_format import arrays_file
from charlstm.export.check import check_predictions, in_float32, log_probabilities
from charlstm.export.formats import KERAS, ONNX, TORCH
from charlstm.export.plain_network import DESCRIPTION
from charlstm.export.torch_format import torch_file
from charlstm.export.write import file_content
from charlstm.generation.stepper import Stepper
from tests.conftest import random_model

HOSTILE = "\x00\t\n\x1b \"'\\{}é\u2028\ufffd😀"
PLAIN = ("lstm", "gru", "rnn", "grid:1", "mogrifier:0")
VARIANTS = ("peephole:f", "clockwork:3", "feedforward:2", "feedforward:5", "grid:1", "mogrifier:0")


def calm_model(**settings):
    """A model whose rounding errors do not grow from character to character."""
    return random_model(**{"scale": 0.2, "characters": HOSTILE} | settings)


def some_ids(model, count=300):
    return np.random.default_rng(1).integers(0, len(model.vocabulary), count)


def ours(model, ids):
    stepper = Stepper(in_float32(model))
    return log_probabilities(stepper.read(ids[None], stepper.initial_states(1))[0][0])


def onnx_session(model):
    onnxruntime = pytest.importorskip("onnxruntime")
    return onnxruntime.InferenceSession(file_content(model, ONNX), providers=["CPUExecutionProvider"])


def zero_states(session, batch_size=1):
    return {given.name: np.zeros([batch_size, *given.shape[1:]], np.float32) for given in session.get_inputs()[1:]}


@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("cell", [*CELLS, *VARIANTS])
def test_onnx_runtime_predicts_the_same_with_every_cell(cell, num_layers):
    model = calm_model(cell=cell, num_layers=num_layers)
    ids, session = some_ids(model), onnx_session(model)
    logits = session.run(["logits"], {"ids": ids[None], **zero_states(session)})[0]
    np.testing.assert_allclose(log_probabilities(logits[0]), ours(model, ids), atol=1e-5)


@pytest.mark.parametrize("settings", [{"attention": 4}, {"residual": False}, {"window": 5}, {"attention": 1}])
def test_onnx_runtime_predicts_the_same_with_other_settings(settings):
    model = calm_model(**settings)
    ids, session = some_ids(model), onnx_session(model)
    logits = session.run(["logits"], {"ids": ids[None], **zero_states(session)})[0]
    np.testing.assert_allclose(log_probabilities(logits[0]), ours(model, ids), atol=1e-5)


@pytest.mark.parametrize("cell", ["lstm", "clockwork", "feedforward:3", "grid"])
def test_onnx_steps_with_several_streams_are_one_sequence(cell):
    model = calm_model(cell=cell)
    ids, session = some_ids(model, 40).reshape(2, 20), onnx_session(model)
    whole = session.run(["logits"], {"ids": ids, **zero_states(session, 2)})[0]
    states = zero_states(session, 2)
    assert [output.name for output in session.get_outputs()] == ["logits", *(f"new.{name}" for name in states)]
    for time in range(20):
        logits, *new_states = session.run(None, {"ids": ids[:, time : time + 1], **states})
        states = dict(zip(states, new_states, strict=True))
        np.testing.assert_allclose(logits[:, 0], whole[:, time], atol=1e-5)


def test_onnx_says_which_characters_the_ids_are():
    model = calm_model(lowercase=True)
    custom = onnx_session(model).get_modelmeta().custom_metadata_map
    assert json.loads(custom[DESCRIPTION])["vocabulary"] == model.vocabulary.to_json()


def test_without_onnx_the_error_says_how_to_install_it(monkeypatch, model):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(LibraryError) as raised:
        file_content(model, ONNX)
    assert "pip install 'charlstm[onnx]'" in raised.value.hint


class TorchNetwork:
    """A network made of PyTorch's own layers from the weights in a file."""

    def __init__(self, content, *, cell, residual):
        torch = pytest.importorskip("torch")
        load = pytest.importorskip("safetensors.torch").load
        self.torch, self.residual = torch, residual
        weights = load(content)
        self.embedding = torch.nn.Embedding.from_pretrained(weights["embedding.weight"])
        kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}[cell]
        self.layers: list[Any] = []
        while f"{cell}.weight_ih_l{len(self.layers)}" in weights:
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            parts = {f"{name}_l0": weights[f"{cell}.{name}_l{len(self.layers)}"] for name in names}
            layer = kind(parts["weight_ih_l0"].shape[1], parts["weight_hh_l0"].shape[1], batch_first=True)
            layer.load_state_dict(parts)
            self.layers.append(layer)
        self.output = weights["output.weight"], weights["output.bias"]

    def logits(self, ids):
        with self.torch.no_grad():
            hidden = self.embedding(self.torch.tensor(ids[None]))
            for number, layer in enumerate(self.layers):
                outputs, _ = layer(hidden)
                hidden = hidden + outputs if self.residual and number else outputs
            return self.torch.nn.functional.linear(hidden, *self.output)[0].numpy()


@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("cell", PLAIN)
def test_torch_predicts_the_same(cell, num_layers):
    model = calm_model(cell=cell, num_layers=num_layers)
    ids = some_ids(model)
    network = TorchNetwork(torch_file(model), cell=cell if len(cell) < 5 else "lstm", residual=True)
    np.testing.assert_allclose(log_probabilities(network.logits(ids)), ours(model, ids), atol=1e-5)


@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("cell", PLAIN)
def test_the_file_for_torch_is_checked_without_torch(cell, num_layers):
    assert torch_file(calm_model(cell=cell, num_layers=num_layers)) == torch_file(
        calm_model(cell=cell, num_layers=num_layers)
    )


@pytest.mark.parametrize("ending", [KERAS, TORCH])
@pytest.mark.parametrize("settings", [{"cell": "mlstm"}, {"cell": "grid"}, {"cell": "coupled"}, {"attention": 3}])
def test_what_others_lack_is_refused_and_what_holds_it_is_named(ending, settings):
    with pytest.raises(ExportError, match=settings.get("cell", "attention")) as raised:
        file_content(calm_model(**settings), ending)
    assert "FILE.onnx" in raised.value.hint


@pytest.mark.tensorflow
@pytest.mark.parametrize(("cell", "num_layers", "batch_size"), [("lstm", 3, None), ("gru", 1, None), ("rnn", 2, 2)])
def test_keras_opens_predicts_and_trains_on(tmp_path, cell, num_layers, batch_size):
    from charlstm.network.backend import import_tensorflow

    import_tensorflow()
    import keras

    model = calm_model(cell=cell, num_layers=num_layers)
    (tmp_path / "m.keras").write_bytes(file_content(model, KERAS, batch_size=batch_size))
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert {type(layer).__module__.partition(".")[0] for layer in loaded.layers} == {"keras"}
    ids = some_ids(model, 40)
    batch = np.tile(ids[None], (batch_size or 1, 1))
    first = loaded.predict_on_batch(batch)[-1]
    np.testing.assert_allclose(log_probabilities(first), ours(model, ids), atol=1e-5)
    is_same_again = np.allclose(loaded.predict_on_batch(batch)[-1], first, atol=1e-6)
    assert is_same_again == (batch_size is None)
    history = loaded.fit(batch[:, :-1], batch[:, 1:], epochs=2, batch_size=batch_size or 1, verbose=0, shuffle=False)
    assert history.history["loss"][1] < history.history["loss"][0]


def test_the_arrays_are_the_weights_and_the_description():
    model = calm_model(cell="mlstm")
    with np.load(io.BytesIO(arrays_file(model)), allow_pickle=False) as arrays:
        assert set(arrays) == {*model.weights, DESCRIPTION}
        assert json.loads(str(arrays[DESCRIPTION]))["architecture"] == model.config.to_json()
        assert np.array_equal(arrays["layers.1.kernel"], model.weights["layers.1.kernel"])


def test_a_model_trained_in_bfloat16_is_exported_as_float32_computes_it():
    model = calm_model()
    trained = replace(model, training={"settings": {"precision": "bfloat16"}})
    assert file_content(trained, TORCH) == file_content(model, TORCH)


def test_a_wrong_prediction_is_refused():
    model = calm_model()
    with pytest.raises(ExportError, match="would not predict"):
        check_predictions(model, lambda ids: np.zeros((len(ids), len(model.vocabulary)), np.float32), what="it")
    with pytest.raises(ExportError, match="nan"):
        check_predictions(model, lambda ids: np.full((len(ids), len(model.vocabulary)), np.nan), what="it")


def test_a_network_whose_rounding_errors_grow_is_held_to_what_float32_can_do():
    model = random_model(units=40, scale=2.0, num_layers=3)
    file_content(model, TORCH)
    swapped = {**model.weights, "layers.0.bias": np.roll(model.weights["layers.0.bias"], 1)}
    with pytest.raises(ExportError, match="would not predict"):
        check_swapped(model, swapped)


def check_swapped(model, weights):
    stepper = Stepper(replace(model, weights=weights))
    check_predictions(model, lambda ids: stepper.read(ids[None], stepper.initial_states(1))[0][0], what="the file")
