"""The chief's part of training with other workers: what they do with it is done when it says so.

The chief runs the training loop as if it were alone. Its trainer tells the others before it does something that they
do as well. All that is decided by time, signals or validation, the chief decides.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from charlstm.analysis.evaluation import Scores
from charlstm.analysis.evaluation_streams import EvaluationStreams
from charlstm.arrays import FloatArray
from charlstm.config import TrainingConfig
from charlstm.errors import SettingError, TrainingError
from charlstm.training.calibration import ScaleDerivatives

if TYPE_CHECKING:
    from charlstm.network.network import CharacterNetwork
    from charlstm.training.train_step import Trainer
    from charlstm.training.workers import Workers


class LeadingTrainer:
    """The chief's trainer: the others do what it does. It has the methods of `Trainer` that the training loop calls."""

    def __init__(self, trainer: "Trainer", workers: "Workers", settings: dict[str, Any]) -> None:
        """Send the settings of the run, let the others read its text, and send them all variables.

        Raises TrainingError if one of the others cannot do that.
        """
        self._trainer, self._workers = trainer, workers
        with workers.step():
            workers.send(do="start", settings=settings)
            reports = workers.report("")
        for index, problem in enumerate(reports):
            if problem:
                raise TrainingError(
                    f"{workers.cluster.name(index)} cannot train: {problem}", hint="see what that worker says"
                )
        trainer.copy_from_chief()

    @property
    def network(self) -> "CharacterNetwork":
        return self._trainer.network

    def train_steps(
        self, batches: npt.NDArray[np.int32], *, step: int, learning_rates: list[float]
    ) -> tuple[FloatArray, FloatArray]:
        with self._workers.step():
            self._workers.send(do="train", step=step, learning_rates=learning_rates)
            return self._trainer.train_steps(batches, step=step, learning_rates=learning_rates)

    def evaluate(self, streams: EvaluationStreams, *, logit_scale: float = 1.0) -> tuple[Scores, ScaleDerivatives]:
        return self._trainer.evaluate(streams, logit_scale=logit_scale)

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return what the trainer does, with the states of all streams."""
        with self._workers.step():
            self._workers.send(do="gather")
            self._trainer.gather_states()
        return self._trainer.arrays()

    def restore(self, arrays: dict[str, npt.NDArray[np.generic]]) -> None:
        self._trainer.restore(arrays)
        self._copy()

    def restart_from(self, weights: dict[str, FloatArray]) -> None:
        self._trainer.restart_from(weights)
        self._copy()

    def _copy(self) -> None:
        with self._workers.step():
            self._workers.send(do="copy")
            self._trainer.copy_from_chief()


def check_shards(num_workers: int, config: TrainingConfig) -> None:
    """Raise SettingError if a worker would have none of the shards of a batch."""
    num_shards = min(config.num_shards, config.batch_size)
    if num_shards < num_workers:
        raise SettingError(
            f"there are {num_workers} workers, but a batch of {config.batch_size} streams in "
            f"`num_shards` {config.num_shards} can be shared by at most {num_shards}",
            hint="take fewer workers, or train anew with a larger `batch_size` and more `num_shards`",
        )
