"""The name and shape of every weight of a network."""

import math

from charlstm.cells.registry import Shapes, Size, get_cell
from charlstm.config import ModelConfig

ATTENTION_DIM = 64  # of queries and keys


def layer_size(config: ModelConfig, layer: int) -> Size:
    """What the shapes of one recurrent layer hang on."""
    return Size(config.units if layer else config.embedding_dim, config.units, is_first=layer == 0)


def layer_shapes(config: ModelConfig, layer: int) -> Shapes:
    """The weights of one recurrent layer by their names in it."""
    return get_cell(config.cell).shapes(layer_size(config, layer))


def state_sizes(config: ModelConfig, layer: int) -> tuple[int, ...]:
    """The width of each state that a recurrent layer carries."""
    return get_cell(config.cell).state_sizes(layer_size(config, layer))


def weight_shapes(config: ModelConfig, vocabulary_size: int) -> Shapes:
    """The name and shape of every weight, from the input to the output.

    Raises SettingError for a cell that there is not.
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
    """All weights, also those that are not trained."""
    return sum(math.prod(shape) for shape in weight_shapes(config, vocabulary_size).values())


def clockwork_mask(periods: list[float]) -> list[list[float]]:
    """Where the recurrent kernel of a clockwork network may be other than zero: from slower units, and equal ones."""
    return [[float(there >= here) for here in periods] for there in periods]
