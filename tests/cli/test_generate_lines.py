"""`charlstm generate --new` and `--unique`: lines that are left out."""

import json
from pathlib import Path

import pytest


@pytest.fixture
def list_run(trained, model):
    """Return a run whose model was trained on a list of short lines, which is gone."""
    from dataclasses import replace

    from charlstm.storage.model_file import save_model
    from charlstm.text.known_lines import KnownLines

    known = KnownLines.from_chunks([f"{letter}\n" for letter in "abcdefghijklmnopqrstuvwxyz"])
    metadata = {"openings": ["ab\ncd\n", "ef\n"], "line_checksums": known.to_base64()}
    save_model(trained / "model.safetensors", replace(model, training=metadata))
    Path("text.txt").unlink()
    return trained


LINES = ["--lines", 1, "--length", 6, "--random-seed", 3, "--num-samples", 30, "--separator", "|", "--temperature", 1.5]


def test_lines_of_a_list_are_new_by_default(charlstm, list_run):
    code, out, err = charlstm("generate", *LINES)
    assert code == 0
    assert "--no-new keeps them" in err
    assert all(len(line.strip()) > 1 for line in out.split("|"))
    code, out, err = charlstm("generate", list_run, *LINES, "--no-new", "--no-unique", "--num-samples", 100)
    assert (code, err) == (0, "")
    assert any(len(line.strip()) == 1 for line in out.split("|"))


def test_new_and_unique_texts_in_every_format(charlstm, list_run):
    options = [*LINES, "--new", "--unique"]
    code, out, _ = charlstm("generate", *options, "--format", "jsonl")
    texts = [json.loads(line)["text"] for line in out.splitlines()]
    assert code == 0
    assert len({text.strip() for text in texts}) == 30
    assert all(len(text.strip()) > 1 for text in texts)
    values = json.loads(charlstm("generate", *options, "--format", "json")[1])
    assert [value["text"] for value in values] == texts
    assert all(value["new"] and value["unique"] for value in values)
    charlstm("generate", *options, "--output-dir", "folder")
    assert [file.read_text() for file in sorted(Path("folder").iterdir())] == texts
    charlstm("generate", *options, "-o", "out.txt")
    assert Path("out.txt").read_text() == "|".join(texts)
    requests = [{"random_seed": 3 + number} for number in range(30)]
    Path("requests.jsonl").write_text("\n".join(map(json.dumps, requests)))
    options = [*LINES[:4], *LINES[-2:], "--new", "--unique", "--batch", "requests.jsonl", "--format", "jsonl"]
    batch = [json.loads(line)["text"].strip() for line in charlstm("generate", *options)[1].splitlines()]
    assert len(set(batch)) == 30
    assert min(map(len, batch)) > 1


def test_when_no_more_can_be_found_what_there_is_is_written(charlstm, run):
    options = ["--length", 1, "--unique", "--seed", "", "--num-samples", 40, "--format", "json", "-o", "out.json"]
    code, out, err = charlstm("generate", *options)
    assert (code, out) == (1, "")
    found = {value["text"] for value in json.loads(Path("out.json").read_text())}
    assert 20 < len(found) <= 26
    assert f"error: {len(found)} of 40 texts were generated: with 100 random seeds" in err
    assert "--new or --unique" in err


def test_new_lines_of_any_text_are_compared_with_the_text_read_again(charlstm, trained):
    code, out, err = charlstm("generate", *LINES, "--new")
    assert code == 0
    assert "reading the training text" in err
    Path("text.txt").write_text("another")
    code, out, err = charlstm("generate", *LINES, "--new")
    assert (code, out) == (1, "")
    assert "has changed since the model was trained on it" in err


def test_checksums_of_lines_are_not_shown(charlstm, list_run):
    training = json.loads(charlstm("info", "--json")[1])["training"]
    assert "openings" in training
    assert "line_checksums" not in training


def test_several_texts_of_a_list_are_new_lines_none_of_them_twice(charlstm, list_run):
    code, out, err = charlstm("generate", "-n", 40, "--random-seed", 3, "--temperature", 1.5)
    assert (code, out.count("\n")) == (0, 40)
    lines = [line.strip() for line in out.splitlines()]
    assert len(set(lines)) == 40
    assert min(map(len, lines)) > 1
    assert "--no-unique keeps them" in err
    assert charlstm("generate", "-n", 3, "--length", 5)[1].count("---") == 2  # the length is exact


def test_without_a_length_a_text_ends_with_a_line(charlstm, list_run):
    out = charlstm("generate", "--random-seed", 3, "--temperature", 1.5, "--no-new", "--no-unique")[1]
    assert 499 <= len(out) < 700
    assert len(charlstm("generate", "--random-seed", 3, "--no-new", "--no-unique", "--length", 500)[1]) == 500


def test_a_text_that_runs_out_of_new_lines_is_an_error_only_if_they_were_asked_for(charlstm, list_run, monkeypatch):
    monkeypatch.setattr("charlstm.generation.jobs._is_refused", lambda sample: True)  # once it has begun
    options = [list_run, "--seed", "ab", "--length", 30, "--random-seed", 1]
    code, out, err = charlstm("generate", *options)
    assert (code, out[:2]) == (0, "ab")
    assert "warning: the text ends here: the model writes hardly any further line that is new" in err
    code, out, err = charlstm("generate", *options, "--unique")
    assert code == 1
    assert "error: 0 of 1 texts were generated" in err
