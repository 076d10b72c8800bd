"""A trace as a file of NumPy's arrays, for those who go on in a notebook."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from charlstm.analysis.gates import half_lives
from charlstm.analysis.inspection import Inspection
from charlstm.atomic_files import open_atomically
from charlstm.text.vocabulary import to_code_points


def trace_arrays(inspection: Inspection) -> dict[str, npt.NDArray[np.generic]]:
    """Return all arrays of an inspection by name; those of a layer begin with its number from 1, as `layer1.output`.

    Characters are code points: NumPy's strings would lose NULs.
    """
    trace, predictions = inspection.trace, inspection.predictions
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "ids": trace.ids,
        "text": to_code_points(inspection.text),
        "vocabulary": to_code_points(inspection.model.vocabulary.characters),
        "log_probabilities": predictions.log_probabilities,
        "surprise": predictions.surprise,
        "entropy": predictions.entropy,
    }
    if trace.attention is not None:
        arrays["attention"] = trace.attention
    for number, (layer, statistics) in enumerate(zip(trace.layers, inspection.gate_statistics, strict=True), start=1):
        arrays[f"layer{number}.output"] = layer.output
        if layer.cell_state is not None:
            arrays[f"layer{number}.cell_state"] = layer.cell_state
        arrays |= {f"layer{number}.{name}": values for name, values in layer.activations.items()}
        lives = half_lives(statistics)
        if lives is not None:
            arrays[f"layer{number}.half_life"] = lives
    return arrays


def save_trace(path: Path, inspection: Inspection) -> None:
    """Write the arrays as a file that `numpy.load` reads. Raises RunError if it cannot be written."""
    with open_atomically(path, follow_links=True) as file:
        np.savez(file, allow_pickle=False, **trace_arrays(inspection))
