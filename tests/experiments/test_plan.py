"""The plan of a comparison: its file, and what a request may change."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import RunError, SettingError
from charlstm.experiments.plan import PLAN_FILE, ComparisonPlan, ComparisonRequest, describe_budget, extend_plan
from charlstm.text.decoding_options import DecodingOptions
from charlstm.training.overrides import Overrides

PLAN = ComparisonPlan(
    text_sha256="abc",
    budget="time",
    model=ModelConfig(units=32),
    training=TrainingConfig(epochs=None, max_time=8.0),
    cells=["lstm", "rnn"],
    num_repeats=2,
)


def make_request(*, cells=("gru",), num_repeats=1, budget="time", amount=None, **settings):
    return ComparisonRequest(
        texts=["cats.txt"],
        cells=list(cells),
        num_repeats=num_repeats,
        budget=budget,
        amount=amount,
        overrides=Overrides(settings),
        folder=Path("runs/compare-cats"),
    )


def test_keys_on_disk_stay_the_same(tmp_path):
    PLAN.save(tmp_path)
    content = json.loads((tmp_path / PLAN_FILE).read_text())
    assert list(content) == ["text_sha256", "equal", "model", "training", "cells", "repeats"]
    assert (content["equal"], content["repeats"], content["cells"]) == ("time", 2, ["lstm", "rnn"])
    assert ComparisonPlan.load(tmp_path) == PLAN


def test_the_reading_of_the_text_and_the_plot_are_remembered(tmp_path):
    request = replace(make_request(), plot=Path("plots/x.svg"))
    plan = replace(extend_plan(PLAN, request, "abc", 1000), decoding=DecodingOptions(lowercase=True))
    plan.save(tmp_path)
    assert ComparisonPlan.load(tmp_path) == plan
    assert plan.draws(Path("plots/x.svg").absolute())
    assert not plan.draws(Path("x.svg"))
    assert extend_plan(plan, replace(make_request(), decoding=plan.decoding), "abc", 1000).plot == plan.plot


@pytest.mark.parametrize(
    ("options", "name"), [({"normalize": "none"}, "normalize"), ({"lowercase": True}, "lowercase")]
)
def test_models_that_would_read_texts_in_another_way_are_not_added(options, name):
    with pytest.raises(RunError, match=f"holds a comparison with another `{name}`"):
        extend_plan(PLAN, replace(make_request(), decoding=DecodingOptions(**options)), "abc", 1000)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_the_place_of_a_plan_is_refused(tmp_path):
    os.mkfifo(tmp_path / PLAN_FILE)
    with pytest.raises(RunError, match="is damaged"):
        ComparisonPlan.load(tmp_path)


def test_a_folder_without_a_plan_has_none(tmp_path):
    assert ComparisonPlan.load(tmp_path) is None


WRONG: list[dict[str, Any]] = [
    {"cells": [3]},
    {"cells": ["../../elsewhere/lstm"]},
    {"repeats": 0},
    {"plot": 3},
    {"reading": {"normalize": "nfz"}},
    {"repeats": 10**9},
    {"repeats": "2"},
]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[]",
        '{"text_sha256": 1}',
        "\x00",
        "[" * 200_000,
        *(json.dumps(PLAN.to_json() | wrong) for wrong in WRONG),
    ],
    ids=range(6 + len(WRONG)),
)
def test_a_damaged_plan_is_refused(tmp_path, content):
    (tmp_path / PLAN_FILE).write_text(content)
    with pytest.raises(RunError, match="is damaged"):
        ComparisonPlan.load(tmp_path)


def test_cells_and_repeats_are_added_to_a_plan():
    plan = extend_plan(PLAN, make_request(cells=["rnn", "gru"], num_repeats=3, max_time=8.0, units=32), "abc", 1000)
    assert (plan.cells, plan.num_repeats) == (["lstm", "rnn", "gru"], 3)
    assert extend_plan(PLAN, make_request(cells=["rnn"]), "abc", 1000) == PLAN


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
        extend_plan(PLAN, make_request(**request_settings), text_sha256, 1000)


def test_an_unknown_budget_is_refused():
    with pytest.raises(SettingError, match="`equal` is 'luck'"):
        make_request(budget="luck")


IN_STEPS = replace(PLAN, budget="steps", training=TrainingConfig(epochs=2.048, batch_size=8, sequence_length=16))


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        ("time", "equal time: 8s for each network"),
        ("epochs", "equal epochs: 2.048 for each network"),
        ("steps", "equal steps: 16 for each network"),
        ("characters", "equal characters: 2,048 for each network"),
    ],
)
def test_the_budget_in_words(budget, words):
    plan = PLAN if budget == "time" else replace(IN_STEPS, budget=budget)
    assert describe_budget(plan, 1000) == words


def test_the_same_number_of_steps_continues_a_comparison_and_another_one_does_not():
    assert extend_plan(IN_STEPS, make_request(cells=["rnn"], budget="steps", amount=16), "abc", 1000) == IN_STEPS
    assert extend_plan(IN_STEPS, make_request(cells=["rnn"], budget="steps", max_time=3.0), "abc", 1000) == IN_STEPS
    with pytest.raises(RunError, match="another `steps`"):
        extend_plan(IN_STEPS, make_request(budget="steps", amount=17), "abc", 1000)


@pytest.mark.parametrize(("budget", "amount"), [("epochs", 0), ("steps", -1), ("epochs", float("nan"))])
def test_an_amount_must_be_above_0(budget, amount):
    with pytest.raises(SettingError, match=f"`{budget}` is {amount}"):
        make_request(budget=budget, amount=amount)
