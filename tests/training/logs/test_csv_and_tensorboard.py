"""The two logs that need no library: what they hold, also after a resume, and when they cannot be written."""

import csv
import json
import math
import socket
from dataclasses import replace

import pytest

from charlstm.analysis.evaluation import Scores
from charlstm.storage.run_folder import RunFolder
from charlstm.training.history import Evaluation
from charlstm.training.interruption import Interruption
from charlstm.training.logs.csv_log import CSVLog
from charlstm.training.logs.logged_run import FIGURES, LoggedRun, figures, markdown_code
from charlstm.training.logs.tensorboard_log import TensorBoardLog
from tests.training.small_runs import MEDIUM, Recorder, StopAtStep, make_run, resume_run

LOGS = ("csv", "tensorboard")
SETTINGS = {"cell": "lstm", "units": 24, "dropout": 0.25, "residual": True}


def logged_run(folder):
    run = RunFolder(folder)
    return LoggedRun(
        folder=run,
        store=run.logs,
        run_id="0123456789ab",
        started="2026-01-02T03:04:05+00:00",
        hyper_parameters=SETTINGS,
    )


def evaluation(step, *, gradient_norm=0.5):
    scores = Scores(nats=math.log(2) * 30, correct=5.0, characters=10)
    return Evaluation(
        step, step / 8, step + 0.25, 2.0, scores, 1000.0, 1e-3, f"*é*\ud800 {step}\nb\n", True, gradient_norm
    )


def csv_rows(folder):
    with RunFolder(folder).csv_log.open(newline="") as file:
        return list(csv.DictReader(file))


def event_reader(folder):
    """TensorBoard's own reader of the files in a folder."""
    from tensorboard.backend.event_processing.event_accumulator import STORE_EVERYTHING_SIZE_GUIDANCE, EventAccumulator

    reader = EventAccumulator(str(folder), size_guidance=STORE_EVERYTHING_SIZE_GUIDANCE)
    reader.Reload()
    return reader


def evaluated_steps(folder):
    return [json.loads(line)["step"] for line in RunFolder(folder).history.read_text().splitlines()]


def test_all_figures_have_a_place():
    assert tuple(figures(evaluation(1))) == FIGURES
    assert figures(evaluation(1))["train_bits"] == pytest.approx(2 / math.log(2))
    assert figures(evaluation(1))["validation_bits"] == pytest.approx(3)
    assert "gradient_norm" not in figures(evaluation(1, gradient_norm=None))


def test_a_row_of_csv_is_added_for_each_evaluation(tmp_path):
    log, evaluations = CSVLog(logged_run(tmp_path)), [evaluation(8)]
    log.write(evaluations)
    log.write([*evaluations, evaluation(16, gradient_norm=None)])
    first, second = csv_rows(tmp_path)
    assert list(first) == ["step", *FIGURES]
    assert (first["step"], first["epoch"], first["seconds"], first["gradient_norm"]) == ("8", "1.0", "8.25", "0.5")
    assert (second["step"], second["gradient_norm"]) == ("16", "")


def test_a_log_of_csv_replaces_what_an_earlier_process_wrote(tmp_path):
    CSVLog(logged_run(tmp_path)).write([evaluation(8), evaluation(16)])
    CSVLog(logged_run(tmp_path)).write([evaluation(8)])
    assert [row["step"] for row in csv_rows(tmp_path)] == ["8"]


@pytest.mark.tensorflow
def test_tensorboard_reads_figures_samples_and_hyper_parameters(tmp_path):
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    log, evaluations = TensorBoardLog(logged_run(tmp_path)), [evaluation(8), evaluation(16)]
    log.write(evaluations[:1])
    log.write(evaluations)
    reader = event_reader(tmp_path)
    assert reader.Tags()["scalars"] == list(FIGURES)
    points = [(point.step, point.value) for point in reader.Scalars("validation_bits")]
    assert points == [(8, pytest.approx(3)), (16, pytest.approx(3))]
    started = 1767323045.0  # 2026-01-02T03:04:05 UTC
    assert [point.wall_time - started for point in reader.Scalars("epoch")] == [8.25, 16.25]
    sample = reader.Tensors("sample")[1].tensor_proto.string_val[0].decode()
    assert sample == markdown_code(evaluations[1].sample) == "    *é*? 16\n    b\n    "
    content = reader.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    session = HParamsPluginData.FromString(content).session_start_info
    values = {name: getattr(value, str(value.WhichOneof("kind"))) for name, value in session.hparams.items()}
    assert values == SETTINGS
    assert session.start_time_secs == started


