"""Reverse differentiation of graphs, run by a NumPy interpreter, against finite differences."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from charlstm.cells.equations import CellStep
from charlstm.cells.registry import get_cell
from charlstm.cells.symbolic import symbolic_layer
from charlstm.kernels.gradient import differentiate
from charlstm.kernels.graph import INPUTS, ONE, UNITS, Graph, Linear, Node, Term, trace
from tests.kernels.cases import RECURRENT_CELLS

SIZES = {UNITS: 4, INPUTS: 3, ONE: 1}
ROWS = 2
OPERATIONS: dict[str, Any] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "remainder": np.mod,
    "is_zero": lambda x: np.equal(x, 0).astype(float),
}


class Interpreter:
    """Computes the nodes of a graph from arrays by name: inputs, states and weights."""

    def __init__(self, arrays):
        self.arrays, self._values, self._products = arrays, {}, {}

    def value(self, node):
        if node not in self._values:
            self._values[node] = self._compute(node)
        return self._values[node]

    def _compute(self, node):
        if node.operation == "block":
            width = SIZES[node.width]
            return self.product(node.source)[:, node.index * width : (node.index + 1) * width]
        if node.operation == "constant":
            return np.full((1, 1), node.value)  # of any width
        if node.is_given:
            return self.arrays[node.name]
        return OPERATIONS[node.operation](*map(self.value, node.arguments))

    def operands(self, term):
        return np.concatenate([self.of_width(node) for node in term.operands], axis=1)

    def of_width(self, node):
        return np.broadcast_to(self.value(node), (ROWS, SIZES[node.width]))

    def product(self, linear):
        if linear not in self._products:
            total = np.zeros((ROWS, SIZES[linear.width] * linear.num_blocks))
            if linear.has_table:
                total = total + self.arrays["table"][self.arrays["ids"]]
            if linear.bias:
                total = total + self.arrays[linear.bias]
            for term in linear.terms:
                weights = self.arrays[term.weight]
                total = total + self.operands(term) @ (weights.T if term.is_transposed else weights)
            self._products[linear] = total
        return self._products[linear]


def arrays_of(graph):
    """Return random arrays for everything that a graph reads."""
    random = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for node in graph.nodes():
        if node.operation in ("input", "state"):
            arrays[node.name] = random.normal(size=(ROWS, SIZES[node.width]))
            if node.width == ONE:
                arrays[node.name] = np.ones((ROWS, 1))
        elif node.operation == "vector":
            arrays[node.name] = 2.0 ** np.arange(4) if node.name == "periods" else random.normal(size=SIZES[node.width])
    for linear in graph.linears():
        width = SIZES[linear.width] * linear.num_blocks
        if linear.bias:
            arrays[linear.bias] = random.normal(size=width)
        if linear.has_table:
            arrays["table"], arrays["ids"] = random.normal(size=(5, width)), np.array([3, 1])
        for term in linear.terms:
            arrays[term.weight] = 0.5 * random.normal(size=(sum(SIZES[node.width] for node in term.operands), width))
    return arrays


def gradients_of(graph, arrays):
    """Return the gradient of each array by the graph backward, and the function that it is the gradient of."""
    random = np.random.default_rng(1)
    ends = {f"d_{name}": node for name, node in (graph.results | graph.states).items() if node.width != ONE}
    mixers = {name: random.normal(size=(ROWS, SIZES[node.width])) for name, node in ends.items()}
    # a state and a result may be the same node: both contribute
    pairs = [(f"d_{name}", node) for part in (graph.results, graph.states) for name, node in part.items()]
    pairs = [pair for pair in pairs if pair[0] in mixers]

    def loss(arrays):
        interpreter = Interpreter(arrays)
        return sum((interpreter.value(node) * mixers[name]).sum() for name, node in pairs)

    backward = differentiate(graph)
    forward_values = Interpreter(arrays)
    saved = {name: forward_values.value(node) for name, node in graph.results.items() if name.startswith("saved")}
    values = Interpreter(arrays | mixers | saved)
    ends = backward.results | backward.states
    found = {name[2:]: np.broadcast_to(values.value(node), arrays[name[2:]].shape) for name, node in ends.items()}
    for name, nodes in backward.sums.items():
        summed = np.concatenate([values.of_width(node) for node in nodes], axis=1)
        found[name] = summed.sum(axis=0)
        if name == "table":
            found[name] = np.zeros_like(arrays["table"])
            np.add.at(found[name], arrays["ids"], summed)
    forward_terms = {term.weight: term for linear in graph.linears() for term in linear.terms}
    for term in (term for linear in backward.linears() for term in linear.terms):
        left = forward_values.operands(forward_terms[term.weight])
        found[term.weight] = left.T @ values.operands(term)
    return found, loss


def check_gradients(graph, *, without=()):
    arrays = arrays_of(graph)
    found, loss = gradients_of(graph, arrays)
    random = np.random.default_rng(2)
    has_no_gradient = {
        "ids",
        "periods",
        *without,
        *(name for name, array in arrays.items() if array.shape == (ROWS, 1)),
    }
    assert found.keys() == arrays.keys() - has_no_gradient
    for name, gradient in found.items():
        direction = random.normal(size=arrays[name].shape)
        losses = [loss(arrays | {name: arrays[name] + step * direction}) for step in (1e-5, -1e-5)]
        expected = (losses[0] - losses[1]) / 2e-5
        assert (gradient * direction).sum() == pytest.approx(expected, rel=1e-6, abs=1e-8), name


@pytest.mark.parametrize("name", RECURRENT_CELLS)
@pytest.mark.parametrize("layer", ["first", "upper", "table"])
def test_gradients_of_every_cell(name, layer):
    cell = get_cell(name)
    if layer == "table" and not cell.input_projection_is_precomputable:
        pytest.skip("the cell multiplies its input more than once")
    description = symbolic_layer(cell, is_first=layer != "upper")
    if cell.passes_cell_state_up and layer == "upper":  # their inputs are outputs of the layer below
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(SIZES, INPUTS, SIZES[UNITS])
            return check_gradients(trace(description, has_table=False))
    return check_gradients(trace(description, has_table=layer == "table"))


def inputs(*names):
    return [Node("input", UNITS, name=name) for name in names]


def operation(name, *arguments):
    return Node(name, UNITS, arguments)


@pytest.mark.parametrize("name", ["add", "sub", "mul"])
def test_arithmetic_on_two_nodes_and_on_the_same_node_twice(name):
    a, b = inputs("a", "b")
    both = operation(name, operation(name, a, b), operation("tanh", a))
    check_gradients(Graph({"output": operation("mul", both, both)}))


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_activations_are_computed_again_unless_a_product_is_below_them(name):
    (x,) = inputs("x")
    graph = Graph({"output": operation(name, operation(name, x))})
    check_gradients(graph)
    assert list(graph.results) == ["output"]  # nothing is saved
    (block,) = Linear("product", (Term("weights", (x,)),), UNITS, 1).blocks()
    graph = Graph({"output": operation("mul", operation(name, block), x)})
    check_gradients(graph)
    assert graph.results["saved0"].operation == name


def test_a_block_that_nothing_reads_has_a_gradient_of_zero():
    (x,) = inputs("x")
    blocks = Linear("product", (Term("weights", (x,)),), UNITS, 3, bias="bias").blocks()
    graph = Graph({"output": operation("tanh", blocks[0]), "other": blocks[2]})
    check_gradients(graph)
    arrays = arrays_of(graph)
    found, _ = gradients_of(graph, arrays)
    assert not found["weights"][:, 4:8].any()
    assert not found["bias"][4:8].any()
    assert found["bias"][8:].any()


def test_operands_of_several_products_sum_up_their_gradients():
    (x,) = inputs("x")
    h = Node("state", UNITS, name="state0")
    (first,) = Linear("first", (Term("a", (x,)), Term("b", (h,))), UNITS, 1).blocks()
    (second,) = Linear("second", (Term("c", (operation("tanh", first),)), Term("d", (x,))), UNITS, 1).blocks()
    check_gradients(Graph({"output": operation("mul", second, x)}, {"state0": operation("sigmoid", first)}))


def test_a_state_that_is_only_remembered_passes_its_gradient_on():
    h, c = (Node("state", UNITS, name=f"state{number}") for number in range(2))
    check_gradients(Graph({"output": operation("tanh", c)}, {"state0": c, "state1": h}))


def test_a_state_that_nothing_reads_has_a_gradient_of_zero():
    def step(ops, projections, x, states):
        h = ops.tanh(projections.input_projection(x))
        return CellStep(h, (h,))

    layer = SimpleNamespace(**vars(symbolic_layer(get_cell("rnn"), is_first=True)) | {"step": step})
    backward = differentiate(trace(layer, has_table=False))
    node = backward.states["d_state0"]
    assert (node.operation, node.value) == ("constant", 0)


def test_piecewise_constant_operations_pass_nothing_on():
    a, b = inputs("a", "b")
    gate = operation("is_zero", operation("remainder", a, b))
    check_gradients(Graph({"output": operation("mul", gate, operation("tanh", b))}), without={"a"})
