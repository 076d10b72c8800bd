"""The model card: what it says, and what a text in it cannot do to it."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from charlstm.generation.load import load_models
from charlstm.sharing.card import CardFacts, is_as_written, make_card
from charlstm.sharing.prepare import prepare_upload
from charlstm.storage.model_file import save_model
from tests.conftest import random_model

TRAINING = {
    "text": "macbeth",
    "text_characters": 103_423,
    "text_sha256": "0" * 64,
    "epoch": 12.34,
    "validation": {"nats_per_character": 1.25, "bits_per_character": 1.8034, "accuracy": 0.625},
}


def card_of(training, *, sample="a sample", **changes):
    facts: dict[str, Any] = {
        "license_id": "mit",
        "num_bytes": 2_345_678,
        "bits": 32,
        "seconds": 90.0,
        "start_from": None,
        "sample_options": [],
    }
    facts |= {"repository": "anna/tiny", "sample": sample} | changes
    return make_card(replace(random_model(), training=training), CardFacts(**facts))


def rows(card):
    return dict(re.findall(r"^\| (\S.*?) \| (.*) \|$", card, re.MULTILINE))


def test_the_card_has_the_figures_of_the_run():
    assert rows(card_of(TRAINING)) == {
        "text": "macbeth, 103,423 characters",
        "licence": "mit",
        "loss on validation text": "1.2500 nats (1.8034 bits) per character",
        "next character predicted": "62.5% of validation text",
        "network": "lstm, 2 layers of 8 units",
        "parameters": f"{random_model().num_parameters:,}",
        "vocabulary": "28 characters",
        "training": "12.3 epochs, 1m30s",
        "file": "2.3 MB, weights of 32 bits",
    }


def test_the_card_says_only_what_is_known():
    found = rows(card_of({}, license_id=None, seconds=None))
    assert list(found) == ["network", "parameters", "vocabulary", "file"]


def test_the_front_matter_is_yaml():
    yaml = pytest.importorskip("yaml")
    for license_id, expected in (("no", {"license": "no"}), (None, {})):
        front_matter = card_of(TRAINING, license_id=license_id).split("---\n")[1]
        assert yaml.safe_load(front_matter) == expected | {
            "library_name": "charlstm",
            "pipeline_tag": "text-generation",
            "tags": ["character-level", "lstm"],
        }


def test_the_card_says_what_the_file_holds_of_its_text():
    assert "holds the first words of some lines, " in card_of(TRAINING | {"openings": ["To be"]})
    assert "holds some lines of its text, " in card_of(TRAINING | {"openings": ["anna\n"], "line_checksums": "AAAA"})
    assert "also holds" not in card_of(TRAINING)


def test_a_text_cannot_break_out_of_its_place():
    card = card_of(TRAINING | {"text": "a|b\n# <b>`x`", "about": "---\n[x](y)"}, sample="```\n````\nx\x1b\ud800")
    assert rows(card)["text"] == r"a\|b # \<b\>\`x\`, 103,423 characters"
    assert "\n--- \\[x\\](y)\n" in card
    assert "\n`````text\n```\n````\nx\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}\n`````\n" in card
    card.encode()


def test_an_edited_card_is_recognised():
    card = card_of(TRAINING)
    assert is_as_written(card)
    for edited in (card.replace("macbeth", "hamlet"), card + "More.\n", card.replace("<!--", ""), "", card[:-5]):
        assert not is_as_written(edited)


@pytest.mark.parametrize("kind", ["text", "list"])
def test_the_sample_is_what_the_command_in_the_card_writes(charlstm, run, kind):
    openings = ["anna\n", "bert\n"] if kind == "list" else ["the quick"]
    save_model(run / "model.safetensors", replace(random_model(), training={"openings": openings}))
    upload = prepare_upload(load_models("tiny")[0], "anna/tiny")
    assert upload.content == (run / "model.safetensors").read_bytes()
    match = re.search(r"`charlstm (generate .*)` wrote:\n\n```text\n(.*?)\n```", upload.card, re.DOTALL)
    assert match
    assert match[1].split() == ["generate", "tiny", *(["-n", "12"] if kind == "list" else []), "--random-seed", "1"]
    assert match[2] == charlstm(*match[1].split())[1].rstrip()


def test_the_time_and_the_model_to_start_from_are_those_of_the_run(trained):
    line = {"step": 10, "epoch": 1.0, "seconds": 75.0, "train_nats": 2.0, "validation_nats": 2.1}
    (trained / "history.jsonl").write_text(json.dumps(line) + "\n")
    settings = json.loads((trained / "config.json").read_text())
    training = load_models("tiny")[0].model.training
    settings["text"]["sha256"] = training["text_sha256"]
    start_from = "/home/anna/secret/runs/plays/model.safetensors"
    settings["origin"] = {"started": "2026-11-21T10:00:00+00:00", "command": [], "start_from": start_from}
    (trained / "config.json").write_text(json.dumps(settings))
    card = prepare_upload(load_models("tiny")[0], "anna/tiny").card
    assert "1m15s" in card
    assert rows(card)["learned on top of"] == "the model plays"
    assert "secret" not in card
    (trained / "model.safetensors").rename("alone.safetensors")
    assert "1m15s" not in prepare_upload(load_models("alone.safetensors")[0], "anna/tiny").card


def test_a_file_that_has_been_replaced_is_not_uploaded(run):
    loaded = load_models("tiny")[0]
    save_model(Path(loaded.path), random_model(units=9))
    with pytest.raises(Exception, match="has just been replaced"):
        prepare_upload(loaded, "anna/tiny")
