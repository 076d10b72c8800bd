"""How a run was started, in JSON and back."""

import json
from datetime import datetime

import pytest

from charlstm.storage.run_origin import RunOrigin


def test_an_origin_goes_through_json_unchanged():
    origin = RunOrigin.now(
        command=["charlstm", "train", "a b.txt"],
        start_from="/x/model.safetensors",
        start_from_sha256="0" * 64,
        min_count=3,
        logs=("csv",),
    )
    assert RunOrigin.from_json(json.loads(json.dumps(origin.to_json()))) == origin
    assert len(origin.run_id) == 12
    assert origin.run_id != RunOrigin.now().run_id
    assert datetime.fromisoformat(origin.started).tzinfo is not None
    names = {"charlstm", "python", "tensorflow", "keras", "numpy", "processor", "threads", "instruction_set"}
    assert names <= origin.environment.keys()


@pytest.mark.parametrize("values", [None, [], "x", {}, {"started": 3}, {"command": ["charlstm"]}])
def test_a_run_of_an_earlier_version_has_no_origin(values):
    assert RunOrigin.from_json(values) is None


def test_values_of_other_types_are_left_out():
    origin = RunOrigin.from_json({"started": "2026-01-02", "min_count": "many", "environment": [], "colour": 1})
    assert origin == RunOrigin(started="2026-01-02")
