"""An LSTM written once more, as textbooks have it, in float64: what figures of an evaluation are checked with."""

import itertools
import math

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def plain_losses(model, ids):
    """Return -ln p of each character but the first, from a zero state, one character at a time."""
    weights = {name: array.astype(np.float64) for name, array in model.weights.items()}
    units, layers = model.config.units, range(model.config.num_layers)
    hidden, cell = [np.zeros(units) for _ in layers], [np.zeros(units) for _ in layers]
    losses = []
    for current, following in itertools.pairwise(ids):
        x = weights["embedding"][current]
        for layer in layers:
            name = f"layers.{layer}."
            gates = x @ weights[f"{name}kernel"] + hidden[layer] @ weights[f"{name}recurrent_kernel"]
            i, f, c, o = np.split(gates + weights[f"{name}bias"], 4)
            cell[layer] = sigmoid(f) * cell[layer] + sigmoid(i) * np.tanh(c)
            hidden[layer] = sigmoid(o) * np.tanh(cell[layer])
            x = hidden[layer] + (x if layer else 0)  # layers after the first add their input
        logits = x @ weights["output.kernel"] + weights["output.bias"]
        losses.append(math.log(np.exp(logits).sum()) - logits[following])
    return np.array(losses)
