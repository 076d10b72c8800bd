"""`--log` of train, resume, compare, repeat and sweep."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from charlstm.training.history import Evaluation

TEXT = "the cat sat on the mat and the dog sat on the log\n" * 40
SETTINGS = "--units 8 --layers 1 --batch-size 4 --sequence-length 10 --dropout 0 --precision float32 --evaluate-every 9"


NEEDS_OPTUNA = pytest.mark.skipif(find_spec("optuna") is None, reason="needs the extra charlstm[sweep]")


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


@pytest.mark.parametrize("command", ["train", "compare", "repeat 2", pytest.param("sweep", marks=NEEDS_OPTUNA)])
def test_an_unknown_log_is_refused_before_anything_is_written(charlstm, text, command):
    code, out, err = charlstm(*command.split(), text, "--log", "tensorbord")
    assert (code, out) == (2, "")
    assert "--log is 'tensorbord', but it must be one of csv, tensorboard, wandb, trackio, mlflow" in err
    assert not Path("runs").exists()


@pytest.mark.tensorflow
def test_python_programs_name_logs_too(text):
    import charlstm as package

    run = package.train(text, start_from=None, output="run", log="csv", epochs=1, units=8, precision="float32")
    assert isinstance(run.history[0], Evaluation)
    assert steps_of_csv() == [evaluation.step for evaluation in run.history]


@pytest.mark.tensorflow
def test_repeated_runs_are_logged(charlstm, text):
    repeat = ["repeat", 2, text, "--from", "none", *SETTINGS.split(), "--epochs", 1, "--output", "runs"]
    code, _, err = charlstm(*repeat, "--log", "csv")
    assert code == 0, err
    assert [path.parent.name for path in sorted(Path("runs").glob("*/log.csv"))] == ["seed-0", "seed-1"]
    Path("runs/logs").mkdir()  # as trackers make it
    assert charlstm(*repeat, "--overwrite")[0] == 0
    assert not [*Path("runs").rglob("log*")]


@pytest.mark.tensorflow
@NEEDS_OPTUNA
def test_the_logs_of_all_trials_stay(charlstm, text):
    sweep = ["sweep", text, *SETTINGS.split()[2:], "--epochs", 1, "--trials", 3, "--output", "runs"]
    code, _, err = charlstm(*sweep, "--log", "csv", "--log", "tensorboard")
    assert code == 0, err
    trials = sorted(path.name for path in Path("runs").glob("trial-*"))
    assert len(trials) == 3
    for name in ("log.csv", "events.out.tfevents.charlstm"):
        assert sorted(path.parent.name for path in Path("runs").glob(f"*/{name}")) == trials
    assert len([*Path("runs").glob("*/model.safetensors")]) == 1
    Path("runs/trial-0000/notes.txt").write_text("kept")
    Path("runs/logs").mkdir()
    code, _, err = charlstm(*sweep, "--overwrite")
    assert code == 0, err
    assert [path.name for path in Path("runs").rglob("*.txt") if path.name == "notes.txt"] == ["notes.txt"]
    assert not [*Path("runs").rglob("log*"), *Path("runs").rglob("*tfevents*")]
