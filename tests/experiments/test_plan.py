"""The plan of a comparison: its file, and what a request may change."""

import json
from pathlib import Path

import pytest

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import RunError, SettingError
from charlstm.experiments.plan import PLAN_FILE, ComparisonPlan, ComparisonRequest, extend_plan
from charlstm.training.overrides import Overrides

PLAN = ComparisonPlan(
    text_sha256="abc",
    budget="time",
    model=ModelConfig(units=32),
    training=TrainingConfig(epochs=None, max_time=8.0),
    cells=["lstm", "rnn"],
    num_repeats=2,
)


def make_request(*, cells=("gru",), num_repeats=1, budget="time", **settings):
    return ComparisonRequest(
        texts=["cats.txt"],
        cells=list(cells),
        num_repeats=num_repeats,
        budget=budget,
        overrides=Overrides(settings),
        folder=Path("runs/compare-cats"),
    )


def test_keys_on_disk_stay_the_same(tmp_path):
    PLAN.save(tmp_path)
    content = json.loads((tmp_path / PLAN_FILE).read_text())
    assert list(content) == ["text_sha256", "equal", "model", "training", "cells", "repeats"]
    assert (content["equal"], content["repeats"], content["cells"]) == ("time", 2, ["lstm", "rnn"])
    assert ComparisonPlan.load(tmp_path) == PLAN


def test_a_folder_without_a_plan_has_none(tmp_path):
    assert ComparisonPlan.load(tmp_path) is None


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"text_sha256": 1}', "\x00"])
def test_a_damaged_plan_is_refused(tmp_path, content):
    (tmp_path / PLAN_FILE).write_text(content)
    with pytest.raises(RunError, match="is damaged"):
        ComparisonPlan.load(tmp_path)


def test_cells_and_repeats_are_added_to_a_plan():
    plan = extend_plan(PLAN, make_request(cells=["rnn", "gru"], num_repeats=3, max_time=8.0, units=32), "abc")
    assert (plan.cells, plan.num_repeats) == (["lstm", "rnn", "gru"], 3)
    assert extend_plan(PLAN, make_request(cells=["rnn"]), "abc") == PLAN


@pytest.mark.parametrize(
    ("request_settings", "text_sha256", "changed"),
    [
        ({"units": 64}, "abc", "`units`"),
        ({"max_time": 9.0}, "abc", "`max_time`"),
        ({"budget": "characters"}, "abc", "`equal`"),
        ({}, "other", "text"),
    ],
)
def test_a_request_for_another_comparison_is_refused(request_settings, text_sha256, changed):
    with pytest.raises(RunError, match=f"another {changed}"):
        extend_plan(PLAN, make_request(**request_settings), text_sha256)


def test_an_unknown_budget_is_refused():
    with pytest.raises(SettingError, match="`equal` is 'luck'"):
        make_request(budget="luck")
