"""Model files and pages that would hold another network than the model are refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from charlstm.cells.registry import CELLS
from charlstm.errors import ExportError
from charlstm.export import page
from charlstm.export.check import check_rounding
from charlstm.export.formats import MODEL
from charlstm.export.packed_weights import CANDIDATES, pack_weights, round_weights, unpack_weights
from charlstm.export.write import file_content
from charlstm.storage.model_file import load_model, save_model
from tests.conftest import random_model

FORMATS = ("float32", "float16", "int8")
SAVE = "charlstm.export.model_format.save_model"


def matrices(weights, bits):
    return {name: bits for name, weight in weights.items() if weight.ndim == 2}


def changed(model, name, change):
    return replace(model, weights=model.weights | {name: change(model.weights[name])})


CHANGES = {
    "layers exchanged": lambda m: replace(
        m, weights=m.weights | {"layers.1.recurrent_kernel": m.weights["layers.0.recurrent_kernel"]}
    ),
    "gates exchanged": lambda m: changed(m, "layers.0.recurrent_kernel", lambda weight: np.roll(weight, 8, axis=1)),
    "a scale": lambda m: changed(m, "output.kernel", lambda weight: weight * np.float32(1.05)),
    "a bias": lambda m: changed(m, "layers.1.bias", lambda weight: weight + np.float32(1e-3)),
}


@pytest.mark.parametrize("weight_format", FORMATS)
@pytest.mark.parametrize("cell", [*CELLS, "feedforward:3"])
def test_a_model_file_of_every_cell_is_what_it_should_be(tmp_path, cell, weight_format):
    model = random_model(cell=cell, num_layers=3)
    (tmp_path / "m.safetensors").write_bytes(file_content(model, MODEL, weight_format=weight_format))
    loaded = load_model(tmp_path / "m.safetensors")
    check_rounding(model.weights, loaded.weights, matrices(model.weights, 8), what="")


@pytest.mark.parametrize("weight_format", FORMATS)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_model_file_with_other_weights_is_not_written(charlstm, run, monkeypatch, change, weight_format):
    monkeypatch.setattr(SAVE, lambda path, model, **more: save_model(path, change(model), **more))
    bits = {"float32": "32-bit", "float16": "16-bit", "int8": "8-bit"}[weight_format]
    code, out, err = charlstm("export", "tiny", "--to", "m.safetensors", "--weights", bits)
    assert (code, out) == (1, "")
    assert "the .safetensors file would have other weights" in err
    assert "nothing is written" in err
    assert not Path("m.safetensors").exists()


def test_a_model_file_with_another_setting_is_not_written(model, monkeypatch):
    """The weights are the same, and what is predicted with them is not."""
    other = replace(model.config, residual=not model.config.residual)
    monkeypatch.setattr(SAVE, lambda path, model, **more: save_model(path, replace(model, config=other), **more))
    with pytest.raises(ExportError, match="would not predict what the model does: log-probabilities differ by 0"):
        file_content(model, MODEL)


@pytest.mark.parametrize("max_characters", [2_865_000, 1])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_page_with_other_weights_is_not_written(charlstm, run, monkeypatch, change, max_characters):
    def pack(weights, **_):
        packed = change(replace(random_model(), weights=weights)).weights
        return pack_weights(packed, max_characters=max_characters)

    monkeypatch.setattr(page, "pack_weights", pack)
    code, out, err = charlstm("export", "tiny", "--to", "page.html")
    assert (code, out) == (1, "")
    assert "the page would have other weights" in err
    assert not Path("page.html").exists()


@pytest.mark.parametrize("bits", CANDIDATES)
def test_unpacked_weights_are_those_that_were_packed(bits, monkeypatch):
    monkeypatch.setattr("charlstm.export.packed_weights.CANDIDATES", (bits,))
    weights = page.page_weights(random_model(cell="gru", attention=3))
    weights["layers.0.kernel"][:, 3] = 0  # a column without a scale
    packed = pack_weights(weights, max_characters=1_000_000)
    unpacked = unpack_weights(packed.text, packed.layout)
    rounded = round_weights(weights, packed.layout)
    assert packed.bits == bits
    assert all(np.array_equal(unpacked[name], rounded[name]) for name in weights)
    check_rounding(weights, unpacked, matrices(weights, bits), what="")


WEIGHTS = {"matrix": np.array([[1, -127], [0.5, 3]], np.float32), "vector": np.array([1, 2], np.float32)}


@pytest.mark.parametrize(
    ("name", "difference", "is_refused"),
    [
        ("matrix", [[0, 0], [0, 0]], False),
        ("matrix", [[0.49, -0.49], [0.0039, 0.49]], False),  # the step is 1, but 1/127 where 1 is the largest
        ("matrix", [[0, 0], [0.02, 0]], True),
        ("matrix", [[0.6, 0], [0, 0]], True),
        ("matrix", [[0, float("nan")], [0, 0]], True),
        ("vector", [0, 1e-6], True),
    ],
)
def test_rounding_by_more_than_half_a_step_is_refused(name, difference, is_refused):
    rounded = WEIGHTS | {name: WEIGHTS[name] + np.array(difference, np.float32)}
    if is_refused:
        with pytest.raises(ExportError, match=f"it would have other weights: {name} differs by"):
            check_rounding(WEIGHTS, rounded, {"matrix": 8}, what="it")
    else:
        check_rounding(WEIGHTS, rounded, {"matrix": 8}, what="it")


@pytest.mark.parametrize("scale", [1e-8, 1e-6, 1e-4, 1e3])
@pytest.mark.parametrize("weight_format", FORMATS)
def test_weights_of_any_size_can_be_rounded(scale, weight_format):
    file_content(random_model(scale=scale), MODEL, weight_format=weight_format)
