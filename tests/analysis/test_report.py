"""Every figure of an evaluation against a plain computation of it."""

import json
import math

import numpy as np
import pytest

from charlstm.analysis.bootstrap import mean_interval
from charlstm.analysis.evaluation import CharacterLosses, Scores
from charlstm.analysis.report import EvaluationReport, evaluate_ids
from charlstm.analysis.scoring import cold_windows, score_side_by_side, scoring_stepper
from charlstm.storage.model_file import load_model, save_model
from tests.analysis.plain_network import plain_logits, plain_losses
from tests.conftest import random_model

TEXT = "The quick brown fox,\njumps over 12 lazy dogs\u2026\n\n  \u00c9t\u00e9 \u20ac5 \u6f22!\tend\n" * 11
KINDS = {
    "letters": "hequickbrownfxjmpsvlazydgt\u00e9\u6f22",
    "capitals": "T\u00c9",
    "digits": "125",
    "blanks": " \t",
    "newlines": "\n",
    "punctuation": ",!\u2026",
    "other": "\u20ac",
}


@pytest.fixture(scope="module")
def text_model():
    return random_model(characters=TEXT)


@pytest.fixture(scope="module")
def report(text_model):
    return evaluate_ids(text_model, text_model.vocabulary.encode(TEXT))


@pytest.fixture(scope="module")
def expected(text_model):
    return plain_losses(text_model, text_model.vocabulary.encode(TEXT))


def close(value):
    return pytest.approx(value, abs=1e-4)


def test_the_state_is_carried_through_the_text(report, expected):
    np.testing.assert_allclose(report.losses.nats, expected, atol=1e-4)
    assert report.scores.nats_per_character == close(expected.mean())


@pytest.mark.parametrize(
    "settings", [{"num_layers": 1}, {"num_layers": 3}, {"num_layers": 3, "residual": False}, {"cell": "gru"}]
)
def test_losses_of_other_networks(settings):
    model = random_model(characters=TEXT, **settings)
    ids = model.vocabulary.encode(TEXT)
    np.testing.assert_allclose(evaluate_ids(model, ids).losses.nats, plain_losses(model, ids), atol=1e-4)


@pytest.mark.parametrize("weight_format", ["float16", "int8"])
def test_weights_in_fewer_bits_are_those_of_the_file(text_model, tmp_path, weight_format):
    save_model(tmp_path / "model.safetensors", text_model, weight_format=weight_format)
    model, ids = load_model(tmp_path / "model.safetensors"), text_model.vocabulary.encode(TEXT)
    losses = evaluate_ids(model, ids).losses.nats
    np.testing.assert_allclose(losses, plain_losses(model, ids), atol=1e-4)
    assert abs(losses - plain_losses(text_model, ids)).max() > 1e-4


def test_accuracy_is_the_share_of_most_probable_characters(report, text_model):
    ids = text_model.vocabulary.encode(TEXT)
    is_right = plain_logits(text_model, ids).argmax(axis=1) == ids[1:]
    assert 0 < is_right.sum() < len(is_right)
    np.testing.assert_array_equal(report.losses.correct, is_right)
    assert report.scores.accuracy == pytest.approx(is_right.mean())
    for kind, characters in KINDS.items():
        chosen = [character in characters for character in TEXT[1:]]
        assert report.by_kind[kind].accuracy == pytest.approx(is_right[chosen].mean())
    bounds = [round(len(is_right) * index / 10) for index in range(11)]
    for index, scores in enumerate(report.by_position):
        assert scores.accuracy == pytest.approx(is_right[bounds[index] : bounds[index + 1]].mean())


def test_the_interval_is_that_of_the_losses(report, expected):
    interval = mean_interval(expected)
    assert (report.interval.low, report.interval.high) == (close(interval.low), close(interval.high))


def test_each_cold_window_begins_from_a_zero_state(report, text_model):
    ids = text_model.vocabulary.encode(TEXT)
    assert len(ids) > 600
    losses = [plain_losses(text_model, ids[start : start + 257]) for start in range(0, len(ids) - 1, 256)]
    assert [len(one) for one in losses] == [256] * (len(losses) - 1) + [(len(ids) - 1) % 256]
    assert report.cold.nats_per_character == close(np.concatenate(losses).mean())
    assert report.cold.characters == len(ids) - 1
    assert report.cold.nats_per_character != close(report.scores.nats_per_character)


