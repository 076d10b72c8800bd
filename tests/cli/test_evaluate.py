"""`charlstm evaluate` on text that the model was trained on."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

NEWEST = "the newest run: runs/tiny\n"
LINE = "the quick brown fox jumps over the lazy dog\n"


def evaluate(charlstm, *arguments):
    code, out, err = charlstm("evaluate", *arguments, "--json")
    assert code == 0, err
    return json.loads(out), err


def test_of_the_training_text_the_validation_part_is_scored(charlstm, trained):
    figures, err = evaluate(charlstm, "text.txt")
    Path("end.txt").write_text((LINE * 40)[-176:])
    assert figures["part"] == "validation"
    assert figures["is_training_text"]
    assert figures["characters"] == 175
    assert "scoring its validation part, 176 characters" in err
    assert "--part all" in err
    end, _ = evaluate(charlstm, "end.txt")
    assert end["nats_per_character"] == figures["nats_per_character"]


@pytest.mark.parametrize(("part", "characters"), [("train", 1583), ("all", 1759), ("validation", 175)])
def test_parts_of_the_training_text(charlstm, trained, part, characters):
    figures, err = evaluate(charlstm, "text.txt", "--part", part)
    assert (figures["part"], figures["characters"]) == (part, characters)
    assert ("it predicts new text less well" in err) == (part != "validation")


def test_the_text_is_known_by_its_content_also_without_its_run(charlstm, trained):
    (trained / "config.json").unlink()
    Path("text.txt").rename("copy.txt")
    assert evaluate(charlstm, "copy.txt")[0]["part"] == "validation"


@pytest.mark.parametrize("hostile", ["nested", "pipe"])
def test_the_config_of_a_stranger_does_no_harm(charlstm, trained, hostile):
    config = trained / "config.json"
    config.unlink()
    if hostile == "pipe":
        os.mkfifo(config)
    else:
        config.write_text("[" * 200_000)
    Path("other.txt").write_text(LINE * 3)
    assert evaluate(charlstm, "other.txt")[0]["shared_with_training"] is None


def test_the_file_of_the_run_is_read_as_the_run_read_it(charlstm, trained):
    config = json.loads((trained / "config.json").read_text())
    config["text"]["reading"] = {"lowercase": True}
    (trained / "config.json").write_text(json.dumps(config))
    Path("text.txt").write_text(LINE.title() * 40)  # another text, unless it is read in lower case
    assert evaluate(charlstm, "text.txt")[0]["characters"] == 175
    Path("text.txt").write_text(LINE * 39)
    figures, err = evaluate(charlstm, "text.txt")
    assert figures["part"] == "all"
    assert "text has changed since the model was trained on it" in err


def test_passages_of_the_training_text_in_another_one_are_named(charlstm, trained, model):
    (Path("other.txt")).write_text("pack my box with five dozen liquor jugs and more of them\n" * 10 + LINE * 10)
    figures, err = evaluate(charlstm, "other.txt")
    assert not figures["is_training_text"]
    assert 0.35 < figures["shared_with_training"] < 0.5
    assert "% of other stands in the text that the model was trained on" in err
    Path("new.txt").write_text("pack my box with five dozen liquor jugs and more of them\n" * 10)
    figures, err = evaluate(charlstm, "new.txt")
    assert (figures["shared_with_training"], err) == (0, NEWEST)
    Path("text.txt").unlink()  # nothing to compare with
    figures, err = evaluate(charlstm, "other.txt")
    assert (figures["shared_with_training"], err) == (None, NEWEST)


def test_of_a_list_known_lines_are_counted(charlstm, trained, model):
    from charlstm.storage.model_file import save_model
    from charlstm.text.known_lines import KnownLines

    known = KnownLines.from_chunks(["ann\nbea\ncid\n"])
    save_model(trained / "model.safetensors", replace(model, training={"line_checksums": known.to_base64()}))
    Path("names.txt").write_text("bea\ndon\neve\ncid\n")
    figures, err = evaluate(charlstm, "names.txt")
    assert figures["shared_with_training"] == 0.5
    assert "50% of names" in err


def test_a_part_of_another_text_is_refused(charlstm, trained):
    Path("other.txt").write_text("something else")
    code, out, err = charlstm("evaluate", "other.txt", "--part", "validation")
    assert (code, out) == (2, "")
    assert "--part is validation, but other is not the text that the model was trained on" in err
    assert "--part is 'half'" in charlstm("evaluate", "other.txt", "--part", "half")[2]


def test_a_part_of_a_run_needs_no_text(charlstm, trained):
    for arguments in (["tiny"], ["runs/tiny"], ["runs/tiny/model.safetensors"], []):
        assert evaluate(charlstm, *arguments, "--part", "validation")[0]["characters"] == 175
    code, _, err = charlstm("evaluate", "tiny", "--part", "test")
    assert (code, "tiny has no test part" in err) == (2, True)
    code, _, err = charlstm("evaluate", "tiny", "--part", "train", "--encoding", "latin-1")
    assert (code, err.startswith("error: --encoding has no effect")) == (2, True)
