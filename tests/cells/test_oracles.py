"""Cells against the implementations of other libraries, with random weights."""

from dataclasses import replace

import numpy as np
import pytest

from charlstm.cells.registry import LayerSize, get_cell
from charlstm.cells.weights import effective_weights
from charlstm.generation.numpy_ops import NumpyOps, NumpyProjections
from charlstm.generation.stepper import Stepper
from tests.conftest import random_model
from tests.onnx_models import one_layer, one_step

BATCH, TIME, INPUTS, UNITS = 3, 12, 5, 7
NAMES = ["rnn", "lstm", "peephole", "peephole:fi", "peephole:o", "coupled", "gru"]


def random_layer(name):
    rng = np.random.default_rng(len(name))
    cell, size = get_cell(name), LayerSize(INPUTS, UNITS, is_first=True)
    weights = {part: rng.normal(0, 0.6, shape).astype(np.float32) for part, shape in cell.weight_shapes(size).items()}
    inputs = rng.normal(size=(TIME, BATCH, INPUTS)).astype(np.float32)
    states = [rng.normal(size=(BATCH, width)).astype(np.float32) for width in cell.state_sizes(size)]
    return weights, inputs, states


def run_in_numpy(name, weights, inputs, states):
    """Return the outputs (time, batch, units) and the last states."""
    cell, outputs = get_cell(name), []
    projections = NumpyProjections(effective_weights(cell, UNITS, weights))
    for x in inputs:
        step = cell.step(NumpyOps(), projections, x, tuple(states))
        outputs.append(step.output)
        states = step.states
    return np.array(outputs), states


def assert_close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_onnx_runtime(name):
    import onnxruntime

    weights, inputs, states = random_layer(name)
    session = onnxruntime.InferenceSession(one_layer(name, weights), providers=["CPUExecutionProvider"])
    initial_states = dict(zip(["h", "c"], (state[None] for state in states), strict=False))
    outputs, *last_states = session.run(None, {"x": inputs, **initial_states})
    outputs_in_numpy, states_in_numpy = run_in_numpy(name, weights, inputs, states)
    assert_close(outputs_in_numpy, outputs[:, 0])
    for state_in_numpy, state in zip(states_in_numpy, last_states, strict=True):
        assert_close(state_in_numpy, state[0])


def test_onnx_runtime_runs_a_whole_network():
    import onnxruntime

    model = random_model()
    session = onnxruntime.InferenceSession(one_step(model), providers=["CPUExecutionProvider"])
    states = [np.zeros((1, 2, 8), np.float32) for _ in range(4)]
    stepper = Stepper(model)
    stepper_states = stepper.initial_states(2)
    for ids in np.random.default_rng(0).integers(0, 27, (9, 2)):
        names = [node.name for node in session.get_inputs()]
        logits, *states = session.run(None, dict(zip(names, [ids[None], *states], strict=True)))
        stepper_logits, stepper_states = stepper.step(ids, stepper_states)
        assert_close(stepper_logits, logits)


@pytest.mark.tensorflow
@pytest.mark.parametrize(("name", "keras_name"), [("rnn", "SimpleRNN"), ("lstm", "LSTM"), ("gru", "GRU")])
def test_keras(name, keras_name):
    import keras

    weights, inputs, states = random_layer(name)
    layer = getattr(keras.layers, keras_name)(UNITS, return_sequences=True, return_state=True)
    layer.build((None, None, INPUTS))
    bias = np.stack([weights["bias"], weights["recurrent_bias"]]) if name == "gru" else weights["bias"]
    layer.set_weights([weights["kernel"], weights["recurrent_kernel"], bias])
    outputs, *last_states = layer(inputs.transpose(1, 0, 2), initial_state=[keras.ops.array(state) for state in states])
    outputs_in_numpy, states_in_numpy = run_in_numpy(name, weights, inputs, states)
    assert_close(outputs_in_numpy, np.array(outputs).transpose(1, 0, 2))
    for state_in_numpy, state in zip(states_in_numpy, last_states, strict=True):
        assert_close(state_in_numpy, np.array(state))


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["lstm", "peephole"])
def test_tensorflows_block_cell(name):
    import tensorflow as tf

    weights, inputs, (h, c) = random_layer(name)
    order = [0, 2, 1, 3]  # TensorFlow's order: i, g, f, o
    kernels = np.concatenate([weights["kernel"], weights["recurrent_kernel"]])
    matrix, bias = (
        np.concatenate([np.split(array, 4, axis=-1)[block] for block in order], axis=-1)
        for array in (kernels, weights["bias"])
    )
    zeros = np.zeros(UNITS, np.float32)
    peepholes = [weights.get(f"peephole_{gate}", zeros) for gate in "ifo"]
    outputs_in_numpy, states_in_numpy = run_in_numpy(name, weights, inputs, (h, c))
    for time, x in enumerate(inputs):
        result = tf.raw_ops.LSTMBlockCell(
            x=x, cs_prev=c, h_prev=h, w=matrix, wci=peepholes[0], wcf=peepholes[1], wco=peepholes[2], b=bias,
            forget_bias=0.0, cell_clip=-1.0, use_peephole=name == "peephole",
        )  # fmt: skip
        h, c = result.h.numpy(), result.cs.numpy()
        assert_close(outputs_in_numpy[time], h)
    assert_close(states_in_numpy[1], c)


