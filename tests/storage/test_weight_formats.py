"""Model files with weights of 16 and 8 bits."""

import numpy as np
import pytest

from charlstm.errors import ModelFileError, SettingError
from charlstm.generation.stepper import make_stepper
from charlstm.storage.model_file import load_model, save_model
from charlstm.storage.tensor_file import open_tensors, to_bytes
from charlstm.storage.weight_formats import SCALES
from tests.conftest import random_model


def log_probabilities(model, text="the cat sat on the mat and looked at the dog"):
    stepper = make_stepper(model)
    logits, _ = stepper.read(model.vocabulary.encode(text)[None], stepper.initial_states())
    logits = logits[0].astype(np.float64)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def saved(path, model, weight_format):
    save_model(path, model, weight_format=weight_format)
    return load_model(path)


def rewrite(path, change):
    """Change the metadata and the arrays of a file, and sign it anew."""
    with open_tensors(path) as file:
        metadata, arrays = file.metadata, {name: array.copy() for name, array in file.read().items()}
    change(metadata, arrays)
    path.write_bytes(to_bytes(arrays, metadata))


@pytest.mark.parametrize(("weight_format", "bound"), [("float16", 0.002), ("int8", 0.05)])
@pytest.mark.parametrize("cell", ["lstm", "gru", "mogrifier", "clockwork"])
def test_probabilities_hardly_change(tmp_path, weight_format, bound, cell):
    model = random_model(units=24, cell=cell, scale=0.2)  # larger weights make a chaotic network
    packed = saved(tmp_path / "model", model, weight_format)
    difference = np.abs(log_probabilities(packed) - log_probabilities(model))
    assert 0 < difference.max() < bound
    assert all(weight.dtype == np.float32 for weight in packed.weights.values())
    assert list(packed.weights) == list(model.weights)
    assert np.array_equal(packed.weights["output.bias"], model.weights["output.bias"])


def test_an_integer_is_off_by_half_a_scale_at_most(tmp_path, model):
    packed = saved(tmp_path / "model", model, "int8")
    for name, weight in model.weights.items():
        largest = np.abs(weight).max() if weight.ndim == 2 else 0
        assert np.abs(packed.weights[name] - weight).max() <= largest / 254 + 1e-7


def test_scales_follow_the_rows_or_columns_that_differ_in_size(tmp_path, model):
    sizes = np.geomspace(0.001, 10, len(model.vocabulary)).astype(np.float32)
    model.weights["embedding"] *= sizes[:, None]
    model.weights["output.kernel"] *= sizes
    path = tmp_path / "model"
    packed = saved(path, model, "int8")
    with open_tensors(path) as file:
        assert file.shapes["embedding" + SCALES] == (len(sizes), 1)
        assert file.shapes["output.kernel" + SCALES] == (1, len(sizes))
    for name, axis in (("embedding", 1), ("output.kernel", 0)):
        error = np.abs(packed.weights[name] - model.weights[name]).max(axis=axis)
        assert (error <= np.abs(model.weights[name]).max(axis=axis) / 253).all()


def test_files_are_a_half_and_a_quarter_as_large(tmp_path):
    model, sizes = random_model(units=200, embedding_dim=64), []
    for weight_format in ("float32", "float16", "int8"):
        save_model(tmp_path / "model", model, weight_format=weight_format)
        sizes.append((tmp_path / "model").stat().st_size)
    assert sizes[1] / sizes[0] == pytest.approx(0.5, abs=0.01)
    assert sizes[2] / sizes[0] == pytest.approx(0.25, abs=0.01)


def test_zeros_stay_zeros_and_packing_again_changes_nothing(tmp_path, model):
    model.weights["embedding"][3] = 0
    once = saved(tmp_path / "once", model, "int8")
    assert not once.weights["embedding"][3].any()
    save_model(tmp_path / "again", once, weight_format="int8")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "once").read_bytes()


def test_a_plain_file_is_what_it_was(tmp_path, model):
    save_model(tmp_path / "model", model)
    with open_tensors(tmp_path / "model") as file:
        assert file.metadata["format_version"] == 2
        assert "weight_format" not in file.metadata
        assert set(file.dtypes.values()) == {"F32"}


def test_weights_that_do_not_fit_are_not_written(tmp_path, model):
    model.weights["embedding"][0, 0] = 1e5
    with pytest.raises(SettingError, match="too large for 16 bits"):
        save_model(tmp_path / "model", model, weight_format="float16")
    with pytest.raises(SettingError, match="'int4'"):
        save_model(tmp_path / "model", model, weight_format="int4")
    assert not list(tmp_path.iterdir())


HOSTILE = {
    "another format": (lambda metadata, _: metadata.update(weight_format="int4"), "in the format 'int4'"),
    "an object as format": (lambda metadata, _: metadata.update(weight_format={}), "in the format {}"),
    "no format": (lambda metadata, _: metadata.pop("weight_format"), "in the format None"),
    "the plain version": (lambda metadata, _: metadata.update(format_version=2), "have no weight format"),
    "float32 by format": (lambda metadata, _: metadata.update(weight_format="float32"), "in the format 'float32'"),
    "float16 by format": (lambda metadata, _: metadata.update(weight_format="float16"), "contradicts itself"),
    "no scales": (lambda _, arrays: arrays.pop("embedding" + SCALES), "embedding.scales' is missing"),
    "scales of a bias": (lambda _, arrays: arrays.update({"output.bias.scales": np.ones(1)}), "not part of it"),
    "one scale": (lambda _, arrays: arrays.update({"embedding.scales": np.ones((1, 1), "f4")}), "embedding.scales"),
    "a scale per weight": (lambda _, arrays: arrays.update({"embedding.scales": np.ones((28, 5), "f4")}), "scales"),
    "wide scales": (lambda _, arrays: arrays.update({"embedding.scales": np.ones((28, 1), "f8")}), "F64"),
    "plain weights": (lambda _, arrays: arrays.update({"embedding": np.ones((28, 5), "f4")}), "not I8"),
    "infinite scales": (lambda _, arrays: arrays["embedding.scales"].fill(np.inf), "not numbers"),
    "scales that overflow": (lambda _, arrays: arrays["embedding.scales"].fill(3e38), "not numbers"),
    "scales that are not numbers": (lambda _, arrays: arrays["embedding.scales"].fill(np.nan), "not numbers"),
    "large weights": (lambda _, arrays: arrays["embedding.scales"].fill(1e5), "not numbers from -1,000,000"),
}


@pytest.mark.parametrize(("change", "message"), HOSTILE.values(), ids=HOSTILE)
def test_files_that_contradict_themselves_are_refused(tmp_path, model, change, message):
    save_model(tmp_path / "model", model, weight_format="int8")
    rewrite(tmp_path / "model", change)
    with pytest.raises(ModelFileError, match=message):
        load_model(tmp_path / "model")


def test_half_precision_that_is_not_a_number_is_refused(tmp_path, model):
    save_model(tmp_path / "model", model, weight_format="float16")
    rewrite(tmp_path / "model", lambda _, arrays: arrays["embedding"].fill(np.inf))
    with pytest.raises(ModelFileError, match="not numbers"):
        load_model(tmp_path / "model")


def test_small_weights_count_as_large_as_they_become(tmp_path, model, monkeypatch):
    save_model(tmp_path / "model", model, weight_format="int8")
    monkeypatch.setattr("charlstm.storage.model_file.MAX_WEIGHT_BYTES", 3 * model.num_parameters)
    with pytest.raises(ModelFileError, match="bytes of weights"):
        load_model(tmp_path / "model")
