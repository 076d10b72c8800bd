"""Compare how far gradients reach back in several networks, trained or untrained, on the same text.

`gradient_probe` measures a network.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from charlstm.arrays import Ids
from charlstm.cells.registry import get_cell
from charlstm.cells.shapes import state_sizes
from charlstm.config import ModelConfig
from charlstm.errors import CorpusError, SettingError, did_you_mean, shown
from charlstm.storage.find_runs import find_model
from charlstm.storage.model_file import Model, load_model
from charlstm.text.corpus import Corpus
from charlstm.text.normalization import normalize_chunks
from charlstm.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from charlstm.analysis.gradient_probe import GradientNorms

NUM_STREAMS = 16  # positions in the text to measure at
NUM_WARMUP = 50  # characters to read before the first that a gradient reaches, besides `length` more
MAX_RECURRENT_SCALE = 1e6
UNTRAINED_INPUT_SCALE = 0.1  # strong inputs saturate the units of an untrained network
OPEN, CLOSED = 5.0, -2.0  # biases of forget gates: they keep 0.99 and 0.12 of a state at each step


@dataclass(frozen=True)
class Variation:
    """What is changed in networks with initial weights, which decides whether their gradients vanish or explode."""

    recurrent_scale: float
    forget_bias: float | None  # None: as training begins


VARIATIONS = {
    # The plain network contracts (Pascanu, Mikolov and Bengio 2013, section 2.1); the gated ones have a path that does
    # not (Hochreiter and Schmidhuber 1997, section 3; Gers, Schmidhuber and Cummins 2000; Jozefowicz et al. 2015).
    "textbook": Variation(recurrent_scale=0.75, forget_bias=OPEN),
    "initial": Variation(recurrent_scale=1.0, forget_bias=None),
    "closed": Variation(recurrent_scale=0.75, forget_bias=CLOSED),
    "exploding": Variation(recurrent_scale=1.5, forget_bias=None),
}


def get_variation(name: str) -> Variation:
    """Return the variation of a name. Raises SettingError if there is none."""
    if name not in VARIATIONS:
        raise SettingError(
            f"there is no `variation` {shown(name)}",
            hint=did_you_mean(name, VARIATIONS, otherwise=f"there are {', '.join(VARIATIONS)}"),
        )
    return VARIATIONS[name]


@dataclass(frozen=True, kw_only=True)
class GradientSettings:
    """How far to go back, and what to change in the networks first: see `ProbedNetwork`."""

    length: int = 100  # characters to go back
    recurrent_scales: tuple[float, ...] = (1.0,)  # each network is measured once with each
    input_scale: float = 1.0
    forget_bias: float | None = None  # None: as in the network
    clip_norm: float = 0.0  # 0: do not clip

    def __post_init__(self) -> None:
        for scale in self.recurrent_scales:
            if not 0 <= scale < MAX_RECURRENT_SCALE:
                raise SettingError(
                    f"`recurrent_scale` is {scale:g}, but it must be 0 or more and below {MAX_RECURRENT_SCALE:,.0f}",
                    hint="give scales around 1, such as 0.5 or 1.5",
                )


def load_networks(runs: Sequence[str]) -> dict[str, Model]:
    """Return the models of runs by the runs' names.

    Raises RunError or ModelFileError if one cannot be read, and SettingError if it cannot be measured.
    """
    models = {run: load_model(find_model(run)) for run in runs}
    for name, model in models.items():
        check_measurable(name, model.config)
    return models


@dataclass(frozen=True)
class UntrainedNetworks:
    """Networks with initial weights, one for each cell.

    Raises SettingError for an unknown cell, or one without a state.
    """

    cells: tuple[str, ...]
    config: ModelConfig  # of each, apart from the cell
    random_seed: int = 0

    def __post_init__(self) -> None:
        for cell in self.cells:
            check_measurable(cell, replace(self.config, cell=cell))

    def build(self, vocabulary: Vocabulary) -> dict[str, Model]:
        """Return the networks by the names of their cells."""
        from charlstm.network.network import CharacterNetwork

        models = {}
        for cell in self.cells:
            config = replace(self.config, cell=cell)
            network = CharacterNetwork(config, len(vocabulary), random_seed=self.random_seed)
            models[cell] = Model(config, vocabulary, network.get_named_weights(), {})
        return models


def check_measurable(name: str, config: ModelConfig) -> None:
    """Raise SettingError for a network whose gradient is not measured."""
    if config.attention:
        raise SettingError(
            f"{name} has attention, whose gradient is not measured", hint="give a network without attention"
        )
    if not state_sizes(config, layer=1):  # in layer 0 a feedforward network keeps its window as a state
        raise SettingError(f"{name} has no state for a gradient to flow through", hint="leave it out")


def compare_gradients(
    networks: Mapping[str, Model], corpus: Corpus, settings: GradientSettings, *, on_warning: Callable[[str], None]
) -> "dict[str, GradientNorms]":
    """Measure each network with each recurrent scale on the same parts of a text, which may be in any normal form.

    Results are named by network, and by scale if there are several. Raises CorpusError if the text is too short.
    """
    from charlstm.analysis.gradient_probe import measure_gradients
    from charlstm.analysis.probed_network import ProbedNetwork

    results = {}
    for name, model in networks.items():
        if settings.forget_bias is not None and get_cell(model.config.cell).forget_gate is None:
            on_warning(f"{name} has no forget gate, so `forget_bias` does not change it")
        streams = _cut_streams(_encode(corpus, model.vocabulary), settings.length)
        for scale in settings.recurrent_scales:
            network = ProbedNetwork(
                model, recurrent_scale=scale, input_scale=settings.input_scale, forget_bias=settings.forget_bias
            )
            label = name if len(settings.recurrent_scales) == 1 else f"{name} x {scale:g}"
            results[label] = measure_gradients(network, streams, length=settings.length, clip_norm=settings.clip_norm)
    return results


def _encode(corpus: Corpus, vocabulary: Vocabulary) -> Ids:
    """Return the text in a vocabulary's ids, in its normal form and case, without unknown characters."""
    chunks = normalize_chunks(corpus.chunks(), vocabulary.normalize)
    return np.concatenate([vocabulary.encode(vocabulary.adapt(chunk, "skip")[0]) for chunk in chunks])


def _cut_streams(ids: Ids, length: int) -> Ids:
    """Return evenly spaced pieces of a text, (streams, characters), long enough to warm up and go `length` back."""
    size = 2 * length + NUM_WARMUP
    if len(ids) < size:
        raise CorpusError(
            f"the text has {len(ids):,} characters that the network knows, fewer than {size:,}",
            hint="give a longer text or a smaller `length`",
        )
    starts = np.linspace(0, len(ids) - size, NUM_STREAMS).astype(int)
    return np.asarray(ids)[starts[:, None] + np.arange(size)]
