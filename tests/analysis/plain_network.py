"""An LSTM and a GRU written once more, as textbooks have them, in float64: what figures of an evaluation are checked
with."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step(x, state, weights):
    hidden, cell = state
    gates = x @ weights["kernel"] + hidden @ weights["recurrent_kernel"] + weights["bias"]
    i, f, c, o = np.split(gates, 4)
    cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(c)
    return sigmoid(o) * np.tanh(cell), cell


def gru_step(x, state, weights):
    (hidden,) = state
    z, r, candidate = np.split(x @ weights["kernel"] + weights["bias"], 3)
    own_z, own_r, own_candidate = np.split(hidden @ weights["recurrent_kernel"] + weights["recurrent_bias"], 3)
    update = sigmoid(z + own_z)
    return (update * hidden + (1 - update) * np.tanh(candidate + sigmoid(r + own_r) * own_candidate),)


STEPS = {"lstm": (lstm_step, 2), "gru": (gru_step, 1)}


def plain_logits(model, ids):
    """Return the logits (characters - 1, vocabulary) after each character but the last, from a zero state."""
    weights = {name: array.astype(np.float64) for name, array in model.weights.items()}
    step, num_states = STEPS[model.config.cell]
    layers = [
        {
            name.removeprefix(f"layers.{layer}."): weight
            for name, weight in weights.items()
            if f"layers.{layer}." in name
        }
        for layer in range(model.config.num_layers)
    ]
    states = [(np.zeros(model.config.units),) * num_states for _ in layers]
    logits = []
    for current in ids[:-1]:
        x = weights["embedding"][current]
        for layer, own_weights in enumerate(layers):
            states[layer] = step(x, states[layer], own_weights)
            x = states[layer][0] + (
                x if layer and model.config.residual else 0
            )  # layers after the first add their input
        logits.append(x @ weights["output.kernel"] + weights["output.bias"])
    return np.array(logits)


def plain_losses(model, ids):
    """Return -ln p of each character but the first, from a zero state."""
    logits = plain_logits(model, ids)
    return np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(logits)), ids[1:]]
