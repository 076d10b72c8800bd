"""Layers of every cell, on every instruction set of this processor: against the equations in NumPy.

Gradients are compared with finite differences of the equations in float64.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from charlstm.cells.shapes import clockwork_mask
from charlstm.cells.symbolic import symbolic_layer
from charlstm.generation.numpy_ops import round_to_bfloat16
from charlstm.kernels.layer import LayerKernel
from tests.kernels.cases import (
    PRODUCTS,
    RECURRENT_CELLS,
    check_gradients,
    float32_isa,
    has_gradient,
    layer_kernel,
    random_layer,
    relative_error,
    run_in_numpy,
)

pytestmark = pytest.mark.usefixtures("used_memory")

FLOAT32 = [case for case in PRODUCTS if case.values[1].precision == "float32"]
BFLOAT16 = [case for case in PRODUCTS if case.values[1].precision == "bfloat16"]
CASES = [(name, is_first) for name in RECURRENT_CELLS for is_first in (True, False)]
# cells that differ in their products; the others' arithmetic is the same in both precisions
BFLOAT16_CASES = [
    (name, is_first) for name, is_first in CASES if name in ("lstm", "gru", "clockwork", "grid", "mogrifier:3")
]
each_layer = pytest.mark.parametrize(("name", "is_first"), CASES)
each_layer_in_bfloat16 = pytest.mark.parametrize(("name", "is_first"), BFLOAT16_CASES)
# units, inputs, time, rows: numbers that are no multiples of anything; several chunks of steps; whole vectors
SIZES = [(1, 1, 1, 1), (20, 7, 1, 2), (17, 33, 3, 1), (300, 13, 2, 5), (5, 3, 70, 9), (33, 16, 4, 33), (32, 32, 3, 16)]


def check_forward(layer, kernel, *, tolerance):
    results, states, _ = layer.forward(kernel)
    expected, expected_states = run_in_numpy(layer)
    assert results.keys() == expected.keys()
    for name, result in results.items():
        assert relative_error(result, expected[name]) < tolerance, name
    for state, expected_state in zip(states, expected_states, strict=True):
        assert relative_error(state, expected_state) < tolerance


def gradients(layer, kernel):
    """Return the gradients of weights, inputs and states by name."""
    _, _, saved = layer.forward(kernel)
    found, d_states = layer.backward(kernel, saved)
    if layer.name == "clockwork":
        mask = np.array(clockwork_mask(layer.effective["periods"].tolist()), np.float32)
        found["recurrent_kernel"] = found["recurrent_kernel"] * mask
        assert not d_states[1].any()
    named = {f"state{n}": d for n, d in enumerate(d_states) if has_gradient(layer, layer.states[n])}
    return {name: found[name] for name in layer.weights} | {k: found[f"d_{k}"] for k in layer.inputs} | named


@each_layer
@pytest.mark.parametrize(("isa", "product"), FLOAT32)
def test_results_states_and_gradients(isa, product, name, is_first):
    layer = random_layer(name, is_first=is_first)
    kernel = layer_kernel(name, isa, "float32", is_first=is_first)
    check_forward(layer, kernel, tolerance=3e-6)
    check_gradients(layer, gradients(layer, kernel))


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("name", ["lstm", "gru", "mogrifier:3"])
@pytest.mark.parametrize(("isa", "product"), FLOAT32)
def test_any_size(isa, product, name, sizes):
    units, inputs, time, rows = sizes
    layer = random_layer(name, is_first=True, units=units, inputs=inputs, time=time, rows=rows, scale=0.2)
    kernel = layer_kernel(name, isa, "float32", is_first=True)
    check_forward(layer, kernel, tolerance=1e-5)
    check_gradients(layer, gradients(layer, kernel))


@each_layer_in_bfloat16
@pytest.mark.parametrize(("isa", "product"), BFLOAT16)
def test_bfloat16_rounds_the_operands_of_products_and_nothing_else(isa, product, name, is_first):
    layer = random_layer(name, is_first=is_first)
    results, states, _ = layer.forward(layer_kernel(name, isa, "bfloat16", is_first=is_first))
    exact, _ = run_in_numpy(layer)
    expected, expected_states = run_in_numpy(layer, round_operands=round_to_bfloat16)
    rounding = relative_error(expected["output"], exact["output"])
    assert rounding > 3e-4
    for actual, model in zip([*results.values(), *states], [*expected.values(), *expected_states], strict=True):
        assert relative_error(actual, model) < rounding / 3  # an operand that is nearly a tie may be rounded otherwise


@each_layer_in_bfloat16
@pytest.mark.parametrize(("isa", "product"), BFLOAT16)
def test_gradients_in_bfloat16_are_near_those_in_float32(isa, product, name, is_first):
    layer = random_layer(name, is_first=is_first)
    exact = gradients(layer, layer_kernel(name, float32_isa(), "float32", is_first=is_first))
    rounded = gradients(layer, layer_kernel(name, isa, "bfloat16", is_first=is_first))
    differences = {name: relative_error(rounded[name], gradient) for name, gradient in exact.items()}
    assert max(differences.values()) < 0.03
    assert max(differences.values()) > 1e-4


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize(("isa", "product"), BFLOAT16)
def test_any_size_in_bfloat16(isa, product, sizes):
    units, inputs, time, rows = sizes
    layer = random_layer("lstm", is_first=True, units=units, inputs=inputs, time=time, rows=rows, scale=0.2)
    results, _, _ = layer.forward(layer_kernel("lstm", isa, "bfloat16", is_first=True))
    expected, _ = run_in_numpy(layer, round_operands=round_to_bfloat16)
    assert relative_error(results["output"], expected["output"]) < 1e-3
    exact = gradients(layer, layer_kernel("lstm", float32_isa(), "float32", is_first=True))
    rounded = gradients(layer, layer_kernel("lstm", isa, "bfloat16", is_first=True))
    for name, gradient in exact.items():
        assert relative_error(rounded[name], gradient) < 0.05, name


def assert_same(actual, expected):
    for array, same in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(array, same)


def part(layer, *, rows=slice(None), time=slice(None), states=None, d_states=None):
    """Return some rows and steps of a layer's sequences."""
    return replace(
        layer,
        inputs={name: array[time, rows] for name, array in layer.inputs.items()},
        states=[state[rows] for state in states or layer.states],
        d_results={name: array[time, rows] for name, array in layer.d_results.items()},
        d_states=[d[rows] for d in d_states or layer.d_states],
    )


