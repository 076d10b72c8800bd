import json
import math
from dataclasses import replace
from typing import Any

from charlstm.analysis.evaluation import Scores
from charlstm.training.history import Evaluation, History, Interval


def evaluation(nats, *, is_best, step=1):
    return Evaluation(step, 0.1, 1 / 3, 2.5, Scores(nats, 1.0, 1), 1000.0, 1e-3, "samp\u00e9\n", is_best)


ON_DISK: dict[str, Any] = {  # keys as in the checkpoints of every version
    "step": 7,
    "seconds": 1 / 3,
    "stretch": {"steps": 2, "nats": 0.5, "seconds": 1 / 7, "timed_steps": 1},
    "evaluations": [
        {
            "step": 5,
            "epoch": 0.1,
            "seconds": 0.25,
            "train_nats": 2.5,
            "validation": {"nats": 1.1, "correct": 1.0, "characters": 1},
            "characters_per_second": 1000.0,
            "learning_rate": 1e-3,
            "sample": "samp\u00e9\n",
            "is_best": True,
        }
    ],
    "waiting": 3,
    "evaluation_cost": 0.125,
    "rate_scale": 0.5,
    "first_nats": 3.3,
    "recent_nats": 0.1 + 0.2,
    "finished": False,
}


def test_it_goes_through_json_unchanged():
    history = History(step=7, seconds=1 / 3, learning_rate_scale=0.5, first_nats=3.3, recent_nats=0.1 + 0.2)
    history.add(evaluation(1.1, is_best=True))
    history.interval.add(0.1, None, 0.7)
    history.interval.add(0.2, 1 / 7, 0.1)
    assert History.from_json(json.loads(json.dumps(history.to_json()))) == history


def test_a_history_of_an_earlier_version_is_read():
    history = History.from_json(ON_DISK)
    assert history.interval == Interval(steps=2, nats=0.5, seconds=1 / 7, timed_steps=1, gradient_norms=None)
    assert history.evaluations[0].gradient_norm is None
    assert (history.logit_scale, history.evaluations[0].logit_scale) == (1, 1)
    assert (history.network, history.evaluations[0].network) == (1, 1)
    assert history.evaluations_since_best == 3
    assert history.learning_rate_scale == 0.5
    assert history.evaluations[0].validation == Scores(1.1, 1.0, 1)


def test_keys_on_disk_stay_the_same():
    interval = ON_DISK["stretch"] | {"gradient_norms": 0.25}
    evaluation_then = ON_DISK["evaluations"][0] | {"gradient_norm": 0.5, "logit_scale": 0.75, "network": 2}
    network = {"network": 2, "network_step": 3, "network_seconds": 0.2, "num_taught": 9, "num_generated": 5}
    on_disk = ON_DISK | {"stretch": interval, "evaluations": [evaluation_then], "logit_scale": 0.8} | network
    assert History.from_json(on_disk).to_json() == on_disk


def test_the_norm_of_the_gradient_is_a_mean_or_unknown():
    interval = Interval()
    interval.add(1.0, 0.1, 2.0)
    interval.add(1.0, 0.1, 3.0)
    assert interval.mean_gradient_norm == 2.5
    interval.add(1.0, 0.1, math.inf)  # JSON has no infinity
    interval.add(1.0, 0.1, 1.0)
    assert interval.mean_gradient_norm is None


def test_evaluations_since_the_best_are_counted():
    history = History()
    assert history.best is None
    for step, nats in enumerate((1.2, 1.0, 1.0, 1.1)):
        history.interval.add(1.0, 0.1, 2.0)
        history.add(evaluation(nats, is_best=step < 2, step=step))
        assert history.interval.steps == 0
    assert history.best
    assert history.best.step == 1
    assert history.evaluations_since_best == 2
    history.begin_network()
    assert (history.network, history.evaluations_since_best) == (2, 0)
    for nats, num_since_best in ((1.5, 0), (1.6, 1), (1.4, 0)):  # worse than those of the network before
        history.add(replace(evaluation(nats, is_best=False), network=2))
        assert history.evaluations_since_best == num_since_best
