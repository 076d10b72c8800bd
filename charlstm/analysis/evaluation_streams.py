"""Cut a text into rows that a network scores side by side: the fast evaluation while it is trained."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids


@dataclass(frozen=True)
class EvaluationStreams:
    """A text cut into parallel streams, so that scoring it is fast.

    Each stream is preceded by the characters before it in the text, its warmup. They are read but not scored, to bring
    the state close to the one that it would have if the whole text were read in order. The first rows may have no
    text before them: they start with zero states.
    """

    warmup: Ids  # (streams, warmup)
    inputs: Ids  # (streams, time)
    targets: Ids  # (streams, time)
    scored: npt.NDArray[np.float32]  # (streams, time); 0 after the end of the text, else 1
    num_cold_rows: int = 1  # first rows that have no warmup


def evaluation_streams(
    ids: Ids, *, warmup: int = 256, max_streams: int = 64, max_length: int = 2048
) -> EvaluationStreams:
    """Cut ids (characters,) into as many streams as are at least as long as their warmup.

    Of a long text only the first `max_length` characters of each stream are scored, so that the evaluation stays short.
    """
    num_scored = len(ids) - 1
    num_streams = max(1, min(max_streams, num_scored // warmup))
    stride = -(-num_scored // num_streams)
    starts = np.arange(num_streams)[:, None] * stride
    positions = starts + np.arange(min(stride, max_length))
    warmup_positions = np.maximum(starts + np.arange(-warmup, 0), 0)
    return EvaluationStreams(
        warmup=ids[warmup_positions],
        inputs=ids[np.minimum(positions, num_scored - 1)],
        targets=ids[np.minimum(positions + 1, num_scored)],
        scored=(positions < num_scored).astype(np.float32),
    )


def window_streams(ids: Ids, window: int, *, max_windows: int = 2048) -> EvaluationStreams:
    """Cut ids (characters,) into windows that each predict the next character: at most `max_windows`, evenly spaced.

    A text shorter than a window becomes one shorter window.
    """
    window = min(window, len(ids) - 1)
    starts = np.unique(
        np.linspace(0, len(ids) - window - 1, min(max_windows, len(ids) - window)).round().astype(np.intp)
    )
    rows = ids[starts[:, None] + np.arange(window + 1)]
    return EvaluationStreams(
        warmup=rows[:, : window - 1],
        inputs=rows[:, window - 1 : window],
        targets=rows[:, window:],
        scored=np.ones((len(rows), 1), np.float32),
        num_cold_rows=0,
    )
