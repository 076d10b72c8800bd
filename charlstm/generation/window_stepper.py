"""A model that predicts each character from a fixed number of characters before it, as it was trained."""

from typing import Protocol

import numpy as np

from charlstm.arrays import FloatArray, Ids
from charlstm.cells.stack import States
from charlstm.text.vocabulary import Vocabulary

BATCH_SIZE = 256  # windows
MAX_NUMBERS = 1 << 26  # of one batch: of activations and logits of all its characters


class SequenceReader(Protocol):
    """A stepper, in so far as a window needs it."""

    vocabulary: Vocabulary

    def initial_states(self, batch_size: int = 1) -> States: ...
    def read(self, ids: Ids, states: States) -> tuple[FloatArray, States]: ...


class WindowStepper:
    """Runs a stepper on the last `window` characters for every prediction, from initial states.

    The states are the last ids, (batch, window), with -1 before the start of the text.
    """

    def __init__(self, stepper: SequenceReader, window: int, *, units: int) -> None:
        self.vocabulary = stepper.vocabulary
        self._stepper, self._window = stepper, window
        self._batch_size = max(1, min(BATCH_SIZE, MAX_NUMBERS // (window * (8 * units + len(self.vocabulary)))))

    def compiled(self) -> "WindowStepper":
        return self

    def initial_states(self, batch_size: int = 1) -> States:
        return [(np.full((batch_size, self._window), -1, np.intp),)]

    def step(self, ids: Ids, states: States) -> tuple[FloatArray, States]:
        """Read one character of each stream: see `Stepper.step`."""
        logits, states = self.read(ids[:, None], states)
        return logits[:, 0], states

    def read(self, ids: Ids, states: States) -> tuple[FloatArray, States]:
        """Read several characters of each stream: see `Stepper.read`."""
        ((previous,),) = states
        seen = np.concatenate([previous, ids], axis=1)
        windows = np.lib.stride_tricks.sliding_window_view(seen[:, 1:], self._window, axis=1)
        logits = self._read_windows(windows.reshape(-1, self._window))
        return logits.reshape(*ids.shape, -1), [(seen[:, -self._window :],)]

    def _read_windows(self, windows: Ids) -> FloatArray:
        """Return the logits after each window (windows, characters), those of one length in one batch."""
        logits = np.empty((len(windows), len(self.vocabulary)), np.float32)
        lengths = (windows >= 0).sum(axis=1)
        for length in np.unique(lengths):
            rows = np.flatnonzero(lengths == length)
            for start in range(0, len(rows), self._batch_size):
                batch = rows[start : start + self._batch_size]
                batch_logits, _ = self._stepper.read(windows[batch, -length:], self._stepper.initial_states(len(batch)))
                logits[batch] = batch_logits[:, -1]
        return logits
