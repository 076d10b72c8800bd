"""A log for MLflow: in an SQLite file, unless the user's environment says MLFLOW_TRACKING_URI=...

Its integration with Keras needs `Model.fit`, so the library is called directly.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from typing import Any

from charlstm.libraries import library_imports
from charlstm.training.history import Evaluation
from charlstm.training.logs.logged_run import FIGURES, PROJECT, LoggedRun, figures, markdown_code

RUN_ID_TAG = "charlstm.run_id"
DESCRIPTION_TAG = "mlflow.note.content"  # which MLflow shows as Markdown
ENVIRONMENT = {  # unless the user has set them
    "MLFLOW_DISABLE_TELEMETRY": "true",  # it would report its use over the network
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # training waits meanwhile; the next evaluation tries again
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds
}
MAX_BATCH = 50  # evaluations in one request: MLflow takes 1,000 figures


class MLflowLog:
    """Writes figures, hyper-parameters and, as the description of the run, the newest sample.

    Steps that the run has already are left out after a resume. There are no artifacts, because an SQLite file holds
    their full paths, and a run folder may be renamed.
    """

    def __init__(self, run: LoggedRun) -> None:
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        with library_imports("MLflow", "mlflow", without="the other logs do without it", extra="mlflow"):
            from mlflow import MlflowClient
        for name in ("mlflow", "alembic"):  # which announce each table that they make
            logging.getLogger(name).setLevel(logging.ERROR)
        address = os.environ.get("MLFLOW_TRACKING_URI")
        if not address:
            run.store.mkdir(parents=True, exist_ok=True)
            address = f"sqlite:///{run.store.absolute() / 'mlflow.db'}"
        self._run, self._client = run, MlflowClient(tracking_uri=address)
        experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        found = self._client.get_experiment_by_name(experiment)
        self._experiment_id = found.experiment_id if found else self._client.create_experiment(experiment)
        self._id = self._find_run() or self._create_run()
        steps = [metric.step for metric in self._client.get_metric_history(self._id, FIGURES[-1])]
        self._next_step = max(steps, default=-1) + 1

    def write(self, evaluations: Sequence[Evaluation]) -> None:
        """Log the evaluations at steps that the run does not have."""
        from mlflow.entities import RunTag

        new = [evaluation for evaluation in evaluations if evaluation.step >= self._next_step]
        for start in range(0, len(new), MAX_BATCH):
            batch = new[start : start + MAX_BATCH]
            metrics = [metric for evaluation in batch for metric in self._metrics(evaluation)]
            description = f"Sample at step {batch[-1].step}:\n\n{markdown_code(batch[-1].sample)}"
            self._client.log_batch(self._id, metrics=metrics, tags=[RunTag(DESCRIPTION_TAG, description)])
            self._next_step = batch[-1].step + 1

    def close(self, *, finished: bool) -> None:
        """Record whether the run was interrupted."""
        self._client.set_terminated(self._id, status="FINISHED" if finished else "KILLED")

    def _find_run(self) -> str | None:
        """Return MLflow's id of the run, and mark it as running again, if it was logged before."""
        found = self._client.search_runs([self._experiment_id], f"tags.`{RUN_ID_TAG}` = '{self._run.run_id}'")
        for run in found:
            self._client.update_run(run.info.run_id, status="RUNNING")
        return found[0].info.run_id if found else None

    def _create_run(self) -> str:
        from mlflow.entities import Param

        tags = {RUN_ID_TAG: self._run.run_id} | ({"group": self._run.group} if self._run.group else {})
        started = round(self._run.timestamp(0.0) * 1000)  # milliseconds
        created = self._client.create_run(self._experiment_id, started, tags, self._run.name)
        parameters = [Param(name, str(value)) for name, value in self._run.hyper_parameters.items()]
        self._client.log_batch(created.info.run_id, params=parameters)
        return str(created.info.run_id)

    def _metrics(self, evaluation: Evaluation) -> Iterator[Any]:
        from mlflow.entities import Metric

        timestamp = round(self._run.timestamp(evaluation.seconds) * 1000)
        for name, value in figures(evaluation).items():
            yield Metric(name, value, timestamp, evaluation.step)
