"""Outcomes of runs and their summaries."""

import pytest

from charlstm.analysis.evaluation import Scores
from charlstm.config import ModelConfig
from charlstm.experiments.outcomes import Outcome, best_line, summarize
from charlstm.training.history import Evaluation, History

LN_2 = 0.6931471805599453


def make_outcome(cell, repeat, bits, sample="a line\nrest"):
    """An outcome with one evaluation for each of these validation bits per character."""
    evaluations = [
        Evaluation(
            step=10 * number,
            epoch=number / 2,
            seconds=3.0 * number,
            train_nats=1.0,
            validation=Scores(100 * LN_2 * loss, 50, 100),
            characters_per_second=1000.0 * number,
            learning_rate=0.1,
            sample=sample,
            is_best=True,
        )
        for number, loss in enumerate(bits, start=1)
    ]
    history, config = History(evaluations=evaluations), ModelConfig(cell=cell)
    return Outcome.from_history(history, config, repeat=repeat, vocabulary_size=65, characters_per_epoch=800)


def test_summaries_average_the_best_evaluation_of_each_repeat():
    outcomes = [
        make_outcome("gru", 0, [3, 2.5]),
        make_outcome("lstm", 0, [3, 2], sample="short\nthe best of all\nunfinished line that is long"),
        make_outcome("lstm", 1, [2.4, 2.6]),
    ]
    lstm, gru = summarize(outcomes)
    assert (lstm.cell, lstm.bits.num_runs, gru.bits.num_runs) == ("lstm", 2, 1)
    assert lstm.bits.mean == pytest.approx(2.2)
    assert lstm.bits.standard_deviation == pytest.approx(0.2 * 2**0.5)
    assert lstm.line == "the best of all"
    assert lstm.characters_per_second == 1500
    assert lstm.epochs == 1.0
    assert outcomes[0].curve == [(3.0, 400.0, pytest.approx(3.0)), (6.0, 800.0, pytest.approx(2.5))]


def test_keys_on_disk_stay_the_same():
    outcome = make_outcome("lstm", 0, [3, 2])
    columns = (
        "cell repeat units layers parameters characters_per_second validation_bits validation_nats seconds epochs line"
    )
    assert list(outcome.to_json()) == columns.split()
    summary = "cell units parameters characters_per_second epochs bits standard_deviation interval_95 repeats line"
    assert list(summarize([outcome])[0].to_json()) == summary.split()


@pytest.mark.parametrize(
    ("sample", "line"), [("one\nlonger one\ncut of", "longer one"), ("x" * 90, "x" * 60), ("", "")]
)
def test_the_best_line_is_whole_and_short_enough(sample, line):
    assert best_line(sample) == line
