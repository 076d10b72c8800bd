"""`train` and `resume` from Python: results, callbacks, interruption, threads."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import charlstm
from charlstm.api.reporter import CallbackReporter
from charlstm.errors import CorpusError, RunError, SettingError
from charlstm.training.interruption import Interruption

TEXT = "the cat sat on the mat and the dog sat on the log\n" * 60
TINY: dict[str, Any] = {"units": 8, "num_layers": 1, "batch_size": 8, "sequence_length": 20, "epochs": 2}

tensorflow = pytest.mark.tensorflow


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@tensorflow
def test_a_run_is_the_one_that_the_command_trains(command):
    Path("cats.txt").write_text(TEXT)
    options = ["--units", "8", "--layers", "1", "--batch-size", "8", "--sequence-length", "20", "--epochs", "2"]
    code, _, err = command("train", "cats.txt", *options, "--output", "runs/command")
    assert code == 0, err
    evaluations: list[charlstm.Evaluation] = []
    progress: list[charlstm.Progress] = []
    run = charlstm.train("cats.txt", on_evaluation=evaluations.append, on_progress=progress.append, **TINY)
    assert run.folder == Path("runs/cats")
    assert run.model.path.read_bytes() == Path("runs/command/model.safetensors").read_bytes()
    assert tuple(evaluations) == run.history
    assert run.best_loss == min(evaluation.validation.nats_per_character for evaluation in run.history)
    assert progress[-1].step >= run.best.step
    assert not run.interrupted
    saved = charlstm.load("cats")
    assert saved.training == run.model.training
    assert charlstm.generate(run.model, "the ", random_seed=1) == charlstm.generate("cats", "the ", random_seed=1)


@tensorflow
def test_ctrl_c_stops_gracefully_and_resuming_ends_with_the_same_model():
    def interrupt(_: charlstm.Evaluation) -> None:
        signal.raise_signal(signal.SIGINT)

    whole = charlstm.train(text=TEXT, output="whole", **TINY)
    stopped = charlstm.train(text=TEXT, output="stopped", on_evaluation=interrupt, **TINY)
    assert stopped.interrupted
    assert len(stopped.history) == 1
    resumed = charlstm.resume("stopped")
    assert not resumed.interrupted
    assert [one.step for one in resumed.history] == [one.step for one in whole.history]
    assert resumed.model.path.read_bytes() == whole.model.path.read_bytes()
    again = charlstm.resume("stopped")
    assert (again.history, again.interrupted) == (resumed.history, False)
    assert charlstm.resume("stopped", epochs=2.5).best.epoch > 2


@tensorflow
def test_another_signal_is_sent_again_after_everything_is_saved():
    received: list[int] = []
    handler = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    try:
        run = charlstm.train(text=TEXT, on_evaluation=lambda _: signal.raise_signal(signal.SIGTERM), **TINY)
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert received == [signal.SIGTERM]
    assert run.interrupted


@pytest.mark.parametrize(("code", "error"), [(130, KeyboardInterrupt), (143, SystemExit)])
def test_a_signal_that_stops_at_once_raises_what_python_programs_expect(monkeypatch, code, error):
    def stop_at_once(*_):
        raise SystemExit(code)

    monkeypatch.setattr("charlstm.training.new_run.train_new_run", stop_at_once)
    with pytest.raises(error):
        charlstm.train(text=TEXT)


@tensorflow
def test_an_event_stops_a_run_in_another_thread():
    async def stop_after_one_evaluation() -> charlstm.TrainedRun:
        event = threading.Event()
        return await asyncio.to_thread(
            charlstm.train, text=TEXT, on_evaluation=lambda _: event.set(), stop=event, **TINY
        )

    run = asyncio.run(stop_after_one_evaluation())
    assert run.folder == Path("runs/text")
    assert (run.interrupted, len(run.history)) == (True, 1)
    with pytest.raises(RunError, match="already holds a run") as caught:
        charlstm.train(text=TEXT, **TINY)
    assert (
        caught.value.hint
        == "continue it with `resume`, replace it with `overwrite`, or choose another folder with `output`"
    )


@tensorflow
def test_a_run_can_start_from_a_model():
    first = charlstm.train(text=TEXT, output="first", **TINY)
    for start_from in (first.model, "first"):
        second = charlstm.train(text=TEXT.upper(), output="second", overwrite=True, start_from=start_from, epochs=1)
        assert set(second.model.vocabulary.characters) > set(first.model.vocabulary.characters)


@tensorflow
def test_a_run_stopped_before_its_first_evaluation_has_no_model():
    event = threading.Event()
    event.set()
    run = charlstm.train(text=TEXT, stop=event, **TINY)
    assert (run.interrupted, run.history) == (True, ())
    for name in ("model", "best", "best_loss"):
        with pytest.raises(RunError, match="before its first evaluation"):
            getattr(run, name)
    assert charlstm.resume().best_loss > 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, SettingError, "neither `files` nor `text`"),
        ({"text": TEXT, "unit": 8}, SettingError, "no setting `unit`"),
        ({"text": TEXT, "units": "8"}, SettingError, "`units` is '8', but it must be of type int"),
        ({"text": TEXT, "units": 0}, SettingError, "`units` is 0"),
        ({"text": TEXT, "max_time": "soon"}, SettingError, "`max_time`: 'soon' is not a duration"),
        ({"text": TEXT, "preset": "huge"}, SettingError, "no preset 'huge'"),
        ({"text": TEXT, "cell": "lstn"}, SettingError, "lstn"),
        ({"text": TEXT, "unknown": "skip"}, SettingError, "`unknown` is for characters that the model of `start_from`"),
        ({"text": TEXT, "start_from": 5}, SettingError, "`start_from` is of type int"),
        ({"text": "too short"}, CorpusError, "too short"),
        ({"files": "missing.txt"}, CorpusError, "no text 'missing.txt'"),
        ({"text": TEXT, "start_from": "nowhere"}, RunError, "nowhere"),
    ],
)
def test_errors_come_before_anything_is_written(arguments, error, message):
    with pytest.raises(error, match=message) as caught:
        charlstm.train(**arguments)
    assert "--" not in f"{caught.value} {caught.value.hint}"
    assert not Path("runs").exists()


def test_resuming_needs_a_run():
    with pytest.raises(RunError, match="no run"):
        charlstm.resume()
    with pytest.raises(RunError, match="no run folder 'nowhere'"):
        charlstm.resume("nowhere")


def test_notes_of_tensorflow_are_left_out_and_nothing_else(capfd, monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    reporter = CallbackReporter(interruption=Interruption(), evaluated=None, progressed=None, stop=None)
    with contextlib.suppress(ImportError), reporter.starting_tensorflow():
        os.write(2, b"I0000 00:00:1.2 3 port.cc:153] oneDNN custom operations are on.\nsomething else\n")
        raise ImportError
    os.write(2, b"later\n")
    assert capfd.readouterr().err == "something else\nlater\n"


def test_messages_go_to_the_logger(caplog):
    reporter = CallbackReporter(interruption=Interruption(), evaluated=None, progressed=None, stop=None)
    with caplog.at_level(logging.INFO, logger="charlstm"):
        reporter.on_message("a message")
        reporter.on_warning("a warning")
        reporter.on_changed_characters({"é": "e", "☃": ""})
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING", "WARNING", "WARNING"]
    assert "'é' with 'e'" in caplog.text
    assert "left out: '☃'" in caplog.text


@pytest.fixture(name="command")
def _command(charlstm):
    return charlstm


@tensorflow
def test_parts_are_given_as_files_or_as_a_split():
    for name in ("cats", "valid", "test"):
        Path(f"{name}.txt").write_text(TEXT[: 1000 if name == "valid" else 500 if name == "test" else None])
    run = charlstm.train("cats.txt", validation=Path("valid.txt"), test="test.txt", **TINY)
    sizes = {part: charlstm.evaluate(run.model, part=part).characters + 1 for part in ("train", "validation", "test")}
    assert sizes == {"train": len(TEXT), "validation": 1000, "test": 500}
    run = charlstm.train(text=TEXT, split="80/10/10", output="split", **TINY)
    assert charlstm.evaluate("split", part="test").part == "test"
    assert charlstm.evaluate(run.model, part="train").characters == 0.8 * len(TEXT) - 1
    with pytest.raises(SettingError, match="`split` and `test` are both given"):
        charlstm.train("cats.txt", test="test.txt", split="80/10/10", **TINY)
    with pytest.raises(SettingError, match="neither `files` nor `text` is given"):
        charlstm.evaluate(run.model)
