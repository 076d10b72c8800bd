"""The name and shape of every weight of a network."""

import math
from collections.abc import Sequence

from charlstm.cells.registry import LayerSize, Shapes, get_cell
from charlstm.config import ModelConfig

ATTENTION_DIM = 64  # of queries and keys


def layer_size(config: ModelConfig, layer: int) -> LayerSize:
    """Return the input size and the units of one recurrent layer."""
    return LayerSize(config.units if layer else config.embedding_dim, config.units, is_first=layer == 0)


def layer_shapes(config: ModelConfig, layer: int) -> Shapes:
    """Return the shapes of one recurrent layer's weights by their names within the layer."""
    return get_cell(config.cell).weight_shapes(layer_size(config, layer))


def state_sizes(config: ModelConfig, layer: int) -> tuple[int, ...]:
    """Return the width of each state of one recurrent layer."""
    return get_cell(config.cell).state_sizes(layer_size(config, layer))


def weight_shapes(config: ModelConfig, vocabulary_size: int) -> Shapes:
    """Return the name and shape of every weight, from the input to the output.

    Raises SettingError for an unknown cell.
    """
    shapes: Shapes = {"embedding": (vocabulary_size, config.embedding_dim)}
    for layer in range(config.num_layers):
        shapes |= {f"layers.{layer}.{name}": shape for name, shape in layer_shapes(config, layer).items()}
    if config.attention:
        units = config.units
        shapes |= {"attention.query": (units, ATTENTION_DIM), "attention.key": (units, ATTENTION_DIM)}
        shapes |= {"attention.output": (units, units)}
    return shapes | {"output.kernel": (config.units, vocabulary_size), "output.bias": (vocabulary_size,)}


def num_parameters(config: ModelConfig, vocabulary_size: int) -> int:
    """Return the number of weights, including those that are not trained."""
    return sum(math.prod(shape) for shape in weight_shapes(config, vocabulary_size).values())


def clockwork_mask(periods: Sequence[float]) -> list[list[float]]:
    """Return 1 where the recurrent kernel of a clockwork RNN may be nonzero: from a unit to equal or faster ones."""
    return [[float(source >= target) for target in periods] for source in periods]
