"""Stopping and killing real processes, resuming, and what `resume` refuses."""

import contextlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from charlstm.cli.app import main
from tests.forked import ForkedCommand

pytestmark = pytest.mark.tensorflow

TEXT = "the cat sat on the mat and the dog sat on the log\n" * 100
SETTINGS = "--units 32 --layers 2 --batch-size 4 --sequence-length 10 --epochs 8 --dropout 0.2 --precision float32"


def wait_for(path: Path, is_running):
    for _ in range(600):
        if path.exists():
            return
        assert is_running()
        time.sleep(0.1)
    raise AssertionError(f"{path} was not written")


@pytest.fixture(scope="module")
def cats(tmp_path_factory):
    """A folder with a text and a complete run on it, `whole`."""
    folder = tmp_path_factory.mktemp("cats")
    (folder / "cats.txt").write_text(TEXT)
    with contextlib.chdir(folder):
        assert main(["train", "cats.txt", "--out", "whole", *SETTINGS.split()]) == 0
    return folder


@pytest.fixture
def whole(cats, monkeypatch):
    monkeypatch.chdir(cats)
    return cats / "whole"


def test_a_run_killed_at_random_moments_ends_like_one_that_was_not(whole, cats, charlstm):
    """The other signals stop the processes of the tests below."""
    rng = random.Random(1)
    command = ["train", "cats.txt", "--output", "parts", "--resume", "--checkpoint-every", "0.2s", *SETTINGS.split()]
    history = cats / "parts" / "history.jsonl"
    for number, exit_code in ((signal.SIGKILL, -9), (signal.SIGTERM, 143)):
        process = ForkedCommand(*command, cwd=cats)
        wait_for(cats / "parts" / ".owner.json", process.is_running)
        wait_for(history, process.is_running)
        before = history.stat().st_mtime_ns
        while history.stat().st_mtime_ns == before and process.is_running():
            time.sleep(0.01)
        time.sleep(rng.random() * 0.4)
        process.send_signal(number)
        code, out, err = process.end()
        assert code in (exit_code, 0), err
        assert out == ""
        assert "Traceback" not in err
        if code > 0:
            assert "charlstm resume parts" in err
    code, _, err = charlstm("resume", "parts")
    assert code == 0, err
    assert (cats / "parts/model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert not list((cats / "parts").glob(".*.safetensors.*"))


@pytest.mark.parametrize("import_ends_with", ["raise", "raise ImportError('interrupted')"])
def test_a_signal_before_training_begins_ends_the_process_at_once(cats, tmp_path, import_ends_with):
    """An import of TensorFlow that takes forever and, like the real one, may turn the exception into another."""
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").write_text(
        f"import pathlib, time\npathlib.Path({str(tmp_path / 'importing')!r}).touch()\n"
        f"try:\n    time.sleep(600)\nexcept BaseException:\n    {import_ends_with}\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    command = [sys.executable, "-m", "charlstm", "train", "cats.txt", "--output", "early", *SETTINGS.split()]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=cats, env=environment, stdout=pipe, stderr=pipe, text=True)
    wait_for(tmp_path / "importing", lambda: process.poll() is None)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert "stopped before training began; nothing is lost" in err
    assert not (cats / "early").exists()


def test_a_folder_is_trained_in_by_one_process_at_a_time(cats, charlstm, monkeypatch):
    monkeypatch.chdir(cats)
    first = ForkedCommand("train", "cats.txt", "--out", "two", *SETTINGS.split(), "--epochs", 500, cwd=cats)
    wait_for(cats / "two" / "checkpoint.safetensors", first.is_running)
    for command in (["resume", "two"], ["train", "cats.txt", "--out", "two", "--overwrite"]):
        code, _, err = charlstm(*command)
        assert code == 1
        assert f"in use by process {first.pid}" in err.splitlines()[0]
    wait_for(cats / "two" / "model.safetensors", first.is_running)
    assert len(charlstm("generate", "two", "--length", 5, "--no-echo")[1]) == 5
    first.send_signal(signal.SIGHUP)
    assert first.end()[0] == 129


@pytest.mark.parametrize("options", [[], ["--quiet"]])
def test_a_complete_run_is_left_as_it_is(whole, charlstm, options):
    before = {path: path.read_bytes() for path in whole.iterdir()}
    code, out, err = charlstm("resume", "whole", *options)
    assert (code, out) == (0, "")
    assert "whole is complete" in err
    assert {path: path.read_bytes() for path in whole.iterdir()} == before


def test_options_that_contradict_the_run_are_refused(whole, charlstm):
    code, _, err = charlstm("train", "cats.txt", "--out", "whole", "--resume", "--units", 64)
    assert code == 2
    assert "--units is 64, but whole was trained with 32" in err
    assert charlstm("train", "cats.txt", "--out", "whole", "--resume", "--overwrite")[0] == 2


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--lowercase"], "--lowercase is True, but whole was trained with False"),
        (["--encoding", "latin-1"], "--encoding is latin-1, but whole was trained with the detected one"),
        (["--normalize", "nfkc"], "--normalize is nfkc, but whole was trained with nfc"),
        (["--keep-boilerplate"], "--keep-boilerplate is True, but whole was trained with False"),
        (["--min-count", 3], "--min-count is 3, but whole was trained with 1"),
        (["--from", "whole"], "but whole was trained with random weights"),
    ],
)
def test_options_that_would_read_another_text_are_refused(whole, charlstm, option, message):
    code, _, err = charlstm("train", "cats.txt", "--out", "whole", "--resume", *option)
    assert code == 2
    assert message in err
    assert f"leave {option[0]} out" in err