def test_a_short_text_is_one_cold_window(text_model):
    report = evaluate_ids(text_model, text_model.vocabulary.encode(TEXT[:257]))
    assert report.cold == report.scores


def test_kinds_of_characters(report, expected):
    found = report.by_kind
    assert sum(scores.characters for scores in found.values()) == len(TEXT) - 1
    for kind, characters in KINDS.items():
        losses = [loss for loss, character in zip(expected, TEXT[1:], strict=True) if character in characters]
        assert (found[kind].characters, found[kind].nats_per_character) == (len(losses), close(np.mean(losses)))


def test_tenths(report, expected):
    found = [scores.nats_per_character for scores in report.by_position]
    bounds = [round(len(expected) * index / 10) for index in range(11)]
    for index, nats in enumerate(found):
        assert nats == close(expected[bounds[index] : bounds[index + 1]].mean())
    assert len(found) == 10


def test_lines(report, expected):
    lines = report.by_line
    assert [line.text for line in lines] == TEXT.split("\n")[:-1]
    assert sum(line.bits for line in lines) == close(expected.sum() / math.log(2))
    second = len("The quick brown fox,\n")
    length = len("jumps over 12 lazy dogs\u2026\n")
    nats = expected[second - 1 : second - 1 + length]  # the line end is one of its characters
    assert (lines[1].number, lines[1].scores.characters) == (2, length)
    assert lines[1].bits == close(nats.sum() / math.log(2))
    assert lines[0].scores.characters == second - 1


def test_a_line_of_which_nothing_was_scored_is_left_out(model):
    assert [line.number for line in evaluate_ids(model, model.vocabulary.encode("\nab")).by_line] == [2]


def test_bytes_and_words(report, expected):
    num_bytes, num_words = len(TEXT[1:].encode()), len(TEXT.split())
    assert (report.num_bytes, report.num_words) == (num_bytes, num_words)
    assert report.bits_per_byte == close(expected.sum() / math.log(2) / num_bytes)
    assert math.log(report.word_perplexity) == close(expected.sum() / num_words)


def test_a_text_without_words_has_no_word_perplexity(model):
    assert evaluate_ids(model, model.vocabulary.encode(" \n ")).word_perplexity is None


def test_figures_are_json_even_where_perplexities_overflow(model):
    ids = model.vocabulary.encode("ab")
    losses = CharacterLosses(np.array([1e6]), np.array([False]))
    figures = EvaluationReport(model.vocabulary, ids, losses, Scores(1e6, 0.0, 1)).to_json()
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


@pytest.mark.parametrize("settings", [{}, {"attention": 3}, {"cell": "gru"}, {"cell": "feedforward", "window": 4}])
@pytest.mark.parametrize("length", [3, 600])
def test_texts_side_by_side_are_scored_as_alone(settings, length):
    """600 characters are read by compiled code, where there is any for the network."""
    model, rng = random_model(**settings), np.random.default_rng(0)
    texts = [rng.integers(0, len(model.vocabulary), rng.integers(0, length)) for _ in range(70)]
    texts[:4] = [texts[0][:0], texts[0][:1], rng.integers(0, 9, 2), rng.integers(0, 9, 1100)]
    together = score_side_by_side(scoring_stepper(model, sum(map(len, texts))), texts)
    for text, losses in zip(texts, together, strict=True):
        (alone,) = score_side_by_side(scoring_stepper(model, 1), [text])
        assert len(losses) == len(alone) == max(0, len(text) - 1)
        np.testing.assert_allclose(losses.nats, alone.nats, atol=1e-4)


def test_windows_cover_the_text_once():
    for length in (2, 256, 257, 258, 1000):
        windows = cold_windows(np.arange(length))
        assert np.concatenate([window[1:] for window in windows]).tolist() == list(range(1, length))
        assert all(len(window) <= 257 for window in windows)
