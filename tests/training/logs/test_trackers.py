"""The logs of other libraries, where these are installed: `pip install charlstm[wandb,trackio,mlflow]`."""

import json
import sqlite3
from dataclasses import replace
from importlib.util import find_spec

import pytest

from charlstm.storage.run_folder import RunFolder
from charlstm.training.interruption import Interruption
from charlstm.training.logs.registry import LIBRARIES
from tests.training.small_runs import MEDIUM, Recorder, StopAtStep, make_run, resume_run

pytestmark = pytest.mark.tensorflow


def wandb_steps(folder):
    """Offline runs have a file of samples for each evaluation; their steps are in a binary file of W&B's own."""
    (run,) = folder.logs.glob("wandb/offline-run-*")
    samples = len([*run.glob("files/media/html/sample_*.html")])
    return [json.loads(line)["step"] for line in folder.history.read_text().splitlines()][:samples]


def trackio_steps(folder):
    with sqlite3.connect(folder.logs / "trackio" / "charlstm.db") as database:
        return [step for (step,) in database.execute("SELECT step FROM metrics ORDER BY id")]


def mlflow_steps(folder):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder.logs / 'mlflow.db'}")
    (run,) = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    assert run.info.status == "FINISHED"
    return [metric.step for metric in client.get_metric_history(run.info.run_id, "validation_bits")]


STEPS = {"wandb": wandb_steps, "trackio": trackio_steps, "mlflow": mlflow_steps}


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_resumed_run_has_each_evaluation_once(name, tmp_path, monkeypatch, capsys):
    if find_spec(name) is None:  # not imported: Trackio then decides where to write
        pytest.skip(f"{name} is not installed")
    for variable in ("WANDB_MODE", "WANDB_DIR", "TRACKIO_DIR", "TRACKIO_SPACE_ID", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(variable, raising=False)
    stop, config, folder = Interruption(), replace(MEDIUM, evaluate_every=20), RunFolder(tmp_path / "run")
    recorders = StopAtStep(stop, 41), Recorder()
    make_run(folder.path, config).run(recorders[0], stop, logs=[name])
    resume_run(folder.path, config).run(recorders[1], logs=[name])
    assert [recorder.warnings for recorder in recorders] == [[], []]
    steps = [json.loads(line)["step"] for line in folder.history.read_text().splitlines()]
    assert STEPS[name](folder) == steps
    assert capsys.readouterr().out == ""
