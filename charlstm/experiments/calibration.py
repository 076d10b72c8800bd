"""Temperature scaling of several networks whose predictions are averaged.

The average of calibrated networks is underconfident, because they err in different places (Rahaman and Thiery 2021).
Multiplying the logits of all of them by one factor corrects that.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from charlstm.analysis.averaging import averaged_reader, log_mean
from charlstm.analysis.evaluation import chunk_length, losses_of
from charlstm.analysis.evaluation_streams import evaluation_streams
from charlstm.analysis.reporting import SILENT, EvaluationReporter
from charlstm.arrays import Ids
from charlstm.generation.ensemble import select_rows
from charlstm.generation.load import LoadedModel
from charlstm.training.calibration import PRIOR_CHARACTERS, PRIOR_CURVATURE

STREAM_LENGTH = 512  # characters that are read of each stream of the validation text
SCALES = np.linspace(0.7, 1.6, 10)


def fit_logit_scale(models: Sequence[LoadedModel], ids: Ids, *, reporter: EvaluationReporter = SILENT) -> float:
    """Return the factor of the logits of models with which their average predicts ids (characters,) best."""
    streams = evaluation_streams(ids, max_length=STREAM_LENGTH)
    reader = averaged_reader(models, streams.inputs.size, reporter=reporter)
    weights, num_streams = [one.weight for one in models], len(streams.inputs)
    length = chunk_length(num_streams * len(reader.vocabulary))
    states = initial = reader.initial_states(num_streams)
    for start in range(0, streams.warmup.shape[1], length):
        _, states = reader.read_each(streams.warmup[:, start : start + length], states)
    is_warm = np.arange(num_streams) >= streams.num_cold_rows
    states = [select_rows(is_warm, new, old) for new, old in zip(states, initial, strict=True)]
    nats = PRIOR_CHARACTERS * PRIOR_CURVATURE / 2 * (SCALES - 1) ** 2
    for start in range(0, streams.inputs.shape[1], length):
        chunk = slice(start, start + length)
        logits, states = reader.read_each(streams.inputs[:, chunk], states)
        for index, scale in enumerate(SCALES):
            mean = log_mean(logits, weights, [scale] * len(models))
            nats[index] += (losses_of(mean, streams.targets[:, chunk]).nats * streams.scored[:, chunk]).sum()
    return _minimum(SCALES, nats)


def _minimum(points: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> float:
    """Return where the parabola through the lowest of equidistant points and its neighbours is lowest."""
    lowest = int(np.clip(values.argmin(), 1, len(points) - 2))
    left, middle, right = values[lowest - 1 : lowest + 2]
    step = points[1] - points[0]
    offset = step * (left - right) / (2 * (left - 2 * middle + right))
    return float(points[lowest] + np.clip(offset, -step, step))
