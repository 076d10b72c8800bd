import itertools
import math

import numpy as np
import pytest

from charlstm.analysis.evaluation import Scores, evaluation_streams, score_logits, score_text
from charlstm.generation.stepper import Stepper


def test_scores_of_a_known_distribution():
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]]))
    scores = score_logits(logits, np.array([0, 1]))
    assert scores.nats_per_character == pytest.approx((math.log(2) + math.log(5)) / 2)
    assert scores.bits_per_character == pytest.approx((1 + math.log2(5)) / 2)
    assert scores.perplexity == pytest.approx(math.sqrt(10))
    assert scores.accuracy == 0.5
    assert scores.to_json()["characters"] == 2


def test_the_state_is_carried_from_the_first_character_to_the_last(model):
    ids = np.random.default_rng(0).integers(0, len(model.vocabulary), 2500)
    stepper = Stepper(model)
    *_, scores = score_text(stepper.read, stepper.initial_states(), ids)
    states, expected = stepper.initial_states(), Scores()
    for here, there in itertools.pairwise(ids):
        logits, states = stepper.step(np.array([here]), states)
        expected += score_logits(logits, np.array([there]))
    assert scores.characters == 2499
    assert scores.nats == pytest.approx(expected.nats, rel=1e-6)
    assert scores.correct == expected.correct


@pytest.mark.parametrize("length", [2, 3, 256, 257, 513, 600, 5000, 64 * 256 + 1, 40_000])
def test_evaluation_streams_score_every_character_once(length):
    ids = np.arange(length)
    streams = evaluation_streams(ids)  # up to 64 streams of 2048 characters
    scored = streams.scored.astype(bool)
    assert sorted(streams.targets[scored]) == list(range(1, length))
    assert (streams.inputs[scored] + 1 == streams.targets[scored]).all()
    assert (streams.warmup[1:, -1] + 1 == streams.inputs[1:, 0]).all()
    assert (np.diff(streams.warmup[1:]) == 1).all()


def test_of_a_long_text_every_part_is_scored_a_little():
    streams = evaluation_streams(np.arange(1_000_000))
    assert streams.targets.shape == (64, 2048)
    assert streams.scored.all()
    assert len(np.unique(streams.targets)) == 64 * 2048
    assert streams.targets[-1, 0] > 980_000