@pytest.mark.parametrize("name", ["lstm", "gru", "clockwork", "grid"])
@pytest.mark.parametrize(("isa", "product"), PRODUCTS)
def test_a_row_has_the_same_bits_whatever_the_number_of_rows(isa, product, name):
    kernel = layer_kernel(name, isa, product.precision, is_first=True)
    layer = random_layer(name, is_first=True, rows=35, time=20)
    results, states, saved = layer.forward(kernel)
    found, d_states = layer.backward(kernel, saved)
    for rows in (slice(0, 1), slice(2, 9), slice(3, 35)):
        few = part(layer, rows=rows)
        few_results, few_states, few_saved = few.forward(kernel)
        assert_same(
            [*few_results.values(), *few_states], [r[:, rows] for r in results.values()] + [s[rows] for s in states]
        )
        few_found, few_d_states = few.backward(kernel, few_saved)
        assert_same([few_found["d_x"], *few_d_states], [found["d_x"][:, rows], *(d[rows] for d in d_states)])


@pytest.mark.parametrize("name", ["lstm", "clockwork", "grid"])
@pytest.mark.parametrize(("isa", "product"), PRODUCTS)
def test_a_sequence_may_be_read_in_parts(isa, product, name):
    """To the bit forward; backward the weights' gradients are summed in another order."""
    kernel = layer_kernel(name, isa, product.precision, is_first=True)
    layer = random_layer(name, is_first=True, time=50, rows=7)
    results, states, saved = layer.forward(kernel)
    found, d_states = layer.backward(kernel, saved)
    for cut in (1, 17):
        first = part(layer, time=slice(0, cut))
        first_results, between, first_saved = first.forward(kernel)
        second = part(layer, time=slice(cut, 50), states=between)
        second_results, last, second_saved = second.forward(kernel)
        joined = [np.concatenate([first_results[name], second_results[name]]) for name in results]
        assert_same([*joined, *last], [*results.values(), *states])
        second_found, d_between = second.backward(kernel, second_saved)
        first_found, d_first = replace(first, d_states=d_between).backward(kernel, first_saved)
        assert_same(d_first, d_states)
        np.testing.assert_array_equal(np.concatenate([first_found["d_x"], second_found["d_x"]]), found["d_x"])
        for weight in layer.weights:
            total = first_found[weight] + second_found[weight]
            assert relative_error(total, found[weight]) < 1e-5, weight


@pytest.mark.parametrize(("isa", "product"), PRODUCTS)
def test_threads_run_the_same_kernel_side_by_side(isa, product):
    kernel = layer_kernel("lstm", isa, product.precision, is_first=True)
    layers = [random_layer("lstm", is_first=True, units=64, time=time, rows=8) for time in (40, 41, 42, 43)]

    def run(layer):
        results, states, saved = layer.forward(kernel)
        found, d_states = layer.backward(kernel, saved)
        return [*results.values(), *states, *found.values(), *d_states]

    expected = [run(layer) for layer in layers]
    with ThreadPoolExecutor(4) as threads:
        for _ in range(3):
            for actual, same in zip(threads.map(run, layers), expected, strict=True):
                assert_same(actual, same)