def test_options_that_would_read_the_same_text_are_accepted(whole, charlstm):
    options = ["--normalize", "nfc", "--min-count", 1, "--checkpoint-every", 9]
    code, _, err = charlstm("train", "cats.txt", "--out", "whole", "--resume", *options)
    assert code == 0, err
    assert "no effect" not in err


def test_a_text_that_has_changed_or_is_gone_is_refused(whole, charlstm):
    Path("cats.txt").rename("moved.txt")
    try:
        code, _, err = charlstm("resume", "whole", "--epochs", 9)
        assert code == 1
        assert "--text FILE" in err
        Path("cats.txt").write_text(TEXT + "more")
        code, _, err = charlstm("resume", "whole", "--epochs", 9)
        assert code == 1
        assert "or resume nevertheless: --changed-text" in err
        code, _, err = charlstm("train", "cats.txt", "--out", "whole", "--resume", "--epochs", 9)
        assert code == 1
        command = "charlstm resume --changed-text --text cats.txt whole"
        assert f"or resume nevertheless: {command}" in err
    finally:
        Path("moved.txt").rename("cats.txt")


def test_fine_tuning_keeps_the_shape_of_the_model(whole, charlstm, tmp_path):
    (tmp_path / "new.txt").write_text("THE GNU SAT ON THE DOG\n" * 40)
    folder = tmp_path / "new"
    options = ["--epochs", 1, "--batch-size", 4, "--sequence-length", 10]
    code, _, err = charlstm("train", tmp_path / "new.txt", "--from", "whole", "--out", folder, *options)
    assert code == 0, err
    info = json.loads(charlstm("info", folder, "--json")[1])
    assert info["architecture"]["units"] == 32
    assert set(info["vocabulary"]["characters"]) == set(TEXT + "THE GNU SAT ON THE DOG\n")
    code, _, err = charlstm("train", tmp_path / "new.txt", "--from", "whole", "--out", "x", "--units", 64)
    assert code == 2
    assert "--units is 64" in err


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX resource limits")
@pytest.mark.usefixtures("whole")
def test_a_limit_on_file_size_is_one_line_and_not_a_traceback(charlstm):
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        code, out, err = charlstm("train", "cats.txt", "--out", "limited", *SETTINGS.split())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (code, out) == (1, "")
    assert "cannot be written: File too large" in err
    assert "Traceback" not in err


def test_a_run_on_standard_input_is_resumed_from_the_saved_text_wherever_it_is(charlstm, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--units", 8, "--layers", 1, "--epochs", 1, "--batch-size", 4, "--sequence-length", 10]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    code, _, err = charlstm("train", "-", "--out", "piped", *options)
    assert code == 0, err
    assert Path("piped/.stdin.txt").read_text() == TEXT
    assert charlstm("runs", "mv", "piped", "moved", "--folder", ".") == (0, "moved\n", "")
    code, _, err = charlstm("resume", "moved", "--epochs", 2)
    assert code == 0, err
    assert "resuming moved at epoch 1.0" in err
    assert json.loads(Path("moved/config.json").read_text())["text"]["sources"] == [str(tmp_path / "moved/.stdin.txt")]
    again = ["train", "-", "--out", "moved", "--resume", "--epochs", 2]
    code, _, err = charlstm(*again, "--normalize", "nfkc")
    assert (code, "--normalize is nfkc, but moved was trained with nfc" in err) == (2, True)
    code, _, err = charlstm(*again, "--encoding", "latin-1", "--normalize", "nfc", "--min-count", 1)
    assert code == 0, err
    assert "warning: --encoding has no effect: moved goes on with the text and the characters that it has" in err
    assert err.count("has no effect") == 1
