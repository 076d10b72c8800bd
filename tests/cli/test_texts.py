"""Where texts come from, as the commands see it."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from charlstm.storage.model_file import load_model, save_model

TEXT = "the cat sat on the mat and the dog sat on the log\n" * 60
TINY = ["--units", 8, "--layers", 1, "--epochs", 1, "--batch-size", 4, "--sequence-length", 10]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The present folder, with a text in it."""
    (tmp_path / "texts").mkdir()
    monkeypatch.chdir(tmp_path / "texts")
    Path("cats.txt").write_text(TEXT)
    return tmp_path / "texts"


@pytest.mark.usefixtures("folder")
def test_what_is_skipped_is_one_line_on_stderr(charlstm):
    Path("photo.jpg").write_bytes(b"\xff\xd8\xff\0\0")
    code, out, err = charlstm("corpus", "stats", ".", "--json")
    assert code == 0, err
    assert json.loads(out)["characters"] == len(TEXT)
    assert err == ".: 1 file, 1 skipped: photo.jpg (a JPEG picture)\n"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "arguments",
    [
        ("train", ""),
        ("train", " ", "--output", "x"),
        ("compare", ""),
        ("generate", "--seed-file", ""),
        ("generate", "--batch", ""),
    ],
)
def test_argument_of_nothing_is_an_error_and_not_the_whole_folder(charlstm, run, arguments):
    code, out, err = charlstm(*arguments)
    assert (code, out) == (1, "")
    assert "the name of the text is empty" in err


@pytest.mark.usefixtures("folder")
def test_own_file_in_the_place_of_a_run_file_is_not_replaced(charlstm):
    Path("samples.txt").write_text("mine")
    code, _, err = charlstm("train", ".", "--output", ".", *TINY)
    assert code == 1
    assert "samples.txt is among the texts, and a run in . would replace it" in err
    assert Path("samples.txt").read_text() == "mine"


@pytest.mark.tensorflow
@pytest.mark.usefixtures("folder")
def test_loop_of_links_in_the_place_of_a_run_file_is_replaced(charlstm):
    Path("run").mkdir()
    for name in ("samples.txt", "checkpoint.previous.safetensors"):
        Path("run", name).symlink_to(name)
    code, _, err = charlstm("train", "cats.txt", "--output", "run", "--overwrite", *TINY)
    assert code == 0, err
    assert Path("run/samples.txt").read_text()


@pytest.mark.parametrize("source", ["/dev/zero", "/dev/stdin", "-", "pipe", "/proc/version"])
def test_run_of_a_stranger_names_no_stream(charlstm, run, source):
    os.mkfifo("pipe")
    text = {"sources": [source], "reading": {}, "unknown": "skip"}
    (run / "config.json").write_text(json.dumps({"text": text}))
    model = load_model(run / "model.safetensors")
    settings = {"validation": 0.1, "sequence_length": 20}
    save_model(run / "model.safetensors", replace(model, training={"text_sha256": "", "settings": settings}))
    code, _, err = charlstm("generate", "tiny", "--novelty", "--length", 5)
    assert code == 1
    assert f"{source} is " in err


@pytest.mark.tensorflow
@pytest.mark.parametrize("output", [".", "poems"])
def test_run_beside_its_texts_is_resumed(charlstm, folder, output):
    Path("poems").mkdir()
    Path("poems/poem.txt").write_text(TEXT)
    code, _, err = charlstm("train", ".", "--output", output, *TINY)
    assert code == 0, err
    assert Path(output, "samples.txt").exists()
    code, _, err = charlstm("resume", output, "--epochs", 2)
    assert code == 0, err
    assert json.loads(charlstm("info", output, "--json")[1])["training"]["epoch"] > 1.5
    code, _, err = charlstm("train", ".", "--output", output, "--overwrite", *TINY)
    assert code == 0, err
    assert f"{2 * len(TEXT):,} characters" in err


@pytest.mark.tensorflow
@pytest.mark.usefixtures("folder")
def test_run_on_a_pipe_is_named_kept_and_resumed(charlstm):
    reading, writing = os.pipe()
    os.write(writing, TEXT.encode())
    os.close(writing)
    code, _, err = charlstm("train", f"/dev/fd/{reading}", *TINY)
    assert code == 0, err
    os.close(reading)
    assert Path("runs/stdin/.stdin.txt").read_text() == TEXT
    code, _, err = charlstm("train", f"/dev/fd/{reading}", "--resume", "--epochs", 2)
    assert code == 0, err
    assert "resuming runs/stdin at epoch 1.0" in err
