"""Temperature scaling of several networks whose predictions are averaged.

The average of networks that are each as sure of themselves as they should be is less sure than it should be, because
they err in different places (Rahaman and Thiery 2021). One factor for the logits of all of them mends that.
"""

from collections.abc import Sequence

import numpy as np

from charlstm.analysis.averaging import averaged_reader, log_mean
from charlstm.analysis.evaluation import losses_of
from charlstm.analysis.evaluation_streams import evaluation_streams
from charlstm.analysis.reporting import SILENT, EvaluationReporter
from charlstm.arrays import Ids
from charlstm.generation.load import LoadedModel
from charlstm.training.calibration import PRIOR_CHARACTERS, PRIOR_CURVATURE

STREAM_LENGTH = 512  # characters that are read of each stream of the validation text
SCALES = np.linspace(0.7, 1.6, 10)


def fit_logit_scale(models: Sequence[LoadedModel], ids: Ids, *, reporter: EvaluationReporter = SILENT) -> float:
    """Return the factor of the logits of models with which their average predicts ids (characters,) best."""
    streams = evaluation_streams(ids, max_length=STREAM_LENGTH)
    reader = averaged_reader(models, streams.inputs.size, reporter=reporter)
    _, states = reader.read_each(streams.warmup, reader.initial_states(len(streams.warmup)))
    logits, _ = reader.read_each(streams.inputs, states)
    is_scored = streams.scored > 0
    logits, targets = [one[is_scored] for one in logits], streams.targets[is_scored]
    weights = [one.weight for one in models]
    means = (log_mean(logits, weights, [scale] * len(models)) for scale in SCALES)
    nats = np.array([losses_of(mean, targets).nats.sum() for mean in means])
    nats += PRIOR_CHARACTERS * PRIOR_CURVATURE / 2 * (SCALES - 1) ** 2
    return _minimum(SCALES, nats)


def _minimum(points: np.ndarray, values: np.ndarray) -> float:
    """Return where the parabola through the lowest of equidistant points and its neighbours is lowest."""
    lowest = int(np.clip(values.argmin(), 1, len(points) - 2))
    left, middle, right = values[lowest - 1 : lowest + 2]
    step = points[1] - points[0]
    offset = step * (left - right) / (2 * (left - 2 * middle + right))
    return float(points[lowest] + np.clip(offset, -step, step))
