"""`make models` and `make samples`, with a program in the place of charlstm that only writes the files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.printed_commands import DOCUMENTATION
from tools.batch import split_paths

FAKE = """
import json, os, pathlib, sys, time
command, *arguments = sys.argv[1:]
with open("calls.txt", "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
if "--fail" in arguments:
    sys.exit(3)
output = pathlib.Path(arguments[-1])
if command == "train":
    output.mkdir(parents=True)
    time.sleep(float(os.environ.get("SECONDS", 0)))
    (output / "config.json").write_text(json.dumps({"origin": {"command": ["charlstm", *sys.argv[1:]]}}))
    output /= "model.safetensors"
output.write_text(" ".join(arguments))
"""


@pytest.fixture
def batch(tmp_path, monkeypatch):
    """Start the batch job with settings; returns the process."""
    monkeypatch.chdir(tmp_path)
    Path("fake.py").write_text(FAKE)
    Path("calls.txt").touch()
    Path("song one.txt").write_text("la la")

    def start(what="samples", **settings):
        command = [sys.executable, "-m", "tools.batch", what, sys.executable, "fake.py"]
        environment = os.environ | {"PYTHONPATH": str(DOCUMENTATION), "CORPORA": "song one.txt"} | settings
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


def calls():
    """Return the commands since the last time this was asked."""
    lines = Path("calls.txt").read_text().splitlines()
    Path("calls.txt").write_text("")
    return [line.split()[0] for line in lines]


def test_only_what_is_out_of_date_is_made_again(batch):
    assert batch().wait() == 0
    assert calls() == ["train", "generate"]
    assert "--length=1000" in Path("samples/song one.txt").read_text()
    assert batch().wait() == 0
    assert calls() == []
    assert batch(LENGTH="20").wait() == 0
    assert calls() == ["generate"]
    later = Path("runs/song one/model.safetensors").stat().st_mtime + 5
    os.utime("song one.txt", (later, later))
    assert batch("models", LENGTH="20").wait() == 0
    assert calls() == ["train"]


def test_other_flags_train_again_and_keep_the_model_before(batch):
    flags = {"TRAIN_FLAGS": "--epochs 2 --cell 'peephole:fi'"}
    assert batch(**flags).wait() == 0
    assert batch(**flags).wait() == batch().wait() == 0  # without flags any model will do
    assert calls() == ["train", "generate"]
    assert batch(TRAIN_FLAGS="--epochs 3").wait() == 0
    assert calls() == ["train", "generate"]
    assert "--epochs 3" in Path("runs/song one/model.safetensors").read_text()
    assert "--epochs 2" in Path("runs/song one.previous/model.safetensors").read_text()


def test_failed_training_keeps_the_model_and_its_code(batch):
    assert batch().wait() == 0
    assert batch(TRAIN_FLAGS="--fail").wait() == 3
    assert Path("runs/song one/model.safetensors").exists()


def test_two_at_once_train_once(batch):
    first, second = batch(SECONDS="0.5"), batch(SECONDS="0.5")
    outputs = first.communicate()[1] + second.communicate()[1]
    assert first.returncode == second.returncode == 0, outputs
    assert calls() == ["train", "generate"]
    assert "waiting for another make" in outputs
    assert Path("runs/song one/model.safetensors").exists()


def test_texts_of_one_name_are_refused(batch):
    Path("more").mkdir()
    Path("more/song one.txt").write_text("la")
    process = batch(CORPORA="'song one.txt' 'more/song one.txt'")
    assert "song one.txt and more/song one.txt would share the run runs/song one" in process.communicate()[1]
    assert process.returncode == 1


@pytest.mark.parametrize(
    ("words", "paths"),
    [
        ("", []),
        ("a.txt b.txt", ["a.txt", "b.txt"]),
        ("my song.txt", ["my song.txt"]),
        ("a.txt my song.txt b.txt", ["a.txt", "my song.txt", "b.txt"]),
        ("'my song.txt' a.txt", ["my song.txt", "a.txt"]),
        (r"my\ song.txt a.txt", ["my song.txt", "a.txt"]),
        ("don't go.txt", ["don't go.txt"]),
        ("two  blanks.txt", ["two  blanks.txt"]),
        ("?.txt", ["a.txt", "b.txt"]),
        ("missing.txt", ["missing.txt"]),
    ],
)
def test_paths_with_blanks_are_understood(tmp_path, monkeypatch, words, paths):
    monkeypatch.chdir(tmp_path)
    for name in ("a.txt", "b.txt", "my song.txt", "don't go.txt", "two  blanks.txt"):
        Path(name).touch()
    assert split_paths(words) == paths
