"""The whole network in compiled code: stacked recurrent layers that read characters, and sample them.

One call runs many characters, because a Python call for each would take longer than its arithmetic. A stream's results
do not depend on how many streams run beside it, to the bit.
"""

import ctypes
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir

from charlstm.arrays import FloatArray, Ids
from charlstm.kernels.arena import aligned_empty
from charlstm.kernels.compiler import load_functions
from charlstm.kernels.decoder_loop import DECODE_ARGUMENTS, emit_decode
from charlstm.kernels.emitter import Emitter
from charlstm.kernels.gemm import emit_gemm
from charlstm.kernels.isa.instruction_set import NR
from charlstm.kernels.layer import Arrays, LayerDescription, LayerKernel
from charlstm.kernels.layout import FIRST_TURN
from charlstm.kernels.step_loop import StepLoop
from charlstm.machine import num_cores

States = list[tuple[FloatArray, ...]]  # of each layer, (streams, width) each
Uniforms = npt.NDArray[np.float64]  # random numbers in [0, 1)

MIN_STREAMS_PER_CORE = 8  # a thread for fewer takes longer to start than it saves


class Decoder:
    """A network of recurrent layers and a dense layer, its streams divided among the cores.

    `layers` are the layers' weights by name, `output_kernel` (units, vocabulary) and `output_bias` those of the dense
    layer. `characters` (vocabulary, width) is the first layer's input for each character; with `has_table` it is the
    input's projection, with the first layer's kernel and bias in it. In "bfloat16" operands are rounded as in training,
    also on a processor without products of bfloat16; the caller rounds the weights.
    """

    def __init__(
        self,
        first: LayerDescription,
        upper: LayerDescription,
        characters: FloatArray,
        layers: Sequence[Mapping[str, FloatArray]],
        output_kernel: FloatArray,
        output_bias: FloatArray,
        *,
        has_table: bool,
        has_residual: bool,
        precision: str,
    ) -> None:
        self._units, self._vocabulary_size = output_kernel.shape
        self._characters, self._has_table = np.ascontiguousarray(characters, np.float32), has_table
        self._has_residual = has_residual
        self._kernels = [
            LayerKernel(layer, precision, has_table=has_table and layer is first, needs_gradient=False)
            for layer in [first, *[upper] * (len(layers) - 1)]
        ]
        self._weights = [self._pack(kernel, weights) for kernel, weights in zip(self._kernels, layers, strict=True)]
        self._pack_output(output_kernel, output_bias)
        self._function = self._load(rounds_operands=self._kernels[0].product.precision != precision)
        self._num_cores = num_cores()
        self._threads = ThreadPoolExecutor(self._num_cores)

    def _pack(self, kernel: LayerKernel, weights: Mapping[str, FloatArray]) -> Arrays:
        inputs = self._units if kernel is not self._kernels[0] else self._characters.shape[1]
        packed: Arrays = {}
        for name, weight in weights.items():
            if self._has_table and kernel is self._kernels[0] and name in ("kernel", "bias"):
                continue
            is_matrix = kernel.shapes[name].rows is not None
            packed[name] = kernel.pack(name, weight, units=self._units, inputs=inputs) if is_matrix else weight
        if self._has_table and kernel is self._kernels[0]:
            packed["table"] = self._characters
        return packed

    def _pack_output(self, kernel: FloatArray, bias: FloatArray) -> None:
        self._output = self._kernels[0].products.pack_dense(kernel)
        self._output_bias = np.zeros(len(self._output) * NR, np.float32)
        self._output_bias[: self._vocabulary_size] = bias

    def _load(self, *, rounds_operands: bool) -> Any:
        """Return the compiled function."""
        first, *uppers = self._kernels
        product, isa = first.product, first.isa
        layouts = {"first": first.forward_layout} | ({"upper": uppers[0].forward_layout} if uppers else {})
        graphs = [(name, layout.plan.graph.describe()) for name, layout in layouts.items()]
        key = repr(["decode", graphs, product.precision, rounds_operands])

        def emit() -> ir.Module:
            emitter = Emitter(isa.lanes)
            emit_gemm(emitter, product)
            for name, layout in layouts.items():
                StepLoop(emitter, product, layout, name=name, rounds_operands=rounds_operands).emit()
            emit_decode(emitter, product, has_upper=bool(uppers), rounds_operands=rounds_operands)
            return emitter.module

        return load_functions(key, isa, emit, {"decode": DECODE_ARGUMENTS})["decode"]

    def initial_states(self, num_streams: int) -> States:
        """Return zeros."""
        widths = {"units": self._units, "one": 1}
        return [
            tuple(np.zeros((num_streams, widths[width]), np.float32) for width in kernel.state_widths)
            for kernel in self._kernels
        ]

    def read(self, ids: Ids, states: States) -> tuple[FloatArray, States]:
        """Read ids (streams, time).

        Returns the logits after each character (streams, time, vocabulary), and the states after the last.
        """
        no_uniforms = np.empty((0, len(ids)))
        no_logits = np.zeros((len(ids), self._vocabulary_size), np.float32)
        _, before, last, after = self._run(np.asarray(ids.T, np.int32), no_uniforms, 1.0, no_logits, states)
        return np.concatenate([before, last[None]])[1:].swapaxes(0, 1), after

    def sample(
        self, logits: FloatArray, states: States, uniforms: Uniforms, temperature: float
    ) -> tuple[Ids, FloatArray, FloatArray, States]:
        """Sample a character for each of the uniforms (time, streams), the first from logits (streams, vocabulary).

        Returns the ids (time, streams), the logits that each was sampled from (time, streams, vocabulary), the logits
        after the last (streams, vocabulary), and the states.
        """
        return self._run(np.empty(uniforms.shape, np.int32), uniforms, temperature, logits, states)

    def _run(
        self, ids: Ids, uniforms: Uniforms, temperature: float, logits: FloatArray, states: States
    ) -> tuple[Ids, FloatArray, FloatArray, States]:
        """Run the network on each core, for a part of the streams."""

        def run(rows: slice) -> tuple[Ids, FloatArray, FloatArray, States]:
            row_states = [tuple(state[rows] for state in layer) for layer in states]
            return self._run_streams(
                np.array(ids[:, rows], np.int32, order="C"), np.array(uniforms[:, rows], np.float64, order="C"),
                temperature, np.array(logits[rows], np.float32, order="C"), row_states,
            )  # fmt: skip

        parts = self._divide(len(logits))
        results = list(self._threads.map(run, parts)) if len(parts) > 1 else [run(parts[0])]
        if len(results) == 1:
            return results[0]
        all_ids, before, last, after = zip(*results, strict=True)
        joined = [tuple(map(np.concatenate, zip(*layers, strict=True))) for layers in zip(*after, strict=True)]
        return np.concatenate(all_ids, 1), np.concatenate(before, 1), np.concatenate(last), joined

    def _run_streams(
        self, ids: Ids, uniforms: Uniforms, temperature: float, logits: FloatArray, states: States
    ) -> tuple[Ids, FloatArray, FloatArray, States]:
        time, num_streams = ids.shape
        arrays = self._layer_arrays(num_streams, states)
        arguments = [self._arguments(kernel, layer) for kernel, layer in zip(self._kernels, arrays, strict=True)]
        addresses = np.array([ctypes.addressof(argument) for argument in arguments], np.int64)
        hidden = np.array([layer["output"].ctypes.data for layer in arrays], np.int64)
        before = np.empty((time, num_streams, self._vocabulary_size), np.float32)
        padded_rows, first = arrays[0]["padded_rows"], self._kernels[0]
        operands_shape = padded_rows, self._output.shape[1] * first.product.k_unroll
        self._function(
            time=time, streams=num_streams, padded_streams=padded_rows, units=self._units,
            vocabulary=self._vocabulary_size, ids=ids, uniforms=uniforms, samples=int(len(uniforms) > 0),
            temperature=np.array([temperature], np.float64), logits_before=before, logits=logits, layers=addresses,
            num_layers=len(arguments), hidden=hidden, has_residual=int(self._has_residual),
            current_ids=arrays[0]["ids" if self._has_table else "current_ids"],
            characters=self._characters, inputs=0 if self._has_table else self._characters.shape[1],
            first_inputs=arrays[0].get("x", before), output_panels=self._output, output_bias=self._output_bias,
            num_panels=len(self._output), depth=self._output.shape[1],
            operands=np.zeros(operands_shape, first.products.operand_dtype),
            padded_logits=np.empty((padded_rows, len(self._output) * NR), np.float32),
            cumulative=np.empty(self._vocabulary_size, np.float64),
        )  # fmt: skip
        return ids, before, logits, self._states(arrays, time, num_streams)

    def _layer_arrays(self, num_streams: int, states: States) -> list[dict[str, Any]]:
        """Return the arguments of each layer's loop of one step, each layer reading what the one below writes."""
        layers: list[dict[str, Any]] = []
        for kernel, weights, layer_states in zip(self._kernels, self._weights, states, strict=True):
            if layers:
                inputs = {"x": layers[-1]["output"]}
                inputs |= {"lower": layers[-1]["passed_up"]} if "passed_up" in kernel.result_names else {}
            elif self._has_table:
                inputs = {"ids": np.zeros((1, num_streams), np.int32)}
            else:
                inputs = {"x": np.zeros((1, num_streams, self._characters.shape[1]), np.float32)}
            sizes = kernel.sizes(inputs, self._units)
            results = {name: aligned_empty((1, num_streams, self._units), np.float32) for name in kernel.result_names}
            arrays = kernel.forward_arrays(sizes, inputs, layer_states, weights)
            current_ids = np.zeros((1, num_streams), np.int32)
            layers.append({**sizes._asdict(), FIRST_TURN: 0, "current_ids": current_ids, **arrays, **results})
        return layers

    def _arguments(self, kernel: LayerKernel, arrays: Mapping[str, Any]) -> "ctypes.Array[ctypes.c_int64]":
        values = [arrays[name] for name in kernel.forward_layout.arguments]
        packed = [value.ctypes.data if isinstance(value, np.ndarray) else value for value in values]
        return (ctypes.c_int64 * len(packed))(*packed)

    def _states(self, arrays: Sequence[Mapping[str, Any]], time: int, num_streams: int) -> States:
        widths = {"units": self._units, "one": 1}
        return [
            tuple(
                layer[f"state{index}"][time % 2, :num_streams, : widths[width]].copy()
                for index, width in enumerate(kernel.state_widths)
            )
            for kernel, layer in zip(self._kernels, arrays, strict=True)
        ]

    def _divide(self, num_streams: int) -> list[slice]:
        """Divide the streams evenly among as many cores as are worth it."""
        num_parts = max(1, min(self._num_cores, num_streams // MIN_STREAMS_PER_CORE))
        bounds = np.linspace(0, num_streams, num_parts + 1).astype(int)
        return [slice(start, end) for start, end in pairwise(bounds)]
