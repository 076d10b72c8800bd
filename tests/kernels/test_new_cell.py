"""A cell that is in no registry runs in compiled code, too: one function, and the shapes of its weights."""

import numpy as np
import pytest

from charlstm.cells.equations import CellStep
from charlstm.cells.symbolic import SymbolicLayer
from charlstm.kernels.layer import LayerKernel
from tests.kernels.cases import relative_error

pytestmark = pytest.mark.usefixtures("used_memory")


def forgetful(ops, projections, x, states):
    """A cell that is in no registry: it never reads its first state, and its second one is as it was."""
    _, c = states
    g = ops.tanh(projections.gate_preactivations(x, c)) * projections.vector("scale")
    return CellStep(1 - g * g, (g - 2 * c, c))


def test_a_new_cell_is_one_function():
    shapes = {
        "kernel": ("inputs", "units", 1), "recurrent_kernel": ("units", "units", 1), "bias": (None, "units", 1),
        "scale": (None, "units", 1),
    }  # fmt: skip
    kernel = LayerKernel(SymbolicLayer(forgetful, shapes, ("units", "units"), True, False), "float32")
    random, units = np.random.default_rng(0), 20
    arrays = {"kernel": (7, units), "recurrent_kernel": (units, units), "bias": (units,), "scale": (units,)}
    weights = {name: random.normal(size=shape).astype(np.float32) for name, shape in arrays.items()}
    x, first, second, d_output, d_first, d_second = (
        random.normal(size=shape).astype(np.float32)
        for shape in ((4, 3, 7), (3, units), (3, units), (4, 3, units), (3, units), (3, units))
    )

    def packed(*, transposed):
        return {
            name: kernel.pack(name, w, units=units, inputs=7, transposed=transposed) if w.ndim == 2 else w
            for name, w in weights.items()
        }

    results, states, saved = kernel.forward({"x": x}, [first, second], packed(transposed=False), units=units)
    g = np.tanh(x @ weights["kernel"] + second @ weights["recurrent_kernel"] + weights["bias"]) * weights["scale"]
    assert relative_error(results["output"], 1 - g * g) < 3e-6
    assert relative_error(states[0], g[-1] - 2 * second) < 3e-6
    np.testing.assert_array_equal(states[1], second)
    found, (d_unread, d_kept) = kernel.backward(
        {"x": x}, packed(transposed=True), saved, {"d_output": d_output}, [d_first, d_second], units=units
    )
    d_g = -2 * g * d_output
    d_g[-1] += d_first
    assert relative_error(found["scale"], (d_g * g / weights["scale"]).sum(axis=(0, 1))) < 1e-5
    assert not d_unread.any()
    slopes = d_g * weights["scale"] * (1 - (g / weights["scale"]) ** 2)
    assert relative_error(d_kept, d_second - 2 * d_first + (slopes @ weights["recurrent_kernel"].T).sum(axis=0)) < 1e-5
