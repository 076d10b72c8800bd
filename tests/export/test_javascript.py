"""The page's JavaScript against NumPy, for every cell and for one that does not exist yet."""

import base64
import zlib
from dataclasses import replace

import numpy as np
import pytest

from charlstm.analysis.trace import trace_text
from charlstm.cells.equations import CellStep, LeakyActivations
from charlstm.cells.registry import CELLS, Cell, _gate_shapes, _states_of_units, get_cell
from charlstm.cells.unit_names import UnitName
from charlstm.export.javascript import layer_function
from charlstm.export.packed_weights import CANDIDATES, pack_weights, unpack_weights
from charlstm.generation.clamps import Clamps
from charlstm.generation.numpy_ops import round_to_bfloat16
from charlstm.generation.stepper import Stepper
from charlstm.storage.model_file import Model
from charlstm.text.catalogue import shipped_folder
from tests.conftest import random_model
from tests.export.pages import needs_node, read_in_javascript, run_node

VARIANTS = ("peephole:f", "clockwork:3", "grid:1", "mogrifier:2", "feedforward:3")


def some_ids(model: Model, count: int = 150):
    return np.random.default_rng(0).integers(0, len(model.vocabulary), count)


def check_against_numpy(model, ids, *, tolerance=1e-3):
    trace, found = trace_text(model, ids), read_in_javascript(model, ids)
    probabilities = [step["probabilities"] for step in found]
    np.testing.assert_allclose(probabilities, np.exp(trace.log_probabilities), atol=tolerance)
    for number, layer in enumerate(trace.layers):
        steps = [step["layers"][number] for step in found]
        np.testing.assert_allclose([step["output"] for step in steps], layer.output, atol=4 * tolerance)
        if layer.cell_state is not None:
            np.testing.assert_allclose([step["cell"] for step in steps], layer.cell_state, atol=1e-2)
        assert set(steps[0]["activations"]) == set(layer.activations)
        for name, values in layer.activations.items():
            np.testing.assert_allclose([step["activations"][name] for step in steps], values, atol=1e-2)


@needs_node
@pytest.mark.parametrize("cell", [*CELLS, *VARIANTS])
def test_every_cell_predicts_as_in_numpy(cell):
    model = random_model(cell=cell, units=12, num_layers=3)
    check_against_numpy(model, some_ids(model))


@needs_node
@pytest.mark.parametrize("cell", [*CELLS, *VARIANTS])
def test_a_network_trained_in_bfloat16(cell):
    """Operands are rounded alike, since the page and the trace both add up in float64."""
    model = replace(random_model(cell=cell, units=12), training={"settings": {"precision": "bfloat16"}})
    check_against_numpy(model, some_ids(model), tolerance=1e-5)


@needs_node
def test_attention_and_a_first_layer_alone():
    model = random_model(attention=4, num_layers=1)
    check_against_numpy(model, some_ids(model, 50))


@needs_node
def test_without_residual_connections():
    model = random_model(residual=False, num_layers=3)
    check_against_numpy(model, some_ids(model, 50))


@needs_node
def test_the_fewest_bits_are_near_what_they_stand_for(monkeypatch):
    monkeypatch.setattr("charlstm.export.page.MAX_WEIGHT_CHARACTERS", 1)
    model = random_model(units=40, scale=0.1)
    check_against_numpy(model, some_ids(model, 100), tolerance=8e-3)


@needs_node
@pytest.mark.parametrize("bits", CANDIDATES)
def test_unpacked_weights_are_those_that_an_export_is_checked_with(monkeypatch, bits):
    monkeypatch.setattr("charlstm.export.packed_weights.CANDIDATES", (bits,))
    rng = np.random.default_rng(0)
    weights = {"kernel": rng.normal(size=(5, 7)).astype(np.float32), "bias": rng.normal(size=7).astype(np.float32)}
    weights["rounded"] = round_to_bfloat16(weights["kernel"])
    packed = pack_weights(weights, max_characters=10_000)
    driver = """
    const [text, layout] = JSON.parse(require("fs").readFileSync(0, "utf8"));
    inflate(decodeBase85(text)).then((buffer) => {
      const weights = Object.entries(unpackWeights(buffer, layout));
      console.log(JSON.stringify(weights.map(([name, weight]) => [name, [...(weight.data ?? weight)]])));
    });
    """
    network = (shipped_folder() / "page" / "network.js").read_text(encoding="utf-8")
    found = run_node(network + driver, [packed.text, packed.layout])
    expected = unpack_weights(packed.text, packed.layout)
    assert found == [[name, weight.ravel().tolist()] for name, weight in expected.items()]


