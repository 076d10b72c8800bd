"""What happens inside a network, against what TensorFlow and Keras show of theirs."""

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
        weights = {name.split(".")[2]: array for name, array in model.weights.items() if f"layers.{layer}." in name}
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