@pytest.mark.parametrize(("name", "torch_name"), [("rnn", "RNN"), ("lstm", "LSTM"), ("gru", "GRU")])
def test_pytorch(name, torch_name):
    torch = pytest.importorskip("torch")
    weights, inputs, states = random_layer(name)
    layer = getattr(torch.nn, torch_name)(INPUTS, UNITS)

    def reorder_gates(array):
        if name != "gru":
            return array
        z, r, candidate = np.split(array, 3, axis=-1)
        return np.concatenate([r, z, candidate], axis=-1)  # PyTorch's order: reset, update, candidate

    arrays = {
        "weight_ih_l0": reorder_gates(weights["kernel"]).T,
        "weight_hh_l0": reorder_gates(weights["recurrent_kernel"]).T,
        "bias_ih_l0": reorder_gates(weights["bias"]),
        "bias_hh_l0": reorder_gates(weights.get("recurrent_bias", np.zeros_like(weights["bias"]))),
    }
    layer.load_state_dict({part: torch.from_numpy(np.ascontiguousarray(array)) for part, array in arrays.items()})
    initial = [torch.from_numpy(state[None]) for state in states]
    with torch.inference_mode():
        outputs, last = layer(torch.from_numpy(inputs), tuple(initial) if len(initial) == 2 else initial[0])
    outputs_in_numpy, states_in_numpy = run_in_numpy(name, weights, inputs, states)
    assert_close(outputs_in_numpy, outputs.numpy())
    for state_in_numpy, state in zip(states_in_numpy, last if len(initial) == 2 else [last], strict=True):
        assert_close(state_in_numpy, state[0].numpy())


def copy_weights(target, source):
    """Return the target model with the weights that it shares with the source."""
    return replace(target, weights={name: source.weights.get(name, w) for name, w in target.weights.items()})


def change_weights(model, part, value):
    """Return a model with the weights whose names contain `part` set to a value."""
    weights = {name: np.full_like(w, value) if part in name else w for name, w in model.weights.items()}
    return replace(model, weights=weights)


def logits_of(model):
    stepper = Stepper(model)
    ids = np.random.default_rng(3).integers(0, len(model.vocabulary), (2, 30))
    return stepper.read(ids, stepper.initial_states(2))[0]


@pytest.mark.parametrize(("name", "plain"), [("mogrifier:0", "lstm"), ("grid:1", "lstm"), ("clockwork:1", "rnn")])
def test_the_smallest_variant_is_the_plain_cell(name, plain):
    plain_model = random_model(cell=plain)
    assert_close(logits_of(copy_weights(random_model(cell=name), plain_model)), logits_of(plain_model))


def test_mogrifier_with_gates_of_one_is_the_lstm():
    lstm = random_model(cell="lstm")
    mogrifier = copy_weights(random_model(cell="mogrifier"), lstm)
    assert_close(logits_of(change_weights(mogrifier, "mogrify", 0)), logits_of(lstm))  # 2 sigmoid(0) = 1


def test_zero_peepholes_leave_the_lstm():
    lstm = random_model(cell="lstm")
    peephole = copy_weights(random_model(cell="peephole"), lstm)
    assert_close(logits_of(change_weights(peephole, "peephole", 0)), logits_of(lstm))


def test_a_closed_depth_gate_leaves_the_lstm():
    lstm = random_model(cell="lstm")
    depth_gated = change_weights(copy_weights(random_model(cell="depth-gated"), lstm), ".depth_", 0)
    assert_close(logits_of(change_weights(depth_gated, "depth_bias", -50)), logits_of(lstm))


def test_clockwork_modules_keep_their_values_between_updates():
    model = random_model(cell="clockwork:3", units=9, num_layers=1)
    stepper = Stepper(model)
    states, h_over_time = stepper.initial_states(), []
    for character in np.random.default_rng(0).integers(0, 27, 13):
        _, states = stepper.step(np.array([character]), states)
        h_over_time.append(states[0][0][0].copy())
    changed = np.abs(np.diff(h_over_time, axis=0)) > 0  # (12, units): between characters t and t + 1
    for module, period in enumerate((1, 2, 4)):
        updates = np.array([(time + 1) % period == 0 for time in range(12)])
        np.testing.assert_array_equal(changed[:, 3 * module : 3 * module + 3], np.repeat(updates[:, None], 3, axis=1))


def test_slow_clockwork_modules_do_not_read_fast_ones():
    model = random_model(cell="clockwork:2", units=4, num_layers=1)
    ids, before = np.array([[1, 2, 3]]), Stepper(model)
    model.weights["layers.0.recurrent_kernel"][:2, 2:] += 100.0  # from fast to slow units
    after = Stepper(model)
    np.testing.assert_array_equal(
        before.read(ids, before.initial_states())[0], after.read(ids, after.initial_states())[0]
    )


def times_that_change(model, *, length, changed_at):
    """Return, for each time, whether changing one character changes the logits there."""
    stepper = Stepper(model)
    ids = np.random.default_rng(0).integers(0, 27, (1, length))
    changed = ids.copy()
    changed[0, changed_at] = (changed[0, changed_at] + 1) % 27
    logits, other = (stepper.read(text, stepper.initial_states())[0] for text in (ids, changed))
    return (np.abs(logits - other).max(axis=(0, 2)) > 0).tolist()


def test_a_feedforward_network_reads_its_window_only():
    changes = times_that_change(random_model(cell="feedforward:4"), length=12, changed_at=7)
    assert changes == [7 <= time < 11 for time in range(12)]


def test_attention_reaches_back_over_its_window():
    model = random_model(cell="feedforward:2", num_layers=1, attention=5)
    changes = times_that_change(model, length=20, changed_at=7)
    assert changes == [7 <= time <= 13 for time in range(20)]  # the feedforward window of 2, then attention over 5
