"""What the last bits of a run depend on, and what is said when it has changed."""

from types import SimpleNamespace
from typing import Any

import pytest

from charlstm.errors import SettingError
from charlstm.storage.run_origin import training_environment
from charlstm.training.resume import _environment_changes


def checkpoint(environment: dict[str, str]) -> Any:
    return SimpleNamespace(metadata={"environment": environment})


def test_another_instruction_set_is_named(monkeypatch):
    monkeypatch.delenv("CHARLSTM_ISA", raising=False)
    before = training_environment()
    assert _environment_changes(checkpoint(before)) == ""
    monkeypatch.setenv("CHARLSTM_ISA", "portable")
    expected = f"instruction set was {before['instruction_set']}, is portable"
    assert _environment_changes(checkpoint(before)) == expected


def test_what_an_earlier_version_did_not_record_is_unknown():
    then = training_environment()
    del then["instruction_set"]
    now = training_environment()["instruction_set"]
    assert _environment_changes(checkpoint(then)) == f"instruction set was unknown, is {now}"


def test_an_instruction_set_that_the_processor_lacks_is_an_error(monkeypatch):
    monkeypatch.setenv("CHARLSTM_ISA", "nonsense")
    with pytest.raises(SettingError, match="CHARLSTM_ISA"):
        training_environment()
