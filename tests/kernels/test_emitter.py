"""Emitted integers, loops and vectors, compiled for every instruction set of this processor."""

from functools import cache

import numpy as np
import pytest

from charlstm.generation.numpy_ops import round_to_bfloat16
from charlstm.kernels.emitter import I32, I64, POINTER, Emitter
from charlstm.kernels.isa.portable import PORTABLE
from tests.kernels.cases import ISAS, PRODUCTS, compile_functions

BYTES = 4  # of a number
SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1 + 4 / 1024, 1 + 12 / 1024, 1e-40, 3e38, -1 - 5 / 1024]


def emit_vectors(e: Emitter) -> None:
    with e.entry("transpose", ["source", "target"]) as a:
        rows = [e.load(e.address(a["source"], row * e.lanes * BYTES)) for row in range(e.lanes)]
        for row, values in enumerate(e.transpose(rows)):
            e.store(values, e.address(a["target"], row * e.lanes * BYTES))
    with e.entry("copy_first", ["source", "target", "count"]) as a:
        e.store_first(e.load_first(e.address(a["source"], 0), a["count"]), e.address(a["target"], 0), a["count"])
    with e.entry("fill_up", ["source", "target", "count"]) as a:
        e.store(e.load_first(e.address(a["source"], 0), a["count"]), e.address(a["target"], 0))
    with e.entry("broadcast", ["source", "target"]) as a:
        e.store(e.broadcast(e.load(e.address(a["source"], 0), e.floats.element)), e.address(a["target"], 0))


def emit_rounding(e: Emitter) -> None:
    with e.entry("round", ["source", "target"]) as a:
        e.store(e.to_bf16(e.load(e.address(a["source"], 0))), e.address(a["target"], 0))


VECTORS = {
    "transpose": ["source", "target"],
    "copy_first": ["source", "target", "count"],
    "fill_up": ["source", "target", "count"],
    "broadcast": ["source", "target"],
}


@cache
def vectors(isa):
    return compile_functions(isa, "vectors", emit_vectors, **VECTORS)


@pytest.mark.parametrize("isa", ISAS)
def test_vectors_are_transposed(isa):
    source = np.arange(isa.lanes**2, dtype=np.float32).reshape(isa.lanes, isa.lanes)
    target = np.empty_like(source)
    vectors(isa)["transpose"](source=source, target=target)
    np.testing.assert_array_equal(target, source.T)


@pytest.mark.parametrize("isa", ISAS)
def test_masked_loads_and_stores_leave_the_rest_alone(isa):
    functions = vectors(isa)
    source = np.arange(1, isa.lanes + 1, dtype=np.float32)
    for count in (-3, 0, 1, isa.lanes - 1, isa.lanes, isa.lanes + 5):
        used = max(0, min(count, isa.lanes))
        target = np.full(isa.lanes, -1, np.float32)
        functions["copy_first"](source=source, target=target, count=count)
        np.testing.assert_array_equal(target, [*source[:used], *[-1] * (isa.lanes - used)])
        functions["fill_up"](source=source, target=target, count=count)
        np.testing.assert_array_equal(target, [*source[:used], *[0] * (isa.lanes - used)])


@pytest.mark.parametrize("isa", ISAS)
def test_a_number_is_broadcast_to_all_lanes(isa):
    target = np.empty(isa.lanes, np.float32)
    vectors(isa)["broadcast"](source=np.array([3.5], np.float32), target=target)
    assert (target == 3.5).all()


