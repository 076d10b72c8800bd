"""A recurrent network that reads and samples characters in compiled code."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from charlstm.arrays import FloatArray, Ids
from charlstm.cells.registry import Cell
from charlstm.cells.stack import States
from charlstm.cells.symbolic import symbolic_layer
from charlstm.kernels import Decoder
from charlstm.text.vocabulary import Vocabulary


class CompiledStepper:
    """The compiled counterpart of Stepper: faster, and able to sample many characters in one call.

    `characters` (vocabulary, width) is the first layer's input for each character, with `has_table` its projection;
    `layers` are the effective weights of each layer by name, constants included, `output` the dense layer's kernel and
    bias.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        cell: Cell,
        characters: FloatArray,
        layers: Sequence[Mapping[str, FloatArray]],
        output: tuple[FloatArray, FloatArray],
        *,
        has_table: bool,
        has_residual: bool,
        precision: str,
    ) -> None:
        self.vocabulary = vocabulary
        first, upper = (symbolic_layer(cell, is_first=is_first) for is_first in (True, False))
        self._decoder = Decoder(
            first, upper, characters, layers, *output,
            has_table=has_table, has_residual=has_residual, precision=precision,
        )  # fmt: skip

    def compiled(self) -> "CompiledStepper":
        return self

    def initial_states(self, batch_size: int = 1) -> States:
        """Return zeros."""
        return self._decoder.initial_states(batch_size)

    def step(self, ids: Ids, states: States) -> tuple[FloatArray, States]:
        """Read one character of each stream, as Stepper.step."""
        logits, after = self.read(ids[:, None], states)
        return logits[:, 0], after

    def read(self, ids: Ids, states: States) -> tuple[FloatArray, States]:
        """Read several characters of each stream, as Stepper.read."""
        return self._decoder.read(ids, states)

    def sample(
        self, logits: FloatArray, states: States, uniforms: npt.NDArray[np.float64], temperature: float
    ) -> tuple[Ids, FloatArray, FloatArray, States]:
        """Sample characters with uniforms in [0, 1) (time, streams), the first from logits (streams, vocabulary).

        Returns their ids (time, streams), the logits that each was sampled from (time, streams, vocabulary), the logits
        after the last, and the states.
        """
        return self._decoder.sample(logits, states, uniforms, temperature)
