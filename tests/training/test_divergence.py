"""When the loss of a run has diverged."""

import math

from charlstm.training.divergence import record_loss
from charlstm.training.history import History

UNIFORM = math.log(50)


def record(history, nats):
    return record_loss(history, nats, 0.1, 1.0, uniform_nats=UNIFORM)


def test_a_single_high_loss_is_no_divergence_and_a_lasting_one_is():
    history = History()
    assert all(record(history, nats) for nats in (4.0, 3.0, 20.0, 3.0))
    recorded = [record(history, 20.0) for _ in range(9)]
    assert recorded[0]
    assert not recorded[-1]


def test_a_loss_that_is_no_number_has_diverged_at_once_and_is_not_averaged():
    history = History()
    assert record(history, 4.0)
    assert not record(history, math.nan)
    assert (history.step, history.interval.steps, history.interval.mean_nats) == (2, 1, 4.0)


def test_a_first_loss_that_is_no_number_leaves_a_number_to_compare_with():
    history = History()
    assert not record(history, math.inf)
    assert history.first_nats == UNIFORM