@pytest.mark.tensorflow
def test_logs_of_a_resumed_run_hold_each_evaluation_once(tmp_path):
    """Also if the process was killed after it had logged more than its checkpoint holds."""
    stop, config = Interruption(), replace(MEDIUM, evaluate_every=20)
    make_run(tmp_path / "run", config).run(StopAtStep(stop, 41), stop, logs=LOGS)
    folder = RunFolder(tmp_path / "run")
    folder.csv_log.write_bytes(folder.csv_log.read_bytes() + b"9999,1,2,3\n")
    events = folder.event_file.read_bytes()
    folder.event_file.write_bytes(events + events[len(events) // 2 :])
    resume_run(tmp_path / "run", config).run(Recorder(), logs=LOGS)
    steps = evaluated_steps(folder.path)
    assert [int(row["step"]) for row in csv_rows(folder.path)] == steps
    reader = event_reader(folder.path)
    assert [point.step for point in reader.Scalars("train_nats")] == steps
    assert [point.value for point in reader.Scalars("gradient_norm")] == [
        pytest.approx(json.loads(line)["gradient_norm"]) for line in folder.history.read_text().splitlines()
    ]
    assert all(0 < float(row["gradient_norm"]) < 100 for row in csv_rows(folder.path))


@pytest.mark.tensorflow
def test_a_run_that_was_stopped_goes_on_in_the_same_files(tmp_path):
    """TensorBoard keeps its file open."""
    stop, config = Interruption(), replace(MEDIUM, evaluate_every=20)
    make_run(tmp_path / "run", config).run(StopAtStep(stop, 41), stop, logs=LOGS)
    files = RunFolder(tmp_path / "run").csv_log, RunFolder(tmp_path / "run").event_file
    before = [(file.stat().st_ino, file.read_bytes()) for file in files]
    resume_run(tmp_path / "run", config).run(Recorder(), logs=LOGS)
    for file, (inode, content) in zip(files, before, strict=True):
        assert file.stat().st_ino == inode
        assert file.read_bytes().startswith(content)
        assert file.stat().st_size > len(content)


@pytest.mark.tensorflow
def test_a_log_that_cannot_be_written_costs_one_warning(tmp_path):
    run = make_run(tmp_path / "run", replace(MEDIUM, evaluate_every=20))
    run.folder.csv_log.mkdir()
    result = run.run(recorder := Recorder(), logs=LOGS)
    assert result.best
    assert len(recorder.evaluations) > 2
    (warning,) = recorder.warnings
    assert warning.startswith(f"the log csv fails, but training goes on: {run.folder.csv_log} cannot be written")
    assert "\n" not in warning
    assert [point.step for point in event_reader(run.folder.path).Scalars("epoch")] == evaluated_steps(run.folder.path)


@pytest.mark.tensorflow
def test_a_log_catches_up_when_it_can_be_written_again(tmp_path):
    run = make_run(tmp_path / "run", replace(MEDIUM, evaluate_every=20))
    run.folder.csv_log.mkdir()

    class Repairer(Recorder):
        def on_evaluation(self, evaluation):
            super().on_evaluation(evaluation)
            if len(self.evaluations) == 3:
                run.folder.csv_log.rmdir()

    run.run(Repairer(), logs=["csv"])
    assert [int(row["step"]) for row in csv_rows(run.folder.path)] == evaluated_steps(run.folder.path)


@pytest.mark.tensorflow
def test_a_log_whose_library_is_broken_costs_one_warning(tmp_path, monkeypatch):
    def fail(*_):
        raise AttributeError("module has no attribute\nand more")

    monkeypatch.setattr("charlstm.training.logs.logging_reporter.open_log", fail)
    result = make_run(tmp_path / "run", replace(MEDIUM, epochs=1)).run(recorder := Recorder(), logs=["wandb"])
    assert result.best
    assert recorder.warnings == ["the log wandb fails, but training goes on: module has no attribute and more"]


@pytest.mark.tensorflow
def test_they_open_no_connection(tmp_path, monkeypatch):
    def refuse(*_):
        raise AssertionError("a connection was opened")

    for name in ("connect", "connect_ex", "bind", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    make_run(tmp_path / "run", replace(MEDIUM, epochs=1)).run(recorder := Recorder(), logs=LOGS)
    assert recorder.warnings == []
    assert csv_rows(tmp_path / "run")
