"""Cells against implementations by others, with random weights."""

from dataclasses import replace

import numpy as np
import pytest

from charlstm.cells.registry import Size, get_cell
from charlstm.generation.stepper import LayerWeights, NumpyOps, Stepper
from tests.conftest import random_model
from tests.onnx_models import one_layer, one_step

BATCH, TIME, INPUTS, UNITS = 3, 12, 5, 7
NAMES = ["rnn", "lstm", "peephole", "peephole:fi", "peephole:o", "coupled", "gru"]


def random_layer(name):
    rng = np.random.default_rng(len(name))
    shapes = get_cell(name).shapes(Size(INPUTS, UNITS, is_first=True))
    weights = {part: rng.normal(0, 0.6, shape).astype(np.float32) for part, shape in shapes.items()}
    inputs = rng.normal(size=(TIME, BATCH, INPUTS)).astype(np.float32)
    sizes = get_cell(name).state_sizes(Size(INPUTS, UNITS, is_first=True))
    states = [rng.normal(size=(BATCH, size)).astype(np.float32) for size in sizes]
    return weights, inputs, states


def ours(name, weights, inputs, states):
    """Outputs (time, batch, units) and the last states, in NumPy."""
    cell, outputs = get_cell(name), []
    for x in inputs:
        (output,), states, _ = cell.step(NumpyOps(), LayerWeights(weights, {}), x, tuple(states))
        outputs.append(output)
    return np.array(outputs), states


def assert_same(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_onnx_runtime(name):
    import onnxruntime

    weights, inputs, states = random_layer(name)
    session = onnxruntime.InferenceSession(one_layer(name, weights), providers=["CPUExecutionProvider"])
    given = dict(zip(["h", "c"], (state[None] for state in states), strict=False))
    outputs, *after = session.run(None, {"x": inputs, **given})
    our_outputs, our_after = ours(name, weights, inputs, states)
    assert_same(our_outputs, outputs[:, 0])
    for our_state, state in zip(our_after, after, strict=True):
        assert_same(our_state, state[0])


def test_onnx_runtime_runs_a_whole_network_of_ours():
    import onnxruntime

    model = random_model()
    session = onnxruntime.InferenceSession(one_step(model), providers=["CPUExecutionProvider"])
    states = [np.zeros((1, 2, 8), np.float32) for _ in range(4)]
    stepper = Stepper(model)
    our_states = stepper.initial_states(2)
    for ids in np.random.default_rng(0).integers(0, 27, (9, 2)):
        names = [given.name for given in session.get_inputs()]
        logits, *states = session.run(None, dict(zip(names, [ids[None], *states], strict=True)))
        our_logits, our_states = stepper.step(ids, our_states)
        assert_same(our_logits, logits)


@pytest.mark.tensorflow
@pytest.mark.parametrize(("name", "layer"), [("rnn", "SimpleRNN"), ("lstm", "LSTM"), ("gru", "GRU")])
def test_keras(name, layer):
    import keras

    weights, inputs, states = random_layer(name)
    own = getattr(keras.layers, layer)(UNITS, return_sequences=True, return_state=True)
    own.build((None, None, INPUTS))
    bias = np.stack([weights["bias"], weights["recurrent_bias"]]) if name == "gru" else weights["bias"]
    own.set_weights([weights["kernel"], weights["recurrent_kernel"], bias])
    outputs, *after = own(inputs.transpose(1, 0, 2), initial_state=[keras.ops.array(state) for state in states])
    our_outputs, our_after = ours(name, weights, inputs, states)
    assert_same(our_outputs, np.array(outputs).transpose(1, 0, 2))
    for our_state, state in zip(our_after, after, strict=True):
        assert_same(our_state, np.array(state))


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["lstm", "peephole"])
def test_tensorflows_block_cell(name):
    import tensorflow as tf

    weights, inputs, (h, c) = random_layer(name)
    order = [0, 2, 1, 3]  # its gates: input, candidate, forget, output
    both = np.concatenate([weights["kernel"], weights["recurrent_kernel"]])
    matrix, bias = (
        np.concatenate([np.split(array, 4, axis=-1)[block] for block in order], axis=-1)
        for array in (both, weights["bias"])
    )
    zeros = np.zeros(UNITS, np.float32)
    looks = [weights.get(f"peephole_{gate}", zeros) for gate in "ifo"]
    our_outputs, our_after = ours(name, weights, inputs, (h, c))
    for time, x in enumerate(inputs):
        result = tf.raw_ops.LSTMBlockCell(
            x=x, cs_prev=c, h_prev=h, w=matrix, wci=looks[0], wcf=looks[1], wco=looks[2], b=bias,
            forget_bias=0.0, cell_clip=-1.0, use_peephole=name == "peephole",
        )  # fmt: skip
        h, c = result.h.numpy(), result.cs.numpy()
        assert_same(our_outputs[time], h)
    assert_same(our_after[1], c)


