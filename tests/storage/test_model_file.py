import numpy as np
import pytest
from safetensors.numpy import save_file

from charlstm.errors import ModelFileError
from charlstm.storage.model_file import load_model, save_model
from charlstm.storage.tensor_file import open_tensors, to_bytes
from tests.conftest import random_model


def test_a_model_survives_its_file(tmp_path, model):
    save_model(tmp_path / "model", model)
    loaded = load_model(tmp_path / "model")
    assert (loaded.config, loaded.vocabulary, loaded.training) == (model.config, model.vocabulary, model.training)
    assert all(np.array_equal(loaded.weights[name], weight) for name, weight in model.weights.items())
    assert loaded.num_parameters == sum(weight.size for weight in model.weights.values())


def test_the_same_model_gives_the_same_bytes(tmp_path):
    for name in "ab":
        save_model(tmp_path / name, random_model())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_file_that_is_missing_cut_off_or_foreign_is_refused(tmp_path, model):
    path = tmp_path / "model"
    with pytest.raises(ModelFileError, match="cannot be read"):
        load_model(path)
    save_model(path, model)
    whole = path.read_bytes()
    for size in (0, 4, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ModelFileError, match=r"not a whole safetensors file|not charlstm's"):
            load_model(path)
    save_file({"x": np.zeros(3)}, path)
    with pytest.raises(ModelFileError, match="metadata is not what charlstm writes"):
        load_model(path)


def rewrite(path, *, change_facts=lambda facts: None, change_weights=lambda weights: None):
    """Change a file as someone who knows how would: its digest is right."""
    with open_tensors(path) as file:
        facts, weights = file.metadata, file.read()
    change_facts(facts)
    change_weights(weights)
    path.write_bytes(to_bytes(weights, facts))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"change_facts": lambda facts: facts.update(format_version=1)}, "format version 1"),
        ({"change_facts": lambda facts: facts.update(format_version=99)}, "format version 99"),
        ({"change_facts": lambda facts: facts.update(training=[])}, "not an object"),
        ({"change_facts": lambda facts: facts["training"].update(step="3")}, "'step'"),
        ({"change_facts": lambda facts: facts["training"].update(more=1)}, "'more'"),
        ({"change_facts": lambda facts: facts["training"].update(validation={"x": 1}, epoch=1)}, "validation figures"),
        ({"change_facts": lambda facts: facts["training"].update(text="t")}, "missing"),
        ({"change_facts": lambda facts: facts["architecture"].update(num_layers=10**12)}, "layers"),
        ({"change_facts": lambda facts: facts["architecture"].update(units=10**300)}, "at most 16,384"),
        ({"change_facts": lambda facts: facts.update(vocabulary={"characters": ["a"]})}, "not a charlstm model"),
        ({"change_facts": lambda facts: facts.pop("vocabulary")}, "metadata"),
        ({"change_facts": lambda facts: facts.update(vocabulary={"letters": 3})}, "not a charlstm model"),
        ({"change_facts": lambda facts: facts["architecture"].update(units=9)}, "not F32"),
        ({"change_facts": lambda facts: facts["architecture"].update(units="9")}, "damaged|setting"),
        ({"change_facts": lambda facts: facts["architecture"].update(num_layers=3)}, "do not belong"),
        ({"change_facts": lambda facts: facts["architecture"].update(cell="magic")}, "unknown cell"),
        ({"change_weights": lambda weights: weights.pop("output.bias")}, "do not belong"),
        ({"change_weights": lambda weights: weights.update({"more": np.zeros(1)})}, "do not belong"),
        (
            {"change_weights": lambda weights: weights.update({"output.bias": weights["output.bias"].astype("f8")})},
            "F64",
        ),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(tmp_path, model, changes, message):
    save_model(tmp_path / "model", model)
    rewrite(tmp_path / "model", **changes)
    with pytest.raises(ModelFileError, match=message):
        load_model(tmp_path / "model")


def test_a_file_that_is_too_large_is_not_read(tmp_path, model, monkeypatch):
    save_model(tmp_path / "model", model)
    monkeypatch.setattr("charlstm.storage.model_file.MAX_WEIGHT_BYTES", 1000)
    with pytest.raises(ModelFileError, match="bytes of weights"):
        load_model(tmp_path / "model")
