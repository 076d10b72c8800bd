"""The folders of a comparison's runs: nothing outside of the comparison is read or removed through a link."""

from dataclasses import replace

import pytest

from charlstm.errors import RunError
from charlstm.experiments.files import remove_comparison, run_folder
from tests.experiments.test_plan import PLAN
from tests.run_folders import make_run_folder


def test_a_link_in_the_place_of_a_run_is_refused_and_nothing_is_removed(tmp_path):
    own = make_run_folder(tmp_path / "mine")
    folder = tmp_path / "compare"
    plan = replace(PLAN, cells=["lstm"], num_repeats=1)
    folder.mkdir()
    plan.save(folder)
    (folder / "lstm-1").symlink_to(own.path)
    with pytest.raises(RunError, match="lstm-1 is a link"):
        run_folder(folder, "lstm", 0)
    with pytest.raises(RunError, match="lstm-1 is a link"):
        remove_comparison(folder, plan)
    assert own.model.exists()
    assert (folder / "plan.json").exists()
