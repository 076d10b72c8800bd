"""Exports of networks that have been trained, on a text with characters that are hard to write down."""

import json
import zipfile
from typing import Any

import numpy as np
import pytest

import charlstm
from charlstm.export.check import log_probabilities, read_in_float32
from charlstm.export.formats import ARRAYS, KERAS, MODEL, ONNX, TORCH
from charlstm.export.import_model import import_model
from charlstm.export.onnx_format import read_in_onnx
from charlstm.export.page import make_page
from charlstm.export.plain_network import DESCRIPTION
from charlstm.export.write import file_content
from charlstm.storage.model_file import load_model
from tests.export.pages import script
from tests.export.test_formats import HOSTILE, TorchNetwork

CHARACTERS = HOSTILE.replace("\x00", "")  # which no text is read with
TEXT = f"\"I don't know,\" she said.\n'{{Nor do I!}}' 😀 {CHARACTERS}\n" * 60
NETWORKS = {"lstm": 1, "gru": 2, "lstm of three layers": 3}

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module", params=NETWORKS)
def trained(request, tmp_path_factory):
    """A small network after half a second of training, which predicts the text better than chance."""
    settings: dict[str, Any] = {"units": 24, "batch_size": 8, "sequence_length": 20, "epochs": 3, "learning_rate": 0.02}
    cell, num_layers = request.param.split()[0], NETWORKS[request.param]
    folder = tmp_path_factory.mktemp("trained") / "run"
    run = charlstm.train(text=TEXT, cell=cell, num_layers=num_layers, output=folder, validation_split="end", **settings)
    model = load_model(run.model.path)
    assert set(CHARACTERS) <= set(model.vocabulary.characters)
    assert run.best_loss < 0.7 * np.log(len(model.vocabulary))
    return model


@pytest.fixture
def ids(trained):
    """The first 1,000 characters of the text."""
    return trained.vocabulary.encode(TEXT[:1000])


@pytest.fixture
def check(trained, ids):
    """Return a function that compares logits with the model's own, as float32 computes them."""

    def check(logits):
        ours = log_probabilities(read_in_float32(trained, ids))
        np.testing.assert_allclose(log_probabilities(logits), ours, atol=1e-5)

    return check


def vocabulary_of(description):
    return json.loads(description)["vocabulary"]


def test_keras(trained, ids, check, tmp_path):
    import keras

    path = tmp_path / "m.keras"
    path.write_bytes(file_content(trained, KERAS))
    check(keras.saving.load_model(path).predict_on_batch(ids[None])[0])
    assert vocabulary_of(zipfile.ZipFile(path).read("charlstm.json")) == trained.vocabulary.to_json()
    check(read_in_float32(import_model(path), ids))


def test_onnx(trained, ids, check):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(file_content(trained, ONNX), providers=["CPUExecutionProvider"])
    check(read_in_onnx(session, ids))
    description = session.get_modelmeta().custom_metadata_map[DESCRIPTION]
    assert vocabulary_of(description) == trained.vocabulary.to_json()


def test_weights_for_pytorch(trained, ids, check, tmp_path):
    path = tmp_path / "m.torch.safetensors"
    path.write_bytes(file_content(trained, TORCH))
    imported = import_model(path)
    assert imported.vocabulary == trained.vocabulary
    check(read_in_float32(imported, ids))
    pytest.importorskip("torch")
    check(TorchNetwork(path.read_bytes(), cell=trained.config.cell, residual=True).logits(ids))


def test_arrays(trained, tmp_path):
    (tmp_path / "m.npz").write_bytes(file_content(trained, ARRAYS))
    with np.load(tmp_path / "m.npz", allow_pickle=False) as arrays:
        assert all(np.array_equal(arrays[name], weight) for name, weight in trained.weights.items())
        assert vocabulary_of(str(arrays[DESCRIPTION])) == trained.vocabulary.to_json()


@pytest.mark.parametrize(("weight_format", "tolerance"), [("float32", 0), ("float16", 0.02), ("int8", 0.5)])
def test_model_file(trained, ids, tmp_path, weight_format, tolerance):
    path = tmp_path / "m.safetensors"
    path.write_bytes(file_content(trained, MODEL, weight_format=weight_format))
    loaded = load_model(path)
    assert loaded.vocabulary == trained.vocabulary
    found, ours = (log_probabilities(read_in_float32(model, ids)) for model in (loaded, trained))
    np.testing.assert_allclose(found, ours, atol=tolerance)
    divergence = (np.exp(ours) * (ours - found)).sum(axis=1).mean()
    assert divergence < 1e-3


def test_page(trained):
    page = make_page(trained, ids=trained.vocabulary.encode(TEXT[:200]))
    description = json.loads(script(page, "description"))
    assert description["characters"] == trained.vocabulary.characters
    assert description["text"] == TEXT[:200]
