"""`--log` of train, resume and compare."""

import json
from pathlib import Path

import pytest

from charlstm.training.history import Evaluation

TEXT = "the cat sat on the mat and the dog sat on the log\n" * 40
SETTINGS = "--units 8 --layers 1 --batch-size 4 --sequence-length 10 --dropout 0 --precision float32 --evaluate-every 9"


@pytest.fixture
def text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cats.txt").write_text(TEXT)
    return "cats.txt"


def evaluations():
    return [json.loads(line) for line in Path("run/history.jsonl").read_text().splitlines()]


def steps_of_csv():
    return [int(row.partition(",")[0]) for row in Path("run/log.csv").read_text().splitlines()[1:]]


@pytest.mark.tensorflow
def test_a_resumed_run_goes_on_with_its_logs_and_new_ones(charlstm, text):
    from tests.training.logs.test_csv_and_tensorboard import event_reader

    start = ["train", text, "--from", "none", *SETTINGS.split(), "--output", "run", "--quiet"]
    code, _, err = charlstm(*start, "--epochs", 1, "--log", "csv", "--log", "csv")
    assert code == 0, err
    before = len(evaluations())
    assert steps_of_csv() == [evaluation["step"] for evaluation in evaluations()]
    code, _, err = charlstm("resume", "run", "--epochs", 2, "--log", "tensorboard", "--quiet")
    assert code == 0, err
    steps = [evaluation["step"] for evaluation in evaluations()]
    assert len(steps) > before
    assert steps_of_csv() == steps
    assert [point.step for point in event_reader("run").Scalars("validation_nats")] == steps
    assert json.loads(Path("run/config.json").read_text())["origin"]["logs"] == ["csv", "tensorboard"]
    code, _, err = charlstm("train", text, "--from", "none", "--overwrite", *start[4:], "--epochs", 1)
    assert code == 0, err
    assert not [*Path("run").glob("*tfevents*"), *Path("run").glob("log*")]


@pytest.mark.parametrize("command", ["train", "compare"])
def test_an_unknown_log_is_refused_before_anything_is_written(charlstm, text, command):
    code, out, err = charlstm(command, text, "--log", "tensorbord")
    assert (code, out) == (2, "")
    assert "--log is 'tensorbord', but it must be one of csv, tensorboard, wandb, trackio, mlflow" in err
    assert not Path("runs").exists()


@pytest.mark.tensorflow
def test_python_programs_name_logs_too(text):
    import charlstm as package

    run = package.train(text, start_from=None, output="run", log="csv", epochs=1, units=8, precision="float32")
    assert isinstance(run.history[0], Evaluation)
    assert steps_of_csv() == [evaluation.step for evaluation in run.history]
