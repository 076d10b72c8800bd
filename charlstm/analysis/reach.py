"""How strongly each earlier character moves a prediction: the gradient of ln p with respect to its embedding.

Madsen (2019, "Visualizing memorization in RNNs") calls its norm the connectivity of a prediction and a character.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from charlstm.arrays import FloatArray, Ids
from charlstm.cells.registry import get_cell
from charlstm.config import ModelConfig
from charlstm.errors import SettingError
from charlstm.storage.model_file import Model

if TYPE_CHECKING:
    from charlstm.analysis.probed_network import ProbedNetwork, States

Norms = npt.NDArray[np.float64]
REACH_LENGTH = 60  # characters back
MAX_LOG_SCALE = 600.0  # larger norms of a gradient that explodes are shown as this one, which float64 still has
BLOCK = 1000  # places whose gradients go back side by side


@dataclass(frozen=True)
class Reach:
    """The reach of some predictions of a text; a place is the index of the character that is predicted.

    Column k of the norms belongs to the character k + 1 before the place; it is NaN where the text begins later.
    """

    places: npt.NDArray[np.intp]  # (places,)
    targets: Ids  # (places,): the character whose ln p it is
    log_probabilities: FloatArray  # (places,): ln p of each target
    norms: Norms  # (places, characters back)

    @property
    def shares(self) -> Norms:
        """Return the norms as shares of their sum at each place; 0 where no character moves the prediction."""
        sums = np.nansum(self.norms, axis=1, keepdims=True)
        shares: Norms = np.divide(self.norms, sums, out=np.zeros_like(self.norms), where=sums > 0)
        return shares

    @property
    def half_distances(self) -> npt.NDArray[np.intp]:
        """Return how many characters back half of the sum of the norms is reached at each place."""
        return np.asarray((np.nancumsum(self.shares, axis=1) >= 0.5 - 1e-12).argmax(axis=1) + 1)


def measure_reach(
    model: Model,
    ids: Ids,
    *,
    first: int = 1,
    last: int | None = None,
    length: int = REACH_LENGTH,
    targets: Ids | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Reach:
    """Return the reach of the predictions from `first` to `last`, over at most `length` characters back.

    The place len(ids), the default of `last`, is that of the character after the text. `targets` are the characters
    whose ln p is differentiated, one for each place; by default each place's likeliest one. The text is read from zero
    states. `on_progress` is called with the number of places done. Raises SettingError for a place out of range and a
    network whose gradient is not measured.
    """
    check_has_reach(model)
    from charlstm.analysis.probed_network import ProbedNetwork  # loads the compiler, which takes 0.1 s

    last = len(ids) if last is None else last
    if not 1 <= first <= last <= len(ids):
        raise SettingError(
            f"the text has predictions 1 to {len(ids)}, none at {first if first == last else f'{first} to {last}'}",
            hint="a prediction is counted by the characters before it",
        )
    network = ProbedNetwork(model)
    states, start = network.initial_states(1), 0  # after the characters before `start`
    blocks = []
    for begin in range(first, last + 1, BLOCK):
        end = min(begin + BLOCK - 1, last)
        oldest = max(0, begin - max(length, model.config.attention + 1))
        states, start = network.read(ids[start:oldest], states), oldest
        wanted = None if targets is None else np.asarray(targets)[begin - first : end - first + 1]
        blocks.append(_Block(model, network, ids[oldest:end], states, end - begin + 1).measure(length, wanted))
        on_progress(end - first + 1)
    chosen, scores, norms = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return Reach(np.arange(first, last + 1), chosen, scores, norms)


def has_reach(config: ModelConfig) -> bool:
    """Return whether the gradient of a network is measured."""
    return not config.window and get_cell(config.cell).is_recurrent


def check_has_reach(model: Model) -> None:
    """Raise SettingError for a network whose gradient is not measured."""
    config = model.config
    if not has_reach(config):
        kind = "reads windows" if config.window else "is not recurrent"
        raise SettingError(f"the reach of a network that {kind} is not measured", hint="give a recurrent network")


class _Block:
    """The last places of a text that follows on some states, read in all its steps.

    All steps are the rows of one batch. Each turn takes every row one step back; then the gradient of the states before
    a step becomes that of the states after the step before it: it moves up by a row. Rows are scaled, since the product
    of many steps is beyond the range of float32, and the logarithm of the scale is kept.
    """

    def __init__(self, model: Model, network: "ProbedNetwork", ids: Ids, states: "States", num_places: int) -> None:
        from charlstm.analysis.probed_attention import ProbedAttention

        self._network, self._num_rows, self._num_places = network, len(ids), num_places
        self._steps = network.step(ids, _states_before(network, ids, states))
        self._hidden = self._steps[-1].hidden  # (rows, units)
        window = model.config.attention
        self._attention = ProbedAttention(model.weights, window, self._hidden, num_places) if window else None

    def measure(self, length: int, targets: Ids | None) -> tuple[Ids, FloatArray, Norms]:
        """Return targets, their ln p, and norms (places, length)."""
        from charlstm.analysis.gradient_probe import log_probability_gradient

        read = self._attention.attended if self._attention else self._hidden[-self._num_places :]
        logits = self._network.logits(read)
        chosen = logits.argmax(axis=1) if targets is None else targets
        shifted = logits - logits.max(axis=1, keepdims=True)
        scores = np.take_along_axis(shifted, chosen[:, None], axis=1)[:, 0] - np.log(np.exp(shifted).sum(axis=1))
        return chosen, scores, self._norms(log_probability_gradient(self._network, read, chosen), length)

    def _norms(self, d_read: FloatArray, length: int) -> Norms:
        """Return the norms (places, length) from the gradient of what the predictions read, (places, units)."""
        d_earlier = None
        if self._attention:
            d_read, d_earlier = self._attention.backward(d_read, length)
        d_hidden = np.zeros_like(self._hidden)
        d_hidden[-self._num_places :] = d_read
        d_states: States = [[np.zeros_like(state) for state in layer.states] for layer in self._steps]
        norms, log_scale = np.full((self._num_places, length), np.nan), np.zeros(self._num_rows)
        for back in range(min(length, self._num_rows)):
            if back:
                d_hidden = self._earlier(d_earlier, back)
                d_states, d_hidden, log_scale = _rescale(d_states, d_hidden, log_scale)
            d_input, d_states = self._network.step_backward(self._steps, d_hidden, d_states)
            found = np.linalg.norm(d_input.astype(np.float64), axis=1) * np.exp(np.minimum(log_scale, MAX_LOG_SCALE))
            rows = np.arange(self._num_rows - self._num_places, self._num_rows) - back  # so far before the places
            norms[rows >= 0, back] = found[rows[rows >= 0]]
            d_states, log_scale = _move_up(*_normalize_rows(d_states, log_scale))
        return norms

    def _earlier(self, d_earlier: FloatArray | None, back: int) -> FloatArray:
        """Return the gradient of the output of each row, which attention reads so many characters later."""
        d_hidden = np.zeros_like(self._hidden)
        if d_earlier is not None and back <= d_earlier.shape[1]:
            rows = np.arange(self._num_rows - self._num_places, self._num_rows) - back
            d_hidden[rows[rows >= 0]] = d_earlier[rows >= 0, back - 1]
        return d_hidden


def _states_before(network: "ProbedNetwork", ids: Ids, states: "States") -> "States":
    """Return the states before each character, as rows."""
    before = []
    for character in ids:
        before.append(states)
        states = [layer.states for layer in network.step(np.array([character]), states)]
    return [[np.concatenate(rows) for rows in zip(*layer, strict=True)] for layer in zip(*before, strict=True)]


def _rescale(d_states: "States", d_hidden: FloatArray, log_scale: Norms) -> tuple["States", FloatArray, Norms]:
    """Bring the gradient of outputs, which is not scaled, to the scale of its row, or the row to a larger one."""
    largest = np.abs(d_hidden).max(axis=1).astype(np.float64)
    is_read = largest > 0
    needed = np.maximum(log_scale, np.log(largest, out=np.full_like(largest, -np.inf), where=is_read))
    factors = np.exp(log_scale - needed).astype(np.float32)[:, None]
    scaled = d_hidden / np.exp(needed, out=np.ones_like(needed), where=is_read)[:, None]
    return [[state * factors for state in layer] for layer in d_states], scaled.astype(np.float32), needed


def _normalize_rows(d_states: "States", log_scale: Norms) -> tuple["States", Norms]:
    """Scale each row so that its largest number is 1."""
    largest = np.max([np.abs(state).max(axis=1) for layer in d_states for state in layer], axis=0)
    largest[largest == 0] = 1
    scaled = [[state / largest[:, None] for state in layer] for layer in d_states]
    return scaled, log_scale + np.log(largest)


def _move_up(d_states: "States", log_scale: Norms) -> tuple["States", Norms]:
    """Move every row up by one; nothing follows on the last one."""
    moved = [[np.concatenate([state[1:], np.zeros_like(state[:1])]) for state in layer] for layer in d_states]
    return moved, np.append(log_scale[1:], 0.0)
