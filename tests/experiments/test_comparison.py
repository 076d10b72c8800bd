"""A comparison whose folder is removed while it runs."""

import shutil
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from charlstm.errors import TrainingError
from charlstm.experiments.comparison import run_comparison
from tests.experiments.test_plan import make_request


class Reporter:
    """Removes the folder when the first run starts."""

    def on_run_start(self, *_: object) -> None:
        shutil.rmtree("compare")

    def starting_tensorflow(self):
        return nullcontext(lambda _: None)

    def ignore(self, *_: object) -> None:
        pass

    on_message = on_warning = on_step = on_evaluation = on_evaluation_start = on_budget = on_outcomes = ignore


@pytest.mark.tensorflow
def test_a_folder_that_is_gone_is_not_made_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cats.txt").write_text("the cat sat on the mat\n" * 100)
    request = make_request(cells=["lstm"], max_time=1.0, units=8, num_layers=1)
    with pytest.raises(TrainingError, match="compare was removed or replaced"):
        run_comparison(replace(request, folder=Path("compare")), Reporter())
    assert not Path("compare").exists()
