"""The fastest precision is measured once on a machine, and kept."""

import pytest

from charlstm.cells.registry import get_cell
from charlstm.cells.symbolic import symbolic_layer
from charlstm.kernels import speed
from charlstm.kernels.code_cache import CodeFolder
from charlstm.kernels.isa import ISA_VARIABLE
from charlstm.kernels.isa.amx import AMX
from tests.kernels.cases import float32_isa

LAYER = symbolic_layer(get_cell("lstm"), is_first=False)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    folder = CodeFolder(tmp_path / "kernels" / "0123456789abcdef")
    monkeypatch.setattr(speed, "code_folder", lambda _: folder)
    return folder


@pytest.mark.parametrize(("seconds", "expected"), [([2e-3, 1e-3], "bfloat16"), ([1e-3, 2e-3], "float32")])
def test_the_precision_with_the_shortest_step_is_taken(folder, monkeypatch, seconds, expected):
    times = iter(seconds * speed.ROUNDS)
    monkeypatch.setattr(speed, "_training_step", lambda _: None)
    monkeypatch.setattr(speed, "_measure", lambda _: next(times))
    monkeypatch.setattr(speed, "chosen_instruction_set", lambda: AMX)
    monkeypatch.setattr(speed, "LayerKernel", lambda *_, **__: None)
    assert speed.fastest_precision(LAYER) == expected
    assert speed.fastest_precision(LAYER) == expected  # measured once: there are no more times
    assert next(times, None) is None


def test_a_damaged_measurement_is_made_again(folder, monkeypatch):
    monkeypatch.setattr(speed, "_training_step", lambda _: None)
    monkeypatch.setattr(speed, "LayerKernel", lambda *_, **__: None)
    monkeypatch.setattr(speed, "_measure", lambda _: 1.0)
    first = speed.training_speeds(LAYER, AMX)
    (file,) = folder.path.iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    monkeypatch.setattr(speed, "_measure", lambda _: 0.5)
    assert speed.training_speeds(LAYER, AMX) == {name: 2 * number for name, number in first.items()}


def test_with_one_precision_nothing_is_measured(monkeypatch):
    monkeypatch.setenv(ISA_VARIABLE, "portable")
    monkeypatch.setattr(speed, "training_speeds", None)
    assert speed.fastest_precision(LAYER) == "float32"


def test_a_step_is_measured(folder):
    """The speed of a real layer is a positive number of floating-point operations per second."""
    speeds = speed.training_speeds(LAYER, float32_isa())
    assert list(speeds) == [product.precision for product in float32_isa().products]
    assert all(1e8 < number < 1e14 for number in speeds.values())
