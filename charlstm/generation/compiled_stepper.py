"""An LSTM network that reads and writes in compiled code, its streams shared out over the cores."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from charlstm.arrays import FloatArray, Ids
from charlstm.kernels.decoder import run_characters
from charlstm.kernels.jit import HAS_BF16
from charlstm.kernels.packing import empty_operands, pack_weights
from charlstm.machine import num_cores
from charlstm.text.vocabulary import Vocabulary

States = list[tuple[FloatArray, FloatArray]]  # for each layer h and c, (streams, units) each
FEWEST_STREAMS = 8  # that are worth a core of their own


class CompiledStepper:
    """Runs an LSTM network over characters, as Stepper does, and draws characters besides.

    It takes a table of projections (vocabulary, 4 * units) of what each character is to the first layer, the layers'
    weights by their names, and those of the dense layer. In bfloat16 what is multiplied is rounded as in training.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        table: FloatArray,
        layers: Sequence[Mapping[str, FloatArray]],
        output: tuple[FloatArray, FloatArray],
        *,
        has_residual: bool,
        precision: str,
    ) -> None:
        self.vocabulary = vocabulary
        self._in_pairs = precision == "bfloat16" and HAS_BF16
        of_layers = [layers[0]["recurrent_kernel"]]
        of_layers += [np.concatenate([layer["kernel"], layer["recurrent_kernel"]]) for layer in layers[1:]]
        biases = np.array([layer["bias"] for layer in layers[1:]], np.float32).reshape(-1, table.shape[1])
        self._shape = len(layers), table.shape[1] // 4
        self._weights = (
            np.ascontiguousarray(table),
            biases,
            tuple(self._packed(weights) for weights in of_layers),
            self._packed(output[0]),
            output[1],
            has_residual,
        )
        self._cores = num_cores()
        self._pool = ThreadPoolExecutor(self._cores)
        self.read(np.zeros((1, 1), np.intp), self.initial_states())  # compiles, if it has to be

    def compiled(self) -> "CompiledStepper":
        return self

    def initial_states(self, batch_size: int = 1) -> States:
        """Zeros."""
        layers, units = self._shape
        return [tuple(np.zeros((2, batch_size, units), np.float32)) for _ in range(layers)]

    def step(self, ids: Ids, states: States) -> tuple[FloatArray, States]:
        """As Stepper.step."""
        logits, after = self.read(ids[:, None], states)
        return logits[:, 0], after

    def read(self, ids: Ids, states: States) -> tuple[FloatArray, States]:
        """As Stepper.read."""
        num_streams = len(ids)
        nothing = np.empty((0, num_streams))
        _, seen, last, after = self._run(
            np.asarray(ids.T, np.int32), nothing, 1.0, self._no_logits(num_streams), states
        )
        return np.concatenate([seen[1:], last[None]]).swapaxes(0, 1), after

    def sample(
        self, logits: FloatArray, states: States, uniforms: npt.NDArray[np.float64], temperature: float
    ) -> tuple[Ids, FloatArray, FloatArray, States]:
        """Draw characters with uniform numbers (time, streams), beginning from logits (streams, vocabulary).

        Returns their ids (time, streams), the logits that each was drawn from (time, streams, vocabulary), the logits
        after the last, and the states.
        """
        return self._run(np.empty(uniforms.shape, np.int32), uniforms, temperature, logits, states)

    def _run(
        self, ids: Ids, uniforms: npt.NDArray[np.float64], temperature: float, logits: FloatArray, states: States
    ) -> tuple[Ids, FloatArray, FloatArray, States]:
        """`run_characters` for some of the streams on each core."""

        def run(rows: slice) -> tuple[Ids, FloatArray, FloatArray, FloatArray, FloatArray]:
            h, c = (np.array([layer[kind][rows] for layer in states], np.float32) for kind in (0, 1))
            some, last = np.array(ids[:, rows], np.int32, order="C"), np.array(logits[rows], np.float32)
            seen = np.empty((*some.shape, last.shape[1]), np.float32)
            chances, operands = np.array(uniforms[:, rows], order="C"), self._operands(h)
            run_characters(some, chances, float(temperature), seen, last, *self._weights, h, c, operands)
            return some, seen, last, h, c

        bounds = np.linspace(0, len(logits), max(1, min(self._cores, len(logits) // FEWEST_STREAMS)) + 1).astype(int)
        parts = [slice(start, end) for start, end in pairwise(bounds)]
        results = list(self._pool.map(run, parts)) if len(parts) > 1 else [run(parts[0])]
        if len(results) == 1:
            ids, seen, last, h, c = results[0]
        else:
            places = (1, 1, 0, 1, 1)  # of the streams among the axes
            ids, seen, last, h, c = map(np.concatenate, zip(*results, strict=True), places)
        return ids, seen, last, list(zip(h, c, strict=True))

    def _no_logits(self, num_streams: int) -> FloatArray:
        return np.zeros((num_streams, len(self.vocabulary)), np.float32)

    def _packed(self, weights: FloatArray) -> npt.NDArray[Any]:
        return pack_weights(np.ascontiguousarray(weights), bf16=self._in_pairs)

    def _operands(self, h: FloatArray) -> npt.NDArray[Any]:
        layers, streams, units = h.shape
        operands = empty_operands((layers + 1, streams, 2 * units), bf16=self._in_pairs)
        operands[...] = 0
        return operands
