"""A loaded model in NumPy: reads characters and returns the logits of the next one."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from charlstm.arrays import FloatArray, Ids
from charlstm.cells.equations import Array, CellStates, CellStep
from charlstm.cells.registry import get_cell
from charlstm.cells.shapes import layer_shapes, state_sizes
from charlstm.cells.stack import States, has_residual, run_stack, step_cell
from charlstm.cells.weights import effective_weights
from charlstm.generation.clamps import Clamps
from charlstm.generation.numpy_attention import NumpyAttention
from charlstm.generation.numpy_ops import NumpyOps, NumpyProjections, keep_float32, round_to_bfloat16
from charlstm.generation.window_stepper import WindowStepper
from charlstm.libraries import can_compile
from charlstm.storage.model_file import Model

if TYPE_CHECKING:
    from charlstm.generation.compiled_stepper import CompiledStepper

Observer = Callable[[int, CellStep], None]


def make_stepper(model: Model, clamps: Clamps | None = None) -> "Stepper | WindowStepper":
    """Return the stepper that runs a model as it was trained, but for the outputs of units that are fixed."""
    stepper = Stepper(model, clamps)
    config = model.config
    return WindowStepper(stepper, config.window, units=config.units) if config.window else stepper


class Stepper:
    """Reads characters and returns logits; the caller keeps the states.

    If the cell allows it, the embedding is multiplied with the first kernel once, so that the first layer's input
    projection is a lookup. An LSTM trained in bfloat16 runs in bfloat16: the weights and operands of its matmuls are
    rounded, and sums are float32, or of the type `dtype`.
    """

    def __init__(self, model: Model, clamps: Clamps | None = None, *, dtype: npt.DTypeLike = np.float32) -> None:
        self._dtype, config = dtype, model.config
        weights = {name: _converted(array, dtype) for name, array in model.weights.items()}
        self.vocabulary = model.vocabulary
        self._config, self._cell, self._ops = config, get_cell(config.cell), NumpyOps()
        self._residual = has_residual(config)
        self._precision = model.precision
        self._round = round_to_bfloat16 if self._precision == "bfloat16" else keep_float32
        layer_weights = [
            {name: weights[f"layers.{layer}.{name}"] for name in layer_shapes(config, layer)}
            for layer in range(config.num_layers)
        ]
        self._has_table = self._cell.input_projection_is_precomputable
        self._table = weights["embedding"]  # of the first layer's inputs, by character
        if self._has_table:
            self._table = self._table @ layer_weights[0]["kernel"] + layer_weights[0]["bias"]
        self._layer_weights = [
            {
                name: _converted(self._round(array), dtype) if array.ndim == 2 else array
                for name, array in effective_weights(self._cell, config.units, arrays).items()
            }
            for arrays in layer_weights
        ]
        self._projections = self._project_layers(input_is_projected=False)
        self._state_projections = self._project_layers(input_is_projected=True) if self._has_table else []
        self._attention = NumpyAttention(weights, config.attention) if config.attention else None
        self._output_kernel = _converted(self._round(weights["output.kernel"]), dtype)
        self._output_bias = weights["output.bias"][None]
        self._clamps = [clamps.of_layer(layer) if clamps else None for layer in range(config.num_layers)]
        self._compiled: CompiledStepper | None = None

    def _project_layers(self, *, input_is_projected: bool) -> list[NumpyProjections]:
        return [
            NumpyProjections(weights, round_operands=self._round, input_is_projected=input_is_projected)
            for weights in self._layer_weights
        ]

    def compiled(self) -> "Stepper | CompiledStepper":
        """Return a faster stepper of the same network, or this one if the network or the processor has none.

        It takes a third of a second to prepare, and some seconds the first time on a machine. Its results differ in
        the last bits. With clamps, and without llvmlite, there is none.
        """
        if not self._cell.is_recurrent or self._attention or any(self._clamps) or not can_compile():
            return self
        if self._compiled is None:
            from charlstm.generation.compiled_stepper import CompiledStepper

            self._compiled = CompiledStepper(
                self.vocabulary,
                self._cell,
                self._table,
                self._layer_weights,
                (self._output_kernel, self._output_bias[0]),
                has_table=self._has_table,
                has_residual=self._residual,
                precision=self._precision,
            )
        return self._compiled

    def initial_states(self, batch_size: int = 1) -> States:
        """Return zeros: for each layer the cell's states (batch_size, width), and last the attention's."""
        states: States = [
            tuple(np.zeros((batch_size, size), np.float32) for size in state_sizes(self._config, layer))
            for layer in range(self._config.num_layers)
        ]
        return states + ([self._attention.initial_states(batch_size)] if self._attention else [])

    def step(self, ids: Ids, states: States, *, observe: Observer | None = None) -> tuple[FloatArray, States]:
        """Read one character of each stream.

        ids is (batch,). Returns the logits of the next character, (batch, vocabulary), and the new states. `observe`
        is called with the number of each layer and what its cell gives in this step.
        """

        def run_layer(layer: int, x: Array, lower: Array | None) -> tuple[Array, Array | None, CellStates]:
            use_table = self._has_table and layer == 0
            projections = self._state_projections[layer] if use_table else self._projections[layer]
            step = self._step_layer(layer, projections, x, lower, states[layer])
            if observe:
                observe(layer, step)
            return step.output, step.passed_up, step.states

        hidden, new_states = run_stack(self._config.num_layers, self._table[ids], run_layer, residual=self._residual)
        if self._attention:
            hidden, attention_states = self._attention.step(hidden, states[-1])
            new_states.append(attention_states)
        return self._logits(hidden), new_states

    def read(
        self,
        ids: Ids,
        states: States,
        *,
        observe: Observer | None = None,
        observe_attention: Callable[[FloatArray], None] | None = None,
    ) -> tuple[FloatArray, States]:
        """Read several characters of each stream, layer by layer, which is faster than step by step.

        ids is (batch, time). Returns the logits after each, (batch, time, vocabulary), and the last states.
        """

        def run_layer(layer: int, x: Array, lower: Array | None) -> tuple[Array, Array | None, CellStates]:
            projections = self._projections[layer]
            if self._has_table:
                x = projections.input_projection(x) if layer else x
                projections = self._state_projections[layer]
            return self._run_layer(layer, projections, x, lower, states[layer], observe=observe)

        hidden, new_states = run_stack(self._config.num_layers, self._table[ids], run_layer, residual=self._residual)
        if self._attention:
            attention_states = states[-1]
            for time in range(ids.shape[1]):
                if observe_attention:
                    observe_attention(self._attention.weights(hidden[:, time], attention_states))
                hidden[:, time], attention_states = self._attention.step(hidden[:, time], attention_states)
            new_states.append(attention_states)
        return self._logits(hidden), new_states

    def _run_layer(
        self,
        layer: int,
        projections: NumpyProjections,
        inputs: FloatArray,
        lower: FloatArray | None,
        states: CellStates,
        *,
        observe: Observer | None,
    ) -> tuple[FloatArray, FloatArray | None, CellStates]:
        """Run one layer over inputs (batch, time, features); return its outputs, what it passes up, and its states."""
        outputs = np.empty((*inputs.shape[:2], self._config.units), self._dtype)
        passed_up = np.empty_like(outputs) if self._cell.passes_cell_state_up else None
        for time in range(inputs.shape[1]):
            lower_now = None if lower is None else lower[:, time]
            step = self._step_layer(layer, projections, inputs[:, time], lower_now, states)
            outputs[:, time], states = step.output, step.states
            if observe:
                observe(layer, step)
            if passed_up is not None:
                passed_up[:, time] = step.passed_up
        return outputs, passed_up, states

    def _step_layer(
        self, layer: int, projections: NumpyProjections, x: Array, lower: Array | None, states: CellStates
    ) -> CellStep:
        step = step_cell(self._cell, self._ops, projections, x, lower, states)
        clamps = self._clamps[layer]
        return clamps.apply(step, is_recurrent=self._cell.is_recurrent) if clamps else step

    def _logits(self, hidden: FloatArray) -> FloatArray:
        logits: FloatArray = self._round(hidden) @ self._output_kernel
        logits += self._output_bias
        return logits


def _converted(array: FloatArray, dtype: npt.DTypeLike) -> FloatArray:
    result: FloatArray = array.astype(dtype, copy=False)
    return result
