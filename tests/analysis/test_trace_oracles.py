"""What happens inside a network, against what TensorFlow, Keras and PyTorch show of theirs."""

import numpy as np
import pytest

from charlstm.analysis.trace import trace_text
from tests.conftest import random_model

UNITS = 8


def traced(cell):
    """Return a model without residual connections, and its trace."""
    model = random_model(cell=cell, units=UNITS, residual=False)
    return model, trace_text(model, np.random.default_rng(2).integers(0, len(model.vocabulary), 40))


def inputs_of(model, trace, layer):
    """Return what a layer reads, (characters, inputs)."""
    return trace.layers[layer - 1].output if layer else model.weights["embedding"][trace.ids]


def weights_of(model, layer):
    """Return the weights of a layer by their short names."""
    prefix = f"layers.{layer}."
    return {name.removeprefix(prefix): array for name, array in model.weights.items() if name.startswith(prefix)}


@pytest.mark.tensorflow
@pytest.mark.parametrize("cell", ["lstm", "peephole"])
def test_gates_equal_those_of_tensorflows_block_cell(cell):
    import tensorflow as tf

    model, trace = traced(cell)
    order = [0, 2, 1, 3]  # TensorFlow's order: i, g, f, o
    for layer, found in enumerate(trace.layers):
        weights = {name: model.weights.get(f"layers.{layer}.{name}") for name in ("kernel", "recurrent_kernel", "bias")}
        kernels = np.concatenate([weights["kernel"], weights["recurrent_kernel"]])
        matrix, bias = (
            np.concatenate([np.split(array, 4, axis=-1)[block] for block in order], axis=-1)
            for array in (kernels, weights["bias"])
        )
        zeros = np.zeros(UNITS, np.float32)
        peepholes = [model.weights.get(f"layers.{layer}.peephole_{gate}", zeros) for gate in "ifo"]
        h = c = np.zeros((1, UNITS), np.float32)
        for place, x in enumerate(inputs_of(model, trace, layer)):
            result = tf.raw_ops.LSTMBlockCell(
                x=x[None], cs_prev=c, h_prev=h, w=matrix, wci=peepholes[0], wcf=peepholes[1], wco=peepholes[2], b=bias,
                forget_bias=0.0, cell_clip=-1.0, use_peephole=cell == "peephole",
            )  # fmt: skip
            h, c = result.h.numpy(), result.cs.numpy()
            assert found.cell_state is not None
            shown = {"output": found.output, "cell_state": found.cell_state, **found.activations}
            expected = {
                "output": result.h, "cell_state": result.cs, "input_gate": result.i, "forget_gate": result.f,
                "candidate": result.ci, "output_gate": result.o, "tanh_cell_state": result.co,
            }  # fmt: skip
            assert shown.keys() == expected.keys()
            for name, values in expected.items():
                np.testing.assert_allclose(shown[name][place], values[0], atol=1e-5)


@pytest.mark.tensorflow
@pytest.mark.parametrize(("cell", "keras_name"), [("rnn", "SimpleRNNCell"), ("lstm", "LSTMCell"), ("gru", "GRUCell")])
def test_states_equal_those_of_keras(cell, keras_name):
    import keras

    model, trace = traced(cell)
    for layer, found in enumerate(trace.layers):
        inputs = inputs_of(model, trace, layer)
        weights = weights_of(model, layer)
        bias = np.stack([weights["bias"], weights["recurrent_bias"]]) if cell == "gru" else weights["bias"]
        keras_cell = getattr(keras.layers, keras_name)(UNITS)
        keras_cell.build((None, inputs.shape[1]))
        keras_cell.set_weights([weights["kernel"], weights["recurrent_kernel"], bias])
        states = [keras.ops.zeros((1, UNITS)) for _ in range(2 if cell == "lstm" else 1)]
        for place, x in enumerate(inputs):
            _, states = keras_cell(x[None], states)
            states = list(states) if isinstance(states, list | tuple) else [states]
            np.testing.assert_allclose(found.output[place], np.array(states[0])[0], atol=1e-5)
            if cell == "lstm":
                assert found.cell_state is not None
                np.testing.assert_allclose(found.cell_state[place], np.array(states[1])[0], atol=1e-5)


@pytest.mark.tensorflow
@pytest.mark.parametrize(("cell", "layer_name"), [("rnn", "SimpleRNN"), ("lstm", "LSTM"), ("gru", "GRU")])
def test_sequences_and_last_states_equal_those_of_keras_layers(cell, layer_name):
    import keras

    model, trace = traced(cell)
    for layer, found in enumerate(trace.layers):
        inputs = inputs_of(model, trace, layer)
        keras_layer = getattr(keras.layers, layer_name)(UNITS, return_sequences=True, return_state=True)
        keras_layer.build((1, *inputs.shape))
        weights = weights_of(model, layer)
        bias = np.stack([weights["bias"], weights["recurrent_bias"]]) if cell == "gru" else weights["bias"]
        keras_layer.set_weights([weights["kernel"], weights["recurrent_kernel"], bias])
        outputs, *states = keras_layer(inputs[None])
        np.testing.assert_allclose(found.output, np.array(outputs)[0], atol=1e-5)
        np.testing.assert_allclose(found.output[-1], np.array(states[0])[0], atol=1e-5)
        if cell == "lstm":
            assert found.cell_state is not None
            np.testing.assert_allclose(found.cell_state[-1], np.array(states[1])[0], atol=1e-5)


@pytest.mark.parametrize(("cell", "torch_name"), [("rnn", "RNNCell"), ("lstm", "LSTMCell"), ("gru", "GRUCell")])
def test_states_equal_those_of_pytorch(cell, torch_name):
    torch = pytest.importorskip("torch")
    model, trace = traced(cell)
    order = [1, 0, 2] if cell == "gru" else range(4 if cell == "lstm" else 1)  # PyTorch's r, z, n of ours z, r, g
    for layer, found in enumerate(trace.layers):
        inputs, weights = inputs_of(model, trace, layer), weights_of(model, layer)
        arrays = {"weight_ih": weights["kernel"].T, "weight_hh": weights["recurrent_kernel"].T}
        arrays |= {"bias_ih": weights["bias"], "bias_hh": weights.get("recurrent_bias", np.zeros_like(weights["bias"]))}
        blocks = {name: np.split(array, len(order)) for name, array in arrays.items()}
        torch_cell = getattr(torch.nn, torch_name)(inputs.shape[1], UNITS)
        torch_cell.load_state_dict(
            {name: torch.from_numpy(np.concatenate([parts[k] for k in order])) for name, parts in blocks.items()}
        )
        states = torch.zeros(1, UNITS)
        states = (states, states) if cell == "lstm" else states
        with torch.inference_mode():
            for place, x in enumerate(inputs):
                states = torch_cell(torch.from_numpy(x[None]), states)
                h, *c = states if cell == "lstm" else (states,)
                np.testing.assert_allclose(found.output[place], h[0].numpy(), atol=1e-5)
                if c:
                    assert found.cell_state is not None
                    np.testing.assert_allclose(found.cell_state[place], c[0][0].numpy(), atol=1e-5)
