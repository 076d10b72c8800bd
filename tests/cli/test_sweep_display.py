"""The table and the picture of a sweep."""

from pathlib import Path

import pytest

pytest.importorskip("optuna")

from charlstm.cli.display.pictures import PictureStyle
from charlstm.cli.display.sweep_pictures import save_sweep_picture
from charlstm.cli.display.sweep_table import importance_line, trial_lines
from charlstm.experiments.search_space import Value
from charlstm.experiments.sweep_outcomes import Trial
from charlstm.storage.run_folder import RunFolder
from tests.experiments.fake_sweep import run_fake_sweep

FIELDS = ["num_layers", "learning_rate", "cell"]


def make_trial(number, state, bits):
    values: dict[str, Value] = {"num_layers": 2, "learning_rate": 0.00235, "cell": "lstm"}
    curve = [] if bits is None else [(10.0, bits + 1), (61.0, bits)]
    return Trial(number, state, values, bits, curve, "", RunFolder(Path(f"trial-{number:04d}")))


TRIALS = [
    make_trial(0, "complete", 2.5),
    make_trial(1, "pruned", 2.0),
    make_trial(2, "complete", 2.25),
    make_trial(3, "pruned", None),
    make_trial(4, "running", 1.0),
]


def test_complete_trials_come_first_the_best_on_top():
    lines = trial_lines(TRIALS, FIELDS, width=None)
    assert lines[0].split() == ["trial", "bits", "time", "layers", "learning-rate", "cell"]
    assert [line.split()[0] for line in lines[1:-1]] == ["2", "0", "1", "3"]
    assert lines[1].split() == ["2", "2.2500", "1:01", "2", "0.00235", "lstm"]
    assert lines[2].split()[3] == "automatic"
    assert lines[3].split() == ["1", "2.0000", "1:01", "pruned", "2", "0.00235", "lstm"]
    assert lines[-1] == "4 trials, 2 of them given up early"


@pytest.mark.parametrize("width", [80, 40, 20])
def test_a_narrow_terminal_shows_fewer_settings(width):
    lines = trial_lines(TRIALS, FIELDS, width=width)
    assert max(map(len, lines[:-1])) <= width
    assert "2.2500" in lines[1]
    assert ("lstm" in lines[1]) == (width == 80)


def test_importance_in_percent():
    assert importance_line({"num_layers": 0.75, "cell": 0.25}) == "importance: layers 75%, cell 25%"


@pytest.mark.parametrize(("num_trials", "dark"), [(1, False), (12, True)])
def test_a_sweep_is_drawn_of_few_trials_and_of_many(tmp_path, monkeypatch, num_trials, dark):
    monkeypatch.chdir(tmp_path)
    Path("cats.txt").write_text("the cat sat on the mat\n" * 100)
    result = run_fake_sweep(tmp_path / "sweep", num_trials, pruner="none")
    save_sweep_picture(tmp_path / "p.svg", result, PictureStyle(dark))
    assert (tmp_path / "p.svg").read_text().startswith("<?xml")
    assert bool(result.importances) == (num_trials == 12)