@needs_node
@pytest.mark.parametrize("cell", ["lstm", "gru", "grid"])
def test_a_clamped_unit_is_what_the_next_layer_and_the_next_step_see(cell):
    model = random_model(cell=cell)
    ids = some_ids(model, 5)
    free = read_in_javascript(model, ids)
    clamped = read_in_javascript(model, ids, clamps=[{"layer": 0, "unit": 3, "value": 0.9}])
    stepper = Stepper(model, Clamps({UnitName(0, 3): 0.9}))
    logits, _ = stepper.read(ids[None], stepper.initial_states(1))
    expected = np.exp(logits[0]) / np.exp(logits[0]).sum(axis=1, keepdims=True)
    np.testing.assert_allclose([step["probabilities"] for step in clamped], expected, atol=1e-5)
    assert [step["layers"][0]["output"][3] for step in clamped] == pytest.approx([0.9] * 5)
    assert clamped[0]["layers"][1]["output"] != free[0]["layers"][1]["output"]
    assert clamped[1]["layers"][0]["output"][2] != free[1]["layers"][0]["output"][2]
    assert clamped[0]["layers"][0]["output"][:3] == free[0]["layers"][0]["output"][:3]


def new_cell(ops, projections, x, states):
    """A cell with what no other has: a product of blocks as they are, a constant part, a difference from a constant."""
    (h,) = states
    a, b = ops.split(projections.gate_preactivations(x, h), (1, 1))
    mixed = projections.matmul("mixing", a)
    h = ops.sigmoid(mixed) * ops.tanh(b) + 0.5 * (1 - ops.sigmoid(a)) * h
    return CellStep(h, (h,), LeakyActivations(ops.sigmoid(mixed)))


@needs_node
def test_a_thirteenth_cell_works_at_once(monkeypatch):
    def shapes(size):
        return _gate_shapes(2)(size) | {"mixing": (size.units, size.units)}

    monkeypatch.setitem(CELLS, "thirteenth", Cell(new_cell, shapes, _states_of_units(1)))
    model = random_model(cell="thirteenth", num_layers=3)
    check_against_numpy(model, some_ids(model, 200))


@needs_node
@pytest.mark.parametrize("level", [0, 1, 9])
@pytest.mark.parametrize("kind", ["noise", "text", "nothing", "zeros"])
def test_browsers_without_decompression_get_the_same_bytes(level, kind):
    rng = np.random.default_rng(0)
    texts = {"noise": rng.bytes(200_000), "text": b"tomorrow and " * 9000 + rng.bytes(9), "zeros": bytes(400_000)}
    data = texts.get(kind, b"")
    script = (shipped_folder() / "page" / "inflate.js").read_text(encoding="utf-8")
    driver = """
    const bytes = Uint8Array.from(Buffer.from(JSON.parse(require("fs").readFileSync(0, "utf8")), "base64"));
    console.log(JSON.stringify(Buffer.from(inflateBytes(bytes)).toString("base64")));
    """
    found = run_node(script + driver, base64.b64encode(zlib.compress(data, level)).decode())
    assert base64.b64decode(str(found)) == data


def test_a_name_that_is_no_identifier_never_becomes_code():
    with pytest.raises(ValueError, match="cannot be a name"):
        layer_function(get_cell("lstm"), "f(){}//", is_first=True)


def test_no_compiler_is_loaded_for_a_page():
    from tests.test_startup import loaded_by

    imports = "from tests.conftest import random_model; from charlstm.export.page import make_page"
    assert not loaded_by(f"{imports}; make_page(random_model()); print()") & {"llvmlite", "tensorflow", "keras"}
