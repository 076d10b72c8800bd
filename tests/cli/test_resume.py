"""Stopping, killing and resuming real processes, and what `resume` says to what cannot be resumed."""

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

pytestmark = pytest.mark.tensorflow

TEXT = "the cat sat on the mat and the dog sat on the log\n" * 100
SETTINGS = "--units 32 --layers 2 --batch-size 4 --sequence-length 10 --epochs 8 --dropout 0.2 --precision float32"


def start(*arguments, **settings):
    return subprocess.Popen(
        [sys.executable, "-m", "charlstm", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **settings,
    )


def wait_for(path: Path, process):
    for _ in range(600):
        if path.exists():
            return
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    raise AssertionError(f"{path} never came")


@pytest.fixture(scope="module")
def cats(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cats")
    (folder / "cats.txt").write_text(TEXT)
    process = start("train", "cats.txt", "--out", "whole", *SETTINGS.split(), cwd=folder)
    assert process.wait() == 0, process.stderr.read()
    return folder


def test_a_run_killed_at_random_moments_ends_as_one_that_was_not(cats):
    chance = random.Random(1)
    command = ["train", "cats.txt", "--out", "parts", "--resume", "--checkpoint-every", "0.2s", *SETTINGS.split()]
    expected = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGHUP: 129, signal.SIGKILL: -9}
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        process = start(*command, cwd=cats)
        wait_for(cats / "parts" / ".owner.json", process)
        wait_for(cats / "parts" / "history.jsonl", process)
        before = (cats / "parts" / "history.jsonl").stat().st_mtime_ns
        while (cats / "parts" / "history.jsonl").stat().st_mtime_ns == before and process.poll() is None:
            time.sleep(0.01)
        time.sleep(chance.random() * 0.4)
        process.send_signal(number)
        out, err = process.communicate()
        assert process.returncode in (expected[number], 0), err
        assert out == ""
        assert "Traceback" not in err
        if process.returncode > 0:
            assert "charlstm resume parts" in err
    process = start("resume", "parts", cwd=cats)
    assert process.wait() == 0, process.stderr.read()
    assert (cats / "parts/model.safetensors").read_bytes() == (cats / "whole/model.safetensors").read_bytes()
    assert not list((cats / "parts").glob(".*.safetensors.*"))


def test_two_trainings_in_one_folder(cats, charlstm, monkeypatch):
    monkeypatch.chdir(cats)
    first = start("train", "cats.txt", "--out", "two", *SETTINGS.split(), "--epochs", 500, cwd=cats)
    wait_for(cats / "two" / "checkpoint.safetensors", first)
    for command in (["resume", "two"], ["train", "cats.txt", "--out", "two", "--overwrite"]):
        code, _, err = charlstm(*command)
        assert code == 1
        assert f"in use by process {first.pid}" in err.splitlines()[0]
    wait_for(cats / "two" / "model.safetensors", first)
    assert len(charlstm("generate", "two", "--length", 5, "--no-echo")[1]) == 5
    first.send_signal(signal.SIGINT)
    assert first.wait() == 130


@pytest.fixture
def whole(cats, monkeypatch):
    monkeypatch.chdir(cats)
    return cats / "whole"


def test_a_complete_run_says_so_and_nothing_changes(whole, charlstm):
    before = {path: path.read_bytes() for path in whole.iterdir()}
    code, out, err = charlstm("resume", "whole")
    assert (code, out) == (0, "")
    assert "whole is complete" in err
    assert {path: path.read_bytes() for path in whole.iterdir()} == before


def test_what_contradicts_the_run_is_refused(whole, charlstm):
    code, _, err = charlstm("train", "cats.txt", "--out", "whole", "--resume", "--units", 64)
    assert code == 2
    assert "--units is 64, but whole was trained with 32" in err
    assert charlstm("train", "cats.txt", "--out", "whole", "--resume", "--overwrite")[0] == 2


def test_a_text_that_has_changed_or_gone_is_refused(whole, charlstm):
    Path("cats.txt").rename("moved.txt")
    try:
        code, _, err = charlstm("resume", "whole", "--epochs", 9)
        assert code == 1
        assert "--text FILE" in err
        Path("cats.txt").write_text(TEXT + "more")
        code, _, err = charlstm("resume", "whole", "--epochs", 9)
        assert code == 1
        assert "--changed-text" in err
    finally:
        Path("moved.txt").rename("cats.txt")


def test_fine_tuning_keeps_the_shape_of_the_model(whole, charlstm, tmp_path):
    (tmp_path / "new.txt").write_text("THE GNU SAT ON THE DOG\n" * 40)
    out = tmp_path / "new"
    few = ["--epochs", 1, "--batch-size", 4, "--sequence-length", 10]
    code, _, err = charlstm("train", tmp_path / "new.txt", "--from", "whole", "--out", out, *few)
    assert code == 0, err
    facts = json.loads(charlstm("info", out, "--json")[1])
    assert facts["architecture"]["units"] == 32
    assert set(facts["vocabulary"]["characters"]) == set(TEXT + "THE GNU SAT ON THE DOG\n")
    code, _, err = charlstm("train", tmp_path / "new.txt", "--from", "whole", "--out", "x", "--units", 64)
    assert code == 2
    assert "--units is 64" in err


@pytest.mark.skipif(os.name != "posix", reason="limits are POSIX's")
def test_a_limit_on_file_size_is_one_line_and_not_a_traceback(whole):
    def limit():
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    process = start("train", "cats.txt", "--out", "limited", *SETTINGS.split(), preexec_fn=limit)
    out, err = process.communicate()
    assert (process.returncode, out) == (1, "")
    assert "cannot be written: File too large" in err
    assert "Traceback" not in err


def test_standard_input_can_be_resumed_from_what_was_kept(charlstm, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    few = ["--units", 8, "--layers", 1, "--epochs", 1, "--batch-size", 4, "--sequence-length", 10]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    code, _, err = charlstm("train", "-", "--out", "piped", *few)
    assert code == 0, err
    assert Path("piped/.stdin.txt").read_text() == TEXT
    code, _, err = charlstm("resume", "piped", "--epochs", 2)
    assert code == 0, err
    assert "going on with piped at epoch 1.0" in err
