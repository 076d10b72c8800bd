import numpy as np
import pytest
from safetensors.numpy import save_file

from charlstm.errors import ModelFileError
from charlstm.storage.model_file import load_model, save_model
from charlstm.storage.tensor_file import open_tensors, to_bytes
from tests.conftest import random_model


def test_model_survives_saving_and_loading(tmp_path, model):
    save_model(tmp_path / "model", model)
    loaded = load_model(tmp_path / "model")
    assert (loaded.config, loaded.vocabulary, loaded.training) == (model.config, model.vocabulary, model.training)
    assert all(np.array_equal(loaded.weights[name], weight) for name, weight in model.weights.items())
    assert loaded.num_parameters == sum(weight.size for weight in model.weights.values())


def test_same_model_gives_the_same_bytes(tmp_path):
    for name in "ab":
        save_model(tmp_path / name, random_model())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_missing_truncated_and_foreign_files_are_refused(tmp_path, model):
    path = tmp_path / "model"
    with pytest.raises(ModelFileError, match="cannot be read"):
        load_model(path)
    save_model(path, model)
    content = path.read_bytes()
    for size in (0, 4, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(ModelFileError, match=r"not a whole safetensors file|not written by charlstm"):
            load_model(path)
    save_file({"x": np.zeros(3)}, path)
    with pytest.raises(ModelFileError, match="it has no metadata"):
        load_model(path)


def rewrite(path, *, change_metadata=lambda metadata: None, change_weights=lambda weights: None):
    """Change a file, and give it the digest of its new content."""
    with open_tensors(path) as file:
        metadata, weights = file.metadata, file.read()
    change_metadata(metadata)
    change_weights(weights)
    path.write_bytes(to_bytes(weights, metadata))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda metadata: metadata.update(format_version=1), "format version 1"),
        (lambda metadata: metadata.update(format_version=99), "format version 99"),
        (lambda metadata: metadata.update(training=[]), "not an object"),
        (lambda metadata: metadata["training"].update(step="3"), "'step'"),
        (lambda metadata: metadata["training"].update(step=2**64), "'step'"),
        (lambda metadata: metadata["training"].update(more=1), "'more'"),
        (lambda metadata: metadata["training"].update(validation={"x": 1}, epoch=1), "'validation'"),
        (lambda metadata: metadata["training"].update(openings=["a" * 65]), "'openings'"),
        (lambda metadata: metadata["architecture"].update(num_layers=10**12), "layers"),
        (lambda metadata: metadata["architecture"].update(num_layers=90), "90 layers, but holds only 9 weights"),
        (lambda metadata: metadata["architecture"].update(units=10**300), "at most 16,384"),
        (lambda metadata: metadata.update(vocabulary={"characters": ["a"]}), "not a charlstm model"),
        (lambda metadata: metadata.pop("vocabulary"), "metadata"),
        (lambda metadata: metadata.update(vocabulary={"letters": 3}), "not a charlstm model"),
        (lambda metadata: metadata["architecture"].update(units=9), "not F32"),
        (lambda metadata: metadata["architecture"].update(units="9"), "'units' is '9', but it must be an integer"),
        (lambda metadata: metadata["architecture"].update(num_layers=3), "contradicts itself"),
        (lambda metadata: metadata["architecture"].update(cell="magic"), "unknown cell"),
    ],
)
def test_contradictory_metadata_is_refused(tmp_path, model, change, message):
    save_model(tmp_path / "model", model)
    rewrite(tmp_path / "model", change_metadata=change)
    with pytest.raises(ModelFileError, match=message):
        load_model(tmp_path / "model")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda weights: weights.pop("output.bias"), "contradicts itself"),
        (lambda weights: weights.update({"more": np.zeros(1)}), "contradicts itself"),
        (lambda weights: weights.update({"output.bias": weights["output.bias"].astype("f8")}), "F64"),
    ],
)
def test_weights_that_do_not_fit_the_architecture_are_refused(tmp_path, model, change, message):
    save_model(tmp_path / "model", model)
    rewrite(tmp_path / "model", change_weights=change)
    with pytest.raises(ModelFileError, match=message):
        load_model(tmp_path / "model")


def test_file_that_is_too_large_is_not_read(tmp_path, model, monkeypatch):
    save_model(tmp_path / "model", model)
    monkeypatch.setattr("charlstm.storage.model_file.MAX_WEIGHT_BYTES", 1000)
    with pytest.raises(ModelFileError, match="bytes of weights"):
        load_model(tmp_path / "model")
