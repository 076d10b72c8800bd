"""Compare the speed of every cell with that of the LSTM, per multiplication: `python -m tests.benchmarks.cell_speed`.

Cells differ in how much they compute per character. Characters per second times multiplications per character say how
well the kernels do it: 1.00 is as well as for the LSTM. The recurrent weights of an echo state network are not trained,
so its training appears faster.
"""

import os
from math import prod
from statistics import median

from charlstm.cells.registry import CELLS, get_cell
from charlstm.cells.shapes import layer_shapes
from charlstm.config import ModelConfig
from charlstm.kernels import fastest_precision
from charlstm.network.compiled_layers import REFERENCE_CELL, reference_layer
from tests.benchmarks import generation_speed
from tests.benchmarks.contenders import VOCABULARY_SIZE
from tests.benchmarks.measurement import measure

ROUNDS = int(os.environ.get("ROUNDS", "3"))
NUM_LAYERS, UNITS, BATCH = generation_speed.NUM_LAYERS, generation_speed.UNITS, "64x128"
NUM_STREAMS = (1, 64)
HEADER = "| cell | multiplications per character | training | per multiplication |"
HEADER += "".join(f" writing, {count} streams | per multiplication |" for count in NUM_STREAMS)


def multiplications(cell: str) -> int:
    """Return the multiplications of matrices that the network needs per character, forward.

    A projection of the characters that can be computed once for each of the vocabulary is not among them.
    """
    config = ModelConfig(cell=cell, num_layers=NUM_LAYERS, units=UNITS)
    shapes = [shape for layer in range(NUM_LAYERS) for shape in _matrices(config, layer)]
    return sum(map(prod, [*shapes, (UNITS, VOCABULARY_SIZE)]))


def _matrices(config: ModelConfig, layer: int) -> list[tuple[int, ...]]:
    has_table = layer == 0 and get_cell(config.cell).input_projection_is_precomputable
    shapes = layer_shapes(config, layer)
    return [shape for name, shape in shapes.items() if len(shape) == 2 and not (has_table and name == "kernel")]


def measure_speeds(cell: str, precision: str) -> list[float]:
    """Return characters per second: training, and writing with each number of streams."""
    training = "tests.benchmarks.contenders", "charlstm", f"{NUM_LAYERS}x{UNITS}", BATCH, precision, cell
    writing = [("tests.benchmarks.generation_speed", "charlstm", str(count), cell) for count in NUM_STREAMS]
    return [measure(*arguments) for arguments in (training, *writing)]


def main() -> None:
    precision = fastest_precision(reference_layer())
    rounds = [{cell: measure_speeds(cell, precision) for cell in CELLS} for _ in range(ROUNDS)]
    print(f"{NUM_LAYERS}x{UNITS}, batches of {BATCH}, {precision}; the median of {ROUNDS} rounds.\n\n{HEADER}")
    print("|---" * (4 + 2 * len(NUM_STREAMS)) + "|")
    for cell in CELLS:
        columns = [cell, f"{multiplications(cell):,}"]
        for index in range(1 + len(NUM_STREAMS)):
            speeds = [speeds[cell][index] for speeds in rounds]
            relative = [speeds[cell][index] / speeds[REFERENCE_CELL][index] for speeds in rounds]
            work = multiplications(cell) / multiplications(REFERENCE_CELL)
            columns += [f"{median(speeds):,.0f}", f"{median(relative) * work:.2f}"]
        print(f"| {' | '.join(columns)} |")


if __name__ == "__main__":
    main()