@pytest.mark.parametrize(("name", "layer"), [("rnn", "RNN"), ("lstm", "LSTM"), ("gru", "GRU")])
def test_pytorch(name, layer):
    torch = pytest.importorskip("torch")
    weights, inputs, states = random_layer(name)
    own = getattr(torch.nn, layer)(INPUTS, UNITS)

    def in_order(array):
        if name != "gru":
            return array
        z, r, candidate = np.split(array, 3, axis=-1)
        return np.concatenate([r, z, candidate], axis=-1)  # its gates: reset, update, candidate

    arrays = {
        "weight_ih_l0": in_order(weights["kernel"]).T,
        "weight_hh_l0": in_order(weights["recurrent_kernel"]).T,
        "bias_ih_l0": in_order(weights["bias"]),
        "bias_hh_l0": in_order(weights.get("recurrent_bias", np.zeros_like(weights["bias"]))),
    }
    own.load_state_dict({part: torch.from_numpy(np.ascontiguousarray(array)) for part, array in arrays.items()})
    begun = [torch.from_numpy(state[None]) for state in states]
    with torch.inference_mode():
        outputs, after = own(torch.from_numpy(inputs), tuple(begun) if len(begun) == 2 else begun[0])
    our_outputs, our_after = ours(name, weights, inputs, states)
    assert_same(our_outputs, outputs.numpy())
    for our_state, state in zip(our_after, after if len(begun) == 2 else [after], strict=True):
        assert_same(our_state, state[0].numpy())


def same_weights(one, other):
    """A model of another cell with the weights of a first one, in as far as it has them."""
    return replace(one, weights={name: other.weights.get(name, weight) for name, weight in one.weights.items()})


def logits_of(model):
    stepper = Stepper(model)
    ids = np.random.default_rng(3).integers(0, len(model.vocabulary), (2, 30))
    return stepper.read(ids, stepper.initial_states(2))[0]


@pytest.mark.parametrize(("name", "plain"), [("mogrifier:0", "lstm"), ("grid:1", "lstm"), ("clockwork:1", "rnn")])
def test_a_cell_without_what_makes_it_special_is_the_plain_one(name, plain):
    one = random_model(cell=plain)
    assert_same(logits_of(same_weights(random_model(cell=name), one)), logits_of(one))


def test_a_mogrifier_whose_gates_are_half_open_is_the_lstm():
    one = random_model(cell="lstm")
    other = same_weights(random_model(cell="mogrifier"), one)
    open_ones = {name: 0 * weight if "mogrify" in name else weight for name, weight in other.weights.items()}
    assert_same(logits_of(replace(other, weights=open_ones)), logits_of(one))


def test_peepholes_of_zero_and_a_shut_depth_gate_leave_the_lstm():
    one = random_model(cell="lstm")
    blind = same_weights(random_model(cell="peephole"), one)
    weights = {name: 0 * weight if "peephole" in name else weight for name, weight in blind.weights.items()}
    assert_same(logits_of(replace(blind, weights=weights)), logits_of(one))
    deep = same_weights(random_model(cell="depth-gated"), one)
    weights = {name: 0 * weight if ".depth_" in name else weight for name, weight in deep.weights.items()}
    weights["layers.1.depth_bias"] -= 50
    assert_same(logits_of(replace(deep, weights=weights)), logits_of(one))


def test_a_module_of_the_clockwork_keeps_its_values_between_its_ticks():
    model = random_model(cell="clockwork:3", units=9, num_layers=1)
    stepper = Stepper(model)
    states, seen = stepper.initial_states(), []
    for place in np.random.default_rng(0).integers(0, 27, 13):
        _, states = stepper.step(np.array([place]), states)
        seen.append(states[0][0][0].copy())
    changed = np.abs(np.diff(seen, axis=0)) > 0  # (12, units): between characters t and t + 1
    for module, period in enumerate((1, 2, 4)):
        ticks = np.array([(time + 1) % period == 0 for time in range(12)])
        np.testing.assert_array_equal(changed[:, 3 * module : 3 * module + 3], np.repeat(ticks[:, None], 3, axis=1))


def test_a_fast_module_of_the_clockwork_is_not_heard_by_a_slow_one():
    model = random_model(cell="clockwork:2", units=4, num_layers=1)
    kernel = model.weights["layers.0.recurrent_kernel"]
    before = Stepper(model)
    kernel[:2, 2:] += 100.0
    np.testing.assert_array_equal(
        before.read(np.array([[1, 2, 3]]), before.initial_states())[0],
        Stepper(model).read(np.array([[1, 2, 3]]), before.initial_states())[0],
    )


def test_a_feedforward_network_sees_its_window_and_no_more():
    model = random_model(cell="feedforward:4")
    stepper = Stepper(model)
    ids = np.random.default_rng(0).integers(0, 27, (1, 12))
    other = ids.copy()
    other[0, 7] = (other[0, 7] + 1) % 27
    differs = np.abs(
        stepper.read(ids, stepper.initial_states())[0] - stepper.read(other, stepper.initial_states())[0]
    ).max(axis=(0, 2))
    assert (differs > 0).tolist() == [7 <= time < 11 for time in range(12)]


def test_attention_looks_back_as_far_as_its_window():
    model = random_model(cell="feedforward:2", num_layers=1, attention=5)
    stepper = Stepper(model)
    ids = np.random.default_rng(0).integers(0, 27, (1, 20))
    other = ids.copy()
    other[0, 7] = (other[0, 7] + 1) % 27
    differs = np.abs(
        stepper.read(ids, stepper.initial_states())[0] - stepper.read(other, stepper.initial_states())[0]
    ).max(axis=(0, 2))
    assert (differs > 0).tolist() == [7 <= time <= 13 for time in range(20)]  # itself, the next, and five after that
