import json

from charlstm.analysis.evaluation import Scores
from charlstm.training.history import Evaluation, History


def evaluation(nats, *, is_best, step=1):
    return Evaluation(step, 0.1, 1 / 3, 2.5, Scores(nats, 1.0, 1), 1000.0, 1e-3, "samp\u00e9\n", is_best)


def test_it_goes_through_json_unchanged():
    history = History(step=7, seconds=1 / 3, learning_rate_scale=0.5, first_nats=3.3, recent_nats=0.1 + 0.2)
    history.add(evaluation(1.1, is_best=True))
    history.stretch.add(0.1, None)
    history.stretch.add(0.2, 1 / 7)
    assert History.from_json(json.loads(json.dumps(history.to_json()))) == history


def test_the_best_is_remembered_and_the_waiting_counted():
    history = History()
    assert history.best is None
    for step, is_best in enumerate((True, True, False, False)):
        history.stretch.add(1.0, 0.1)
        history.add(evaluation(1.0, is_best=is_best, step=step))
        assert history.stretch.steps == 0
    assert history.best
    assert history.best.step == 1
    assert history.waiting == 2
