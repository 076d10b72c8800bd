"""Models that learn from a text while they read it: `evaluate --adapt`, `generate --adapt FILE`, `write --adapt`."""

import json
from pathlib import Path

import pytest

from charlstm.cli.adapting import learning_text
from charlstm.config import AdaptationConfig, SamplingConfig
from charlstm.errors import SettingError
from charlstm.generation.load import load_models, make_language_model
from charlstm.generation.session import Session

pytestmark = pytest.mark.tensorflow

TEXT = "the cat sat on the mat\n" * 40


@pytest.fixture
def text(run):
    Path("text.txt").write_text(TEXT)
    return "text.txt"


def test_evaluate_shows_the_adapted_figures_beside_the_static_ones(charlstm, run, text):
    before = (run / "model.safetensors").read_bytes()
    _, plain, _ = charlstm("evaluate", "tiny", text)
    code, out, err = charlstm("evaluate", "tiny", text, "--adapt", "--adapt-rate", 0.01)
    assert code == 0, err
    rows = out.splitlines()
    [first] = [index for index, row in enumerate(rows) if row.startswith("adapted")]
    adapted, settings = rows[first : first + 2]
    assert [*rows[:first], *rows[first + 2 :]] == plain.splitlines()
    assert "nats, " in adapted
    assert settings.endswith("every 50 characters, rate 0.01, decay 0.001")
    _, out, _ = charlstm("evaluate", "tiny", text, "--adapt", "--adapt-rate", 0.01, "--json")
    figures = json.loads(out)
    assert f"{figures['adapted']['nats_per_character']:.4f} nats" in adapted
    assert figures["adapted"]["nats_per_character"] < 0.8 * figures["nats_per_character"]
    assert figures["adapted"]["characters"] == figures["characters"] == len(TEXT) - 1
    assert figures["adapted"]["settings"] == {"adapt_rate": 0.01, "adapt_decay": 0.001, "adapt_length": 50}
    assert (run / "model.safetensors").read_bytes() == before


def generate(charlstm, *options):
    code, out, err = charlstm("generate", "tiny", "--length", 60, "--random-seed", 1, "--format", "jsonl", *options)
    assert code == 0, err
    return json.loads(out), err


def test_generate_writes_like_the_text_that_it_has_learned(charlstm, run, text):
    before = (run / "model.safetensors").read_bytes()
    plain, _ = generate(charlstm, "--seed", "the ")
    learned, err = generate(charlstm, "--seed", "the ", "--adapt", text, "--adapt-rate", 0.03)
    assert f"read and learned {len(TEXT) - 1} characters of text.txt, predicted at" in err
    assert (plain["seed"], learned["seed"]) == ("the ", "the ")
    assert "adapted" not in plain
    settings = {"adapt_rate": 0.03, "adapt_decay": 0.001, "adapt_length": 50}
    assert learned["adapted"] == {"text": text, "settings": settings}
    assert not any(word in plain["text"] for word in ("cat", "sat", "mat"))
    assert any(word in learned["text"] for word in ("cat", "sat", "mat"))
    assert generate(charlstm, "--seed", "the ", "--adapt", text, "--adapt-rate", 0.03)[0] == learned
    assert (run / "model.safetensors").read_bytes() == before


def test_without_a_prompt_the_text_goes_on(charlstm, run, text):
    one, _ = generate(charlstm, "--adapt", text, "--adapt-rate", 0)
    other, _ = generate(charlstm, "--seed", TEXT)
    assert (one["seed"], one["text"]) == ("", other["text"])


def test_each_of_several_models_learns_the_text(charlstm, run, text):
    code, _, err = charlstm("generate", "--model", "tiny", "--model", "tiny:2", "--adapt", text, "--length", 5)
    assert code == 0
    assert err.count("read and learned") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("evaluate", "tiny", "text.txt", "--adapt-rate", "0.1"), "--adapt-rate has no effect without --adapt"),
        (("evaluate", "tiny", "text.txt", "--adapt", "--adapt-length", "0"), "--adapt-length is 0"),
        (("generate", "tiny", "--adapt-length", "9"), "--adapt-length has no effect without --adapt"),
        (("generate", "tiny", "--adapt", "nowhere.txt"), "nowhere.txt"),
        (("generate", "tiny", "--adapt", "-", "--seed-file", "-"), "two options read standard input"),
        (("write", "tiny", "--adapt-rate", "0.1"), "--adapt-rate has no effect without --adapt"),
    ],
)
def test_wrong_use_is_explained(charlstm, run, text, arguments, message):
    code, out, err = charlstm(*arguments)
    assert code in (1, 2)
    assert not out
    assert message in err
    assert "hint: " in err


def test_the_editor_starts_with_a_model_that_has_learned_the_file_and_goes_on_learning(run):
    models = load_models("tiny")
    with learning_text(models, TEXT, AdaptationConfig(adapt_rate=0.01), unknown="nearest") as learn:
        session = Session(make_language_model(models), SamplingConfig(), learn=learn)
        scores = [sum(session.scores(TEXT, "the cat sat on the mat"))]
        for text in (TEXT, TEXT + TEXT):
            next(session.continue_from(text))
            scores.append(sum(session.scores(TEXT, "the cat sat on the mat")))
    assert scores[0] < scores[1] < scores[2]
    with learning_text(models, TEXT, None, unknown="nearest") as learn:
        assert learn is None
    with (
        pytest.raises(SettingError, match="`adapt` is for one network"),
        learning_text(models * 2, TEXT, AdaptationConfig(), unknown="nearest"),
    ):
        pass