def with_table(layer, vocabulary=6):
    """Return the arguments of a layer that reads ids, and the same layer with the inputs that they stand for."""
    embedding = np.random.default_rng(9).normal(size=(vocabulary, layer.inputs["x"].shape[2])).astype(np.float32)
    ids = np.random.default_rng(8).integers(0, vocabulary, layer.inputs["x"].shape[:2]).astype(np.int32)
    return ids, embedding, replace(layer, inputs=layer.inputs | {"x": embedding[ids]})


@pytest.mark.parametrize(
    ("name", "precision"), [(name, "float32") for name in ("lstm", "gru", "clockwork", "grid")] + [("lstm", "bfloat16")]
)
def test_a_table_takes_the_place_of_the_products_with_the_input(name, precision):
    ids, embedding, layer = with_table(random_layer(name, is_first=True))
    kernel = LayerKernel(symbolic_layer(layer.cell, is_first=True), precision, has_table=True)
    table = embedding @ layer.weights["kernel"] + layer.weights["bias"]

    def weights(*, transposed):
        packed = layer.packed(kernel, transposed=transposed)
        return {k: v for k, v in packed.items() if k not in ("kernel", "bias")} | {"table": table}

    given = {"ids": ids.astype(np.uint8)}  # as a small vocabulary keeps them
    results, states, saved = kernel.forward(given, layer.states, weights(transposed=False), units=layer.units)
    found, _ = kernel.backward(
        {"ids": ids}, weights(transposed=True), saved, layer.d_results, layer.d_states, units=layer.units
    )
    expected, expected_states = run_in_numpy(layer)
    tolerance = 3e-6 if precision == "float32" else 2e-2
    for actual, same in zip([results["output"], *states], [expected["output"], *expected_states], strict=True):
        assert relative_error(actual, same) < tolerance
    plain = gradients(layer, layer_kernel(name, float32_isa(), "float32", is_first=True))
    assert relative_error(embedding.T @ found["table"], plain["kernel"]) < 3 * tolerance
    assert relative_error(found["table"].sum(axis=0), plain["bias"]) < 3 * tolerance
    unused = sorted(set(range(6)) - set(ids.ravel().tolist()))
    assert not found["table"][unused].any()


def test_without_a_gradient_the_results_are_the_same_and_nothing_more_is_computed():
    layer, isa = random_layer("lstm", is_first=True), float32_isa()
    results, states, _ = layer.forward(layer_kernel("lstm", isa, "float32", is_first=True))
    kernel = LayerKernel(symbolic_layer(layer.cell, is_first=True), "float32", needs_gradient=False)
    few_results, few_states, saved = layer.forward(kernel)
    assert_same([*few_results.values(), *few_states], [*results.values(), *states])
    assert "saved" not in saved
    with pytest.raises(ValueError, match="without a gradient"):
        layer.backward(kernel, saved)


def test_the_gradients_of_matrices_are_left_out_on_request():
    layer, isa = random_layer("gru", is_first=True), float32_isa()
    kernel = layer_kernel("gru", isa, "float32", is_first=True)
    _, _, saved = layer.forward(kernel)
    weights = layer.packed(kernel, transposed=True)
    found, _ = kernel.backward(
        layer.inputs, weights, saved, layer.d_results, layer.d_states, units=20, needs_weights=False
    )
    assert not {"kernel", "recurrent_kernel"} & found.keys()
    assert {"d_x", "bias", "recurrent_bias"} <= found.keys()


@pytest.mark.parametrize(("isa", "product"), PRODUCTS)
def test_saved_arrays_have_the_announced_dtypes(isa, product):
    kernel = layer_kernel("lstm", isa, product.precision, is_first=True)
    results, _, saved = random_layer("lstm", is_first=True).forward(kernel)
    assert {name: array.dtype for name, array in saved.items()} == kernel.saved_dtypes
    assert list(results) == kernel.result_names


def test_an_empty_sequence_leaves_the_states_as_they_are():
    layer = random_layer("lstm", is_first=True, time=0)
    kernel = layer_kernel("lstm", float32_isa(), "float32", is_first=True)
    results, states, saved = layer.forward(kernel)
    assert results["output"].shape == (0, 3, 20)
    assert_same(states, layer.states)
    found, d_states = layer.backward(kernel, saved)
    assert_same(d_states, layer.d_states)
    assert not any(gradient.any() for gradient in found.values())


def test_arrays_may_have_any_layout_and_type():
    layer = random_layer("lstm", is_first=True)
    kernel = layer_kernel("lstm", float32_isa(), "float32", is_first=True)
    expected, _, _ = layer.forward(kernel)
    for x in (np.asfortranarray(layer.inputs["x"]), layer.inputs["x"].astype(np.float64)):
        results, _, _ = replace(layer, inputs={"x": x}).forward(kernel)
        assert_same(results.values(), expected.values())
