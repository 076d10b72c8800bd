"""Measure how fast this processor trains in each precision and with each instruction set.

A flag does not tell: on some processors with instructions for bfloat16, float32 is faster.
"""

import time
from collections.abc import Callable

import numpy as np

from charlstm.arrays import FloatArray
from charlstm.kernels.code_cache import code_folder
from charlstm.kernels.isa import chosen_instruction_set
from charlstm.kernels.isa.instruction_set import InstructionSet
from charlstm.kernels.layer import LayerDescription, LayerKernel
from charlstm.kernels.products import Panels
from charlstm.machine import processor_name

TIME, ROWS, UNITS = 16, 32, 256  # of the layer that is measured
ROUNDS, ROUND_TIME = 5, 0.004  # seconds each: other processes disturb some, and the best counts


def fastest_precision(layer: LayerDescription) -> str:
    """Return the precision in which a layer trains fastest here, measured once on a machine."""
    isa = chosen_instruction_set()
    precisions = [product.precision for product in isa.products]
    if len(precisions) == 1:
        return precisions[0]
    speeds = training_speeds(layer, isa)
    return max(precisions, key=lambda precision: speeds[precision])


def training_speeds(layer: LayerDescription, isa: InstructionSet) -> dict[str, float]:
    """Return the floating-point operations per second of a layer's training steps on one core, by precision.

    They are measured in turn, and kept with the compiled code.
    """
    precisions = [product.precision for product in isa.products]
    folder = code_folder(isa.name)
    key = f"speed {processor_name()}"
    kept = folder.load(key)
    if kept is not None:
        return dict(zip(precisions, np.frombuffer(kept, np.float64).tolist(), strict=True))
    steps = [_training_step(LayerKernel(layer, precision, isa=isa)) for precision in precisions]
    seconds = [min(times) for times in zip(*([_measure(step) for step in steps] for _ in range(ROUNDS)), strict=True)]
    num_weights = 2 * UNITS * 4 * UNITS
    speeds = [6 * num_weights * TIME * ROWS / each for each in seconds]  # forward, backward, weights: 2 each
    folder.save(key, np.array(speeds, np.float64).tobytes())
    return dict(zip(precisions, speeds, strict=True))


def _training_step(kernel: LayerKernel) -> Callable[[], None]:
    """Return a function that takes one step of a layer forward and backward."""
    random = np.random.default_rng(0)

    def weight(name: str, *, transposed: bool) -> FloatArray | Panels:
        rows, _, num_blocks = kernel.shapes[name]
        if rows is None:
            return np.zeros(num_blocks * UNITS, np.float32)
        matrix = random.normal(size=(UNITS, num_blocks * UNITS)).astype(np.float32)
        return kernel.pack(name, matrix, units=UNITS, inputs=UNITS, transposed=transposed)

    weights, packed_transposed = (
        {name: weight(name, transposed=transposed) for name in kernel.shapes} for transposed in (False, True)
    )
    inputs = {"x": random.normal(size=(TIME, ROWS, UNITS)).astype(np.float32)}
    states = [np.zeros((ROWS, UNITS), np.float32) for _ in kernel.state_widths]

    def step() -> None:
        results, last, saved = kernel.forward(inputs, states, weights, units=UNITS)
        kernel.backward(inputs, packed_transposed, saved, {"d_output": results["output"]}, last, units=UNITS)

    return step


def _measure(step: Callable[[], None]) -> float:
    """Return the seconds that a step takes."""
    count, start = 0, time.perf_counter()
    while (seconds := time.perf_counter() - start) < ROUND_TIME or not count:
        step()
        count += 1
    return seconds / count