@pytest.mark.parametrize(("isa", "product"), [case for case in PRODUCTS if case.values[1].precision == "bfloat16"])
def test_rounding_to_bfloat16_is_that_of_numpy(isa, product):
    random = np.random.default_rng(0).normal(size=16 * 16).astype(np.float32)
    numbers = np.concatenate([random, np.resize(np.array(SPECIAL, np.float32), 16)])
    numbers[-16:][np.abs(numbers[-16:]) < 1e-30] = 0  # the instruction of AVX512_BF16 flushes what is denormal
    rounded = np.empty(len(numbers), np.uint16)
    function = compile_functions(isa, "rounding", emit_rounding, round=["source", "target"])["round"]
    for start in range(0, len(numbers), isa.lanes):
        end = start + isa.lanes
        target = np.empty(isa.lanes, np.uint16)
        function(source=numbers[start:end].copy(), target=target)
        rounded[start:end] = target
    is_nan = np.isnan(numbers)
    values = (rounded.astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_array_equal(values[~is_nan], round_to_bfloat16(numbers)[~is_nan])
    assert np.isnan(values[is_nan]).all()


def emit_scalars(e: Emitter) -> None:
    """Functions that write int64 results; they need no vectors."""
    with e.entry("arithmetic", ["left", "right", "results"]) as a:
        left, right = a["left"], a["right"]
        results = [left + right, left - right, left * right, left // right, left % right, 7 + left, 3 * left]
        for place, result in enumerate(results):
            e.store(result, e.address(a["results"], place * 8))
    for name, step in (("count_up", 1), ("count_in_threes", 3)):
        with e.entry(name, ["start", "stop", "results", "count"]) as a, e.loop(a["start"], a["stop"], step) as index:
            count = e.load_int(e.address(a["count"], 0))
            e.store(index, e.address(a["results"], count * 8))
            e.store(count + 1, e.address(a["count"], 0))
    with e.entry("nested", ["rows", "columns", "results"]) as a, e.loop(0, a["rows"]) as row:
        total = e.variable(e.integer(0).value)
        with e.loop(0, a["columns"]) as column, e.when((column % 2).compare("==", 0)):
            e.store(e.load_int(total) + column, total)
        e.store(e.load_int(total) + row * 100, e.address(a["results"], row * 8))
    with e.entry("choose", ["left", "right", "results"]) as a:
        e.store(e.select(a["left"].compare("<", a["right"]), a["left"], a["right"]), e.address(a["results"], 0))
    with e.entry("widen", ["source", "results"]) as a:
        e.store(e.load_int(e.address(a["source"], 0), I32), e.address(a["results"], 0))
    with e.entry("copy", ["source", "target", "bytes"]) as a:
        e.copy(e.address(a["target"], 0), e.address(a["source"], 0), a["bytes"])
    with e.function("square", [POINTER, I64]) as (target, number):
        e.store(number * number, target)
    with e.entry("call", ["results"]) as a:
        e.call("square", e.address(a["results"], 0), 5)


SCALARS = {
    "arithmetic": ["left", "right", "results"],
    "count_up": ["start", "stop", "results", "count"],
    "count_in_threes": ["start", "stop", "results", "count"],
    "nested": ["rows", "columns", "results"],
    "choose": ["left", "right", "results"],
    "widen": ["source", "results"],
    "copy": ["source", "target", "bytes"],
    "call": ["results"],
}


@pytest.fixture(scope="module")
def scalars():
    return compile_functions(PORTABLE, "scalars", emit_scalars, **SCALARS)


def result_of(function, num_results=1, **arguments):
    results = np.zeros(num_results, np.int64)
    function(results=results, **arguments)
    return results.tolist()


def test_integers(scalars):
    assert result_of(scalars["arithmetic"], 7, left=23, right=5) == [28, 18, 115, 4, 3, 30, 69]
    assert result_of(scalars["arithmetic"], 7, left=-1, right=5)[:3] == [4, -6, -5]


@pytest.mark.parametrize(
    ("name", "start", "stop", "step"),
    [
        ("count_up", 0, 5, 1),
        ("count_up", 3, 3, 1),
        ("count_up", 5, -2, 1),
        ("count_in_threes", 1, 9, 3),
        ("count_in_threes", 0, 9, 3),
    ],
)
def test_loops_count_as_ranges(scalars, name, start, stop, step):
    count = np.zeros(1, np.int64)
    numbers = result_of(scalars[name], 10, start=start, stop=stop, count=count)
    assert numbers[: count[0]] == list(range(start, stop, step))


def test_loops_within_loops_and_conditions(scalars):
    assert result_of(scalars["nested"], 3, rows=3, columns=6) == [6, 106, 206]
    assert result_of(scalars["choose"], left=3, right=-4) == [-4]
    assert result_of(scalars["choose"], left=-5, right=-4) == [-5]


def test_ids_keep_their_sign(scalars):
    assert result_of(scalars["widen"], source=np.array([-7], np.int32)) == [-7]


def test_memory_is_copied_up_to_the_given_byte(scalars):
    source, target = np.arange(10, dtype=np.uint8), np.full(10, 99, np.uint8)
    scalars["copy"](source=source, target=target, bytes=7)
    assert target.tolist() == [0, 1, 2, 3, 4, 5, 6, 99, 99, 99]


def test_functions_call_functions(scalars):
    assert result_of(scalars["call"]) == [25]
