"""The arithmetic of nodes on vectors against NumPy, compiled for every instruction set of this processor."""

from functools import cache

import numpy as np
import pytest

from charlstm.kernels.emitter import Emitter
from charlstm.kernels.pointwise import emit_operation
from tests.kernels.cases import ISAS, compile_functions

UNARY, BINARY = ("tanh", "sigmoid", "is_zero"), ("add", "sub", "mul", "remainder")


def emit_all(e: Emitter) -> None:
    for name in (*UNARY, *BINARY):
        with e.entry(name, ["left", "right", "results", "count"]) as a, e.loop(0, a["count"], e.lanes) as index:
            sides = ("left", "right") if name in BINARY else ("left",)
            arguments = [e.load(e.address(a[side], index * 4)) for side in sides]
            e.store(emit_operation(e, name, arguments), e.address(a["results"], index * 4))


@cache
def operations(isa):
    names = {name: ["left", "right", "results", "count"] for name in (*UNARY, *BINARY)}
    return compile_functions(isa, "pointwise", emit_all, **names)


def compute(isa, name, left, right=None):
    """Return an operation on numbers, of which there are whole vectors."""
    left = np.asarray(left, np.float32)
    right = left if right is None else np.asarray(right, np.float32)
    results = np.empty_like(left)
    operations(isa)[name](left=left, right=right, results=results, count=len(left))
    return results


NUMBERS = np.concatenate([np.linspace(-12, 12, 4096), np.geomspace(1e-30, 1, 1024), -np.geomspace(1e-30, 100, 1024)])
SPECIAL = np.resize([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -1e30, 9.0], 16)


@pytest.mark.parametrize("isa", ISAS)
def test_tanh_and_sigmoid_are_as_precise_as_float32(isa):
    x = NUMBERS.astype(np.float32)
    exact = np.tanh(x.astype(np.float64))
    np.testing.assert_allclose(compute(isa, "tanh", x), exact, rtol=4e-7)
    np.testing.assert_allclose(compute(isa, "sigmoid", x), 1 / (1 + np.exp(-x.astype(np.float64))), rtol=0, atol=1.5e-7)


@pytest.mark.parametrize("isa", ISAS)
def test_activations_of_extreme_numbers(isa):
    np.testing.assert_array_equal(compute(isa, "tanh", SPECIAL)[:8], [np.nan, 1, -1, 0, 0, 1, -1, 1])
    np.testing.assert_array_equal(compute(isa, "sigmoid", SPECIAL)[:7], [np.nan, 1, 0, 0.5, 0.5, 1, 0])
    assert np.abs(compute(isa, "tanh", np.linspace(5, 12, 4096))).max() <= 1


@pytest.mark.parametrize("isa", ISAS)
def test_arithmetic(isa):
    left, right = np.random.default_rng(0).normal(size=(2, 64)).astype(np.float32)
    for name, function in (("add", np.add), ("sub", np.subtract), ("mul", np.multiply)):
        np.testing.assert_array_equal(compute(isa, name, left, right), function(left, right))
    zeros = np.resize(np.array([0.0, -0.0, 1e-40, 2.0], np.float32), 16)
    np.testing.assert_array_equal(compute(isa, "is_zero", zeros)[:2], [1, 1])
    assert not compute(isa, "is_zero", [2.0, -1.0, 1.0, 0.5] * 4).any()


@pytest.mark.parametrize("isa", ISAS)
def test_the_clock_of_a_clockwork_network_counts_exactly(isa):
    clock, period = (part.ravel() for part in np.meshgrid(np.arange(2048), 2 ** np.arange(12)))
    np.testing.assert_array_equal(compute(isa, "remainder", clock, period), clock % period)
    np.testing.assert_array_equal(compute(isa, "is_zero", clock % period), clock % period == 0)


def test_an_unknown_operation_is_refused():
    with pytest.raises(NotImplementedError, match="cosine"):
        emit_operation(Emitter(4), "cosine", [])
