"""`charlstm train`: what a run keeps of how its text is read and divided."""

import json
import shutil
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from charlstm.storage.checkpoint import load_checkpoint, save_checkpoint
from charlstm.storage.model_file import load_model, save_model
from charlstm.storage.run_folder import RunFolder
from charlstm.text.batches import split_for_validation

pytestmark = pytest.mark.tensorflow

SMALL = ("--units", 8, "--layers", 1, "--epochs", 0.5)
NAMES = [f"{first}{second}" for first in ("Anna", "Berta", "Cleo") for second in "abcdefghijklmnopqrst"]
TEXT = "Ti\u1ebfng Vi\u1ec7t \u1edf c\u00f4 \u1ea5y, " * 3 + "\n"
TEXT *= 25


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("names.txt").write_text("\n".join(NAMES) + "\n")
    Path("text.txt").write_text(unicodedata.normalize("NFD", TEXT))
    return tmp_path


def settings_of(charlstm, run):
    return json.loads(charlstm("info", run, "--json")[1])["training"]["settings"]


def test_a_list_is_divided_by_lines_also_when_it_is_resumed(charlstm, folder):
    code, _, err = charlstm("train", "names.txt", *SMALL)
    assert code == 0, err
    assert "a list of 60 short lines; one line in 10, drawn at random, for validation" in err
    assert settings_of(charlstm, "names")["validation_split"] == "lines"
    model = load_model(folder / "runs" / "names" / "model.safetensors")
    dataset = split_for_validation(
        model.vocabulary.encode("\n".join(NAMES) + "\n"),
        validation=0.1,
        sequence_length=64,
        validation_split="lines",
        vocabulary=model.vocabulary,
    )
    drawn = set(model.vocabulary.decode(dataset.validation).split())
    assert len(drawn) == 6
    assert model.training["text_characters"] == len(dataset)
    assert drawn.isdisjoint(model.training["openings"])
    code, _, err = charlstm("train", "names.txt", "--resume", "--epochs", 1, "--validation-split", "end")
    assert (code, "--validation-split is end, but runs/names was trained with lines" in err) == (2, True)
    code, _, err = charlstm("resume", "names", "--epochs", 1)
    assert code == 0, err
    assert "one line in 10" in err


def test_a_run_from_before_the_split_and_the_form_resumes_to_the_same_model(charlstm, folder):
    assert charlstm("train", "text.txt", *SMALL, "--output", "new")[0] == 0
    shutil.copytree("new", "old")
    old = RunFolder(folder / "old")
    checkpoint, _ = load_checkpoint(old)
    metadata = checkpoint.metadata
    del metadata["training"]["validation_split"], metadata["vocabulary"]["normalize"], metadata["text"]["keeps_rare"]
    save_checkpoint(old, replace(checkpoint, metadata=metadata))
    for run in ("new", "old"):
        code, _, err = charlstm("resume", run, "--epochs", 1)
        assert code == 0, err
        assert "the last 10% for validation" in err
    assert old.model.read_bytes() == RunFolder(folder / "new").model.read_bytes()


def test_form_and_precision_come_from_the_model_to_start_from(charlstm, folder):
    code, _, err = charlstm("train", "text.txt", *SMALL, "--normalize", "none", "--precision", "float32")
    assert code == 0, err
    path = folder / "runs" / "text" / "model.safetensors"
    model = load_model(path)
    assert (model.vocabulary.normalize, "\u0301" in model.vocabulary.characters) == ("none", True)
    bits = [
        json.loads(charlstm("evaluate", "text", file, "--part", "all", "--json")[1])["characters"]
        for file in ("text.txt",)
    ]
    assert bits == [len(unicodedata.normalize("NFD", TEXT)) - 1]
    bfloat16 = model.training["settings"] | {"precision": "bfloat16"}
    save_model(path, replace(model, training=model.training | {"settings": bfloat16}))
    Path("composed.txt").write_text(TEXT)
    start = ("train", "composed.txt", "--from", "text", "--unknown", "error", "--epochs", 0.5)
    assert charlstm(*start)[0] == 0
    info = json.loads(charlstm("info", "composed", "--json")[1])
    assert (info["vocabulary"]["normalize"], info["precision"]) == ("none", "bfloat16")
    assert "trained in bfloat16" in charlstm("info", "composed")[1]
    code, _, err = charlstm(*start, "--normalize", "nfc", "--overwrite")
    assert (code, "--normalize is nfc, but text reads texts in the form none" in err) == (2, True)
    code, _, err = charlstm(*start, "--precision", "float32", "--overwrite")
    assert code == 0, err
    assert settings_of(charlstm, "composed")["precision"] == "float32"


def test_figures_count_the_characters_that_are_learned(charlstm, folder):
    """Of the 60 names that are read, a third begins with C, which the model replaces, and has an e it leaves out."""
    Path("base.txt").write_text("Anna Btrc\n" * 120 + "abcdfghijklmnopqrst\n" * 10)
    assert charlstm("train", "base.txt", *SMALL, "--quiet")[0] == 0
    text = "\n".join(NAMES) + "\n"
    code, _, err = charlstm("train", "names.txt", "--from", "base", "--unknown", "nearest", "--epochs", 0.5)
    assert code == 0, err
    learned = text.replace("e", "").replace("C", "c")
    assert f"names: {len(learned):,} characters, {len(set(learned))} different" in err
    assert json.loads(charlstm("info", "names", "--json")[1])["training"]["text_characters"] == len(learned)


def test_an_end_unlike_the_rest_is_said(charlstm, folder):
    lines = [f"the cat number {number} sat on the mat and looked at the dog\n" for number in range(200)]
    Path("mixed.txt").write_text("".join(lines) + "\u0416\u0434\u0443" * 200)
    code, _, err = charlstm("train", "mixed.txt", *SMALL, "--quiet")
    assert code == 0, err
    assert err.startswith("warning: the last 10% of the text")
    assert "3 of its characters" in err
    assert "try --validation-split blocks" in err
    code, _, err = charlstm("train", "mixed.txt", *SMALL, "--validation-split", "blocks", "--overwrite")
    assert code == 0, err
    assert "not like the rest" not in err
    assert "blocks of about 500 characters, drawn at random, for validation" in err
