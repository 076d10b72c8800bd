import itertools
import json
import math

import numpy as np
import pytest

from charlstm.analysis.evaluation import (
    CharacterLosses,
    Scores,
    chunk_length,
    encode_corpus,
    losses_of,
    num_chunks,
    score_text,
)
from charlstm.analysis.evaluation_streams import evaluation_streams, window_streams
from charlstm.errors import CorpusError, VocabularyError
from charlstm.generation.stepper import Stepper
from charlstm.text.corpus import load_corpus


def test_scores_of_a_known_distribution():
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]]))
    scores = losses_of(logits, np.array([0, 1])).scores
    assert scores.nats_per_character == pytest.approx((math.log(2) + math.log(5)) / 2)
    assert scores.bits_per_character == pytest.approx((1 + math.log2(5)) / 2)
    assert scores.perplexity == pytest.approx(math.sqrt(10))
    assert scores.accuracy == 0.5
    assert scores.to_json()["characters"] == 2


def test_state_is_carried_from_the_first_character_to_the_last(model):
    ids = np.random.default_rng(0).integers(0, len(model.vocabulary), 2500)
    stepper = Stepper(model)
    chunks = list(score_text(stepper.read, stepper.initial_states(), ids))
    scores = CharacterLosses.join(chunks).scores
    states, expected = stepper.initial_states(), Scores()
    for current, following in itertools.pairwise(ids):
        logits, states = stepper.step(np.array([current]), states)
        expected += losses_of(logits, np.array([following])).scores
    assert scores.characters == 2499
    assert scores.nats == pytest.approx(expected.nats, rel=1e-6)
    assert scores.correct == expected.correct
    assert len(chunks) == num_chunks(ids)


@pytest.mark.parametrize(
    ("policy", "text", "num_skipped", "num_replaced"), [("skip", "ome rds", 3, 0), ("nearest", "some wrds", 1, 2)]
)
def test_unknown_characters_are_counted(model, tmp_path, policy, text, num_skipped, num_replaced):
    (tmp_path / "text").write_text("Some W\u6f22rds")
    corpus = load_corpus([tmp_path / "text"])
    encoded = encode_corpus(corpus, model.vocabulary, unknown=policy)
    assert model.vocabulary.decode(encoded.ids) == text
    assert (encoded.num_skipped, encoded.num_replaced) == (num_skipped, num_replaced)
    assert encoded.unknown_to_json() == {"left_out": num_skipped, "changed": num_replaced}
    with pytest.raises(VocabularyError):
        encode_corpus(corpus, model.vocabulary, unknown="error")


@pytest.mark.parametrize(
    ("text", "message"), [("a", "only one character(?m:$)"), ("XY", "no character that the model")]
)
def test_text_of_less_than_two_known_characters_is_refused(model, tmp_path, text, message):
    (tmp_path / "text").write_text(text)
    with pytest.raises(CorpusError, match=message):
        encode_corpus(load_corpus([tmp_path / "text"]), model.vocabulary, unknown="skip")


@pytest.mark.parametrize("length", [2, 3, 256, 257, 513, 600, 5000, 64 * 256 + 1, 40_000])
def test_streams_score_every_character_once(length):
    ids = np.arange(length)
    streams = evaluation_streams(ids)  # up to 64 streams of 2048 characters
    scored = streams.scored.astype(bool)
    assert sorted(streams.targets[scored]) == list(range(1, length))
    assert (streams.inputs[scored] + 1 == streams.targets[scored]).all()
    assert (streams.warmup[1:, -1] + 1 == streams.inputs[1:, 0]).all()
    assert (np.diff(streams.warmup[1:]) == 1).all()


def test_streams_score_a_part_of_every_region_of_a_long_text():
    streams = evaluation_streams(np.arange(1_000_000))
    assert streams.targets.shape == (64, 2048)
    assert streams.scored.all()
    assert len(np.unique(streams.targets)) == 64 * 2048
    assert streams.targets[-1, 0] > 980_000


@pytest.mark.parametrize(("length", "window", "num_windows"), [(2, 50, 1), (60, 50, 10), (100_000, 50, 2048)])
def test_windows_predict_the_character_after_them(length, window, num_windows):
    streams = window_streams(np.arange(length), window)
    rows = np.concatenate([streams.warmup, streams.inputs, streams.targets], axis=1)
    assert rows.shape == (num_windows, min(window, length - 1) + 1)
    assert (np.diff(rows) == 1).all()
    assert streams.scored.all()
    assert streams.num_cold_rows == 0


def test_a_large_vocabulary_is_scored_in_smaller_chunks():
    assert [chunk_length(size) for size in (60, 8192, 65_536)] == [1024, 1024, 128]


def test_figures_are_json_even_where_the_perplexity_overflows():
    figures = Scores(1e6, 0.0, 9).to_json()
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
