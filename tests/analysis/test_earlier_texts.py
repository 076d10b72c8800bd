"""What the models that a model started from had learned of a text."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from charlstm.analysis.earlier_texts import find_earlier_text
from charlstm.storage.model_file import load_model, save_model
from charlstm.text.corpus import load_corpus

LINE = "the quick brown fox jumps over the lazy dog\n"
OTHER = "pack my box with five dozen liquor jugs and more of them\n"


@pytest.fixture
def later(trained, model):
    """A run that was started from `trained`, on another text."""
    folder = trained.parent / "later"
    folder.mkdir()
    Path("later.txt").write_text(OTHER * 40)
    digest = load_corpus(["later.txt"]).digest
    origin = {"started": "2026-01-01T00:00:00+00:00", "start_from": str((trained / "model.safetensors").absolute())}
    (folder / "config.json").write_text(json.dumps({"text": {"sha256": digest}, "origin": origin}))
    config = json.loads((trained / "config.json").read_text())
    config["text"]["sha256"] = load_model(trained / "model.safetensors").training["text_sha256"]
    (trained / "config.json").write_text(json.dumps(config))
    save_model(folder / "model.safetensors", replace(model, training={"text_sha256": digest}))
    return folder


def found(run, text):
    model = load_model(run / "model.safetensors")
    return find_earlier_text(run / "model.safetensors", model, model.vocabulary, model.vocabulary.encode(text))


def test_passages_that_the_earlier_model_had_learned_are_found(later, trained):
    earlier = found(later, OTHER * 10 + LINE * 10)
    assert earlier.model == trained.absolute() / "model.safetensors"
    assert 0.35 < earlier.share < 0.5
    assert earlier.is_worth_a_warning
    assert "% of hamlet stands in the text of tiny, which the model started from" in earlier.describe("hamlet")
    assert not found(later, OTHER * 10).is_worth_a_warning


def test_the_models_before_that_are_asked_as_well(later, trained, model):
    last = trained.parent / "last"
    last.mkdir()
    origin = {"started": "2026-01-02T00:00:00+00:00", "start_from": str((later / "model.safetensors").absolute())}
    (last / "config.json").write_text(json.dumps({"text": {"sha256": "0" * 64}, "origin": origin}))
    save_model(last / "model.safetensors", replace(model, training={"text_sha256": "0" * 64}))
    assert found(last, LINE * 10).share == 1


def test_a_model_that_started_from_itself_ends_the_search(trained, model):
    config = json.loads((trained / "config.json").read_text())
    digest = load_model(trained / "model.safetensors").training["text_sha256"]
    config["text"]["sha256"] = digest
    config["origin"] = {"started": "x", "start_from": str(trained / "model.safetensors")}
    (trained / "config.json").write_text(json.dumps(config))
    assert found(trained, LINE * 10) is None


def test_nothing_is_known_of_a_model_that_has_gone(later, trained):
    (trained / "model.safetensors").unlink()
    assert found(later, LINE * 10) is None


def test_nothing_is_known_of_a_model_that_stands_alone(run):
    assert found(run, LINE) is None


def test_evaluate_warns(charlstm, later):
    Path("text2.txt").write_text(LINE * 10)
    code, out, err = charlstm("evaluate", "later", "text2.txt", "--json")
    assert code == 0
    assert json.loads(out)["shared_with_earlier"] == 1
    assert "warning: 100% of text2 stands in the text of tiny, which the model started from" in err
