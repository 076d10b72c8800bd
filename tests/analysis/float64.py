"""The equations of a network in float64: what its figures are compared with."""

import numpy as np

from charlstm.cells.equations import CellStep
from charlstm.cells.registry import get_cell
from charlstm.cells.shapes import layer_shapes, state_sizes
from charlstm.cells.stack import has_residual, run_stack, step_cell
from charlstm.cells.weights import effective_weights
from charlstm.generation.numpy_attention import NumpyAttention
from charlstm.generation.numpy_ops import NumpyOps, NumpyProjections


def run_in_float64(model, embedded):
    """Run embedded characters (characters, streams, width) through a network.

    Return the steps of each layer at each character, and the logits after each, (characters, streams, vocabulary).
    """
    config, cell, num_streams = model.config, get_cell(model.config.cell), embedded.shape[1]
    weights = {name: array.astype(np.float64) for name, array in model.weights.items()}
    layers = range(config.num_layers)
    projections = [
        NumpyProjections(
            effective_weights(
                cell, config.units, {name: weights[f"layers.{layer}.{name}"] for name in layer_shapes(config, layer)}
            )
        )
        for layer in layers
    ]
    states = [tuple(np.zeros((num_streams, size)) for size in state_sizes(config, layer)) for layer in layers]
    attention = NumpyAttention(weights, config.attention) if config.attention else None
    attended = attention.initial_states(num_streams) if attention else ()
    characters, logits = [], []
    for x in embedded:
        steps: list[CellStep] = []

        def run_layer(layer, x, lower, states=states, steps=steps):
            steps.append(step_cell(cell, NumpyOps(), projections[layer], x, lower, states[layer]))
            return steps[-1].output, steps[-1].passed_up, steps[-1].states

        hidden, states = run_stack(config.num_layers, x, run_layer, residual=has_residual(config))
        if attention:
            hidden, attended = attention.step(hidden, attended)
        characters.append(steps)
        logits.append(hidden @ weights["output.kernel"] + weights["output.bias"])
    return characters, np.array(logits)
