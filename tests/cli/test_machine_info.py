"""`charlstm info --machine`: what this machine can do, measured once."""

import json
import os

import pytest

from charlstm import machine
from charlstm.network import machine_speeds


@pytest.fixture
def measured(monkeypatch):
    """Pretend to measure; returns the names of the instruction sets that were."""
    names = []

    def training_speeds(layer, isa):
        names.append(isa.name)
        return {product.precision: 1e9 * (100 + 10 * index) for index, product in enumerate(isa.products)}

    monkeypatch.setattr(machine_speeds, "training_speeds", training_speeds)
    monkeypatch.setattr(machine_speeds, "fastest_precision", lambda layer: "float32")
    monkeypatch.setenv("CHARLSTM_ISA", "portable")
    return names


def test_machine_is_described_in_lines_or_json(charlstm, measured, monkeypatch, tmp_path):
    from charlstm.kernels import available_instruction_sets

    monkeypatch.setattr(machine, "CPU_INFO", tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text("model name\t: Intel 8008\n")
    code, out, err = charlstm("info", "--machine", "--json")
    assert (code, err) == (0, "")
    values = json.loads(out)
    assert values["processor"] == "Intel 8008"
    assert values["cores"] == machine.num_cores()
    assert (values["instruction_set"], values["precision"]) == ("portable", "float32")
    assert list(values["gflops"]) == list(available_instruction_sets()) == measured
    assert values["gflops"]["portable"] == {"float32": 100.0}
    lines = charlstm("info", "--machine")[1].splitlines()
    assert lines[0].split() == ["processor", "Intel", "8008"]
    assert lines[2].split() == ["instruction", "set", "portable"]
    assert lines[5].split() == ["portable", "float32", "100"]
    assert len(lines) == 5 + len(measured) // 2


def test_machine_and_a_run_are_wrong_usage(charlstm, run):
    code, out, err = charlstm("info", "tiny", "--machine")
    assert (code, out) == (2, "")
    assert err.splitlines()[0] == "error: RUN and --machine are both given"


def test_unknown_instruction_set_is_one_line_and_nothing_is_measured(charlstm, measured, monkeypatch):
    monkeypatch.setenv("CHARLSTM_ISA", "nonsense")
    code, out, err = charlstm("info", "--machine")
    assert (code, out, measured) == (2, "", [])
    assert err.splitlines()[0] == "error: CHARLSTM_ISA is 'nonsense': there is no such instruction set"


def test_speeds_are_measured_and_kept(monkeypatch, tmp_path):
    from charlstm.kernels import available_instruction_sets, code_cache

    monkeypatch.setenv("CHARLSTM_CACHE", str(tmp_path))
    portable = available_instruction_sets()["portable"]
    monkeypatch.setattr(machine_speeds, "available_instruction_sets", lambda: {"portable": portable})
    monkeypatch.setenv("CHARLSTM_ISA", "portable")
    code_cache.code_folder.cache_clear()
    try:
        statuses = list[str]()
        first = machine_speeds.measure_machine(statuses.append)
        assert statuses == ["measuring portable"]
        assert first.speeds["portable"]["float32"] > 1e7
        assert machine_speeds.measure_machine(statuses.append) == first
        assert os.listdir(tmp_path / "kernels")
    finally:
        code_cache.code_folder.cache_clear()
