"""Networks of the same size, and what is made of their results."""

import pytest

from charlstm.analysis.evaluation import Scores
from charlstm.cells.registry import CELLS
from charlstm.cells.shapes import num_parameters
from charlstm.config import ModelConfig
from charlstm.errors import SettingError
from charlstm.experiments.outcomes import Outcome, best_line, match_parameter_count, summaries
from charlstm.training.history import Evaluation, History


@pytest.mark.parametrize("cell", [*CELLS, "peephole:f", "mogrifier:2"])
@pytest.mark.parametrize("units", [64, 300])
def test_every_cell_gets_as_many_parameters_within_two_percent(cell, units):
    lstm = ModelConfig(num_layers=2, units=units)
    wanted = num_parameters(lstm, 65)
    assert num_parameters(match_parameter_count(lstm, cell, 65), 65) == pytest.approx(wanted, rel=0.02)


def test_what_cannot_be_matched_is_refused():
    with pytest.raises(SettingError, match="no mogrifier network comes within"):
        match_parameter_count(ModelConfig(num_layers=1, units=2, embedding_dim=64), "mogrifier", 3)


def outcome(cell, repeat, nats, sample="a line\nrest"):
    evaluations = [
        Evaluation(
            step=10 * place, epoch=place / 2, seconds=3.0 * place, train_nats=1.0, is_best=True, sample=sample,
            validation=Scores(100 * loss, 50, 100), characters_per_second=1000.0 * place, learning_rate=0.1,
        )
        for place, loss in enumerate(nats, start=1)
    ]  # fmt: skip
    history = History(evaluations=evaluations)
    config = ModelConfig(cell=cell)
    return Outcome.of(history, config, repeat=repeat, vocabulary_size=65, characters_per_epoch=800)


def test_summaries_are_over_the_best_evaluation_of_each_repeat():
    ln2 = 0.6931471805599453
    outcomes = [
        outcome("gru", 0, [3 * ln2, 2.5 * ln2]),
        outcome("lstm", 0, [3 * ln2, 2 * ln2], sample="short\nthe best of all\nunfinished line that is long"),
        outcome("lstm", 1, [2.4 * ln2, 2.6 * ln2]),
    ]
    lstm, gru = summaries(outcomes)
    assert (lstm.cell, lstm.repeats, gru.repeats) == ("lstm", 2, 1)
    assert lstm.bits == pytest.approx(2.2)
    assert lstm.spread == pytest.approx(0.2)
    assert lstm.line == "the best of all"
    assert lstm.characters_per_second == 1500
    assert outcomes[0].curve == [(3.0, 400.0, pytest.approx(3.0)), (6.0, 800.0, pytest.approx(2.5))]


@pytest.mark.parametrize(
    ("sample", "line"), [("one\nlonger one\ncut of", "longer one"), ("x" * 90, "x" * 60), ("", "")]
)
def test_the_line_that_is_shown_is_whole_and_not_too_long(sample, line):
    assert best_line(sample) == line
