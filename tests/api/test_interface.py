"""What `import charlstm` offers: its names, their types, and when libraries are imported."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from typing import assert_type, get_type_hints

import numpy as np
import numpy.typing as npt
import pytest

import charlstm
from charlstm import api
from charlstm.api.settings import AdaptationSettings, GenerationSettings, TrainingSettings
from charlstm.config import AdaptationConfig, ModelConfig, SamplingConfig, TrainingConfig
from charlstm.generation.stopping import StopRules


def modules_after(code: str) -> set[str]:
    check = f"{code}\nimport sys; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in result.stdout.split()}


def test_importing_charlstm_imports_nothing_heavy():
    assert not modules_after("import charlstm; dir(charlstm)") & {"numpy", "tensorflow", "keras", "typer", "rich"}


def test_only_training_imports_tensorflow():
    loaded = modules_after("from charlstm import *; load, train, TrainedRun")
    assert "numpy" in loaded
    assert not loaded & {"tensorflow", "keras", "llvmlite", "typer", "rich"}


def test_every_name_is_there_and_is_listed():
    assert sorted(charlstm.__all__) == sorted(api.__all__)
    assert set(charlstm.__all__) <= set(dir(charlstm))
    assert all(getattr(charlstm, name).__doc__ for name in charlstm.__all__)


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        charlstm.lode  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(charlstm, "__wrapped__")


def test_the_keyword_arguments_are_the_fields_of_the_configs():
    training = {field.name for config in (ModelConfig, TrainingConfig) for field in fields(config)}
    assert get_type_hints(TrainingSettings).keys() == training - {"encoding"}
    adaptation = {field.name for field in fields(AdaptationConfig)}
    assert get_type_hints(AdaptationSettings).keys() == adaptation
    generation = {field.name for config in (SamplingConfig, StopRules) for field in fields(config)} | adaptation
    assert get_type_hints(GenerationSettings).keys() == (generation - {"stops"}) | {"stop"}


def test_type_checkers_see_the_types(run):
    model = charlstm.load()
    assert_type(model, charlstm.TrainedModel)
    assert_type(charlstm.generate(model, "a", length=1, temperature=0.5, stop=["x"]), str)
    assert_type(charlstm.stream("tiny", "a", length=1), Iterator[str])
    assert_type(charlstm.evaluate(model, text="abc").nats_per_character, float)
    assert_type(charlstm.score([model], text="abc"), list[charlstm.PassageScores])
    assert_type(model.log_probabilities("a"), npt.NDArray[np.float64])


def test_a_traceback_shows_the_hint():
    with pytest.raises(charlstm.CharLSTMError) as caught:
        charlstm.generate("nowhere")
    assert caught.value.__notes__ == [f"hint: {caught.value.hint}"]
