"""`charlstm import`."""

import json
from pathlib import Path

import pytest

from charlstm.storage.model_file import load_model


@pytest.fixture
def exported(charlstm, run):
    assert charlstm("export", "tiny", "--to", "tiny.torch.safetensors")[0] == 0
    return Path("tiny.torch.safetensors")


def test_an_imported_model_is_a_run(charlstm, exported, model):
    code, out, err = charlstm("import", exported, "-o", "runs/other")
    assert (code, out) == (0, "runs/other\n")
    assert "imported lstm, 2 layers of 8 units, 28 characters" in err
    assert (load_model(Path("runs/other/model.safetensors")).weights["embedding"] == model.weights["embedding"]).all()
    same = [charlstm("generate", name, "--random-seed", 1, "--seed", "to be")[1] for name in ("other", "tiny")]
    assert same[0] == same[1]
    Path("words.txt").write_text("some words")
    assert charlstm("evaluate", "other", "words.txt")[0] == 0
    assert "imported from tiny.torch.safetensors" in charlstm("info", "other")[1]
    assert charlstm("runs")[0] == 0


def test_the_run_has_the_name_of_the_file_unless_it_is_taken(charlstm, exported):
    exported.rename("new.safetensors")
    assert charlstm("import", "new.safetensors")[1] == "runs/new\n"
    code, _, err = charlstm("import", "new.safetensors")
    assert code == 1
    assert "--overwrite" in err
    assert charlstm("import", "new.safetensors", "--overwrite")[0] == 0


def test_a_model_file_is_written_as_one(charlstm, exported):
    assert charlstm("import", exported, "-o", "mine.safetensors")[1] == "mine.safetensors\n"
    assert charlstm("generate", "mine.safetensors", "--length", 5)[0] == 0
    assert charlstm("import", exported, "-o", "mine.safetensors")[0] == 1
    assert charlstm("import", exported, "-o", "nowhere/mine.safetensors")[0] == 1


def test_a_vocabulary_that_does_not_fit(charlstm, exported):
    Path("v.json").write_text(json.dumps(["a", "b"]))
    code, out, err = charlstm("import", exported, "--vocabulary", "v.json", "-o", "runs/new")
    assert (code, out) == (1, "")
    assert "but the vocabulary has 2" in err
    assert not Path("runs/new").exists()
    Path("v.json").write_text("[[[")
    assert "is not JSON" in charlstm("import", exported, "--vocabulary", "v.json", "-o", "runs/new")[2]


@pytest.mark.parametrize("name", ["missing.keras", "missing.safetensors", "runs", "model.pt", "a.txt"])
def test_what_cannot_be_imported(charlstm, run, name):
    code, out, err = charlstm("import", name)
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
