"""A cell's equations become a graph: every node once, in an order in which it can be computed."""

from types import SimpleNamespace
from typing import Any

import pytest

from charlstm.cells.equations import CellStep
from charlstm.cells.registry import get_cell
from charlstm.cells.symbolic import symbolic_layer
from charlstm.kernels.graph import (
    INPUTS,
    ONE,
    UNITS,
    Graph,
    Linear,
    Node,
    SymbolicOps,
    Term,
    Value,
    combine,
    constant,
    sources,
    trace,
)
from tests.kernels.cases import RECURRENT_CELLS


def traced(name, *, is_first=False, has_table=False):
    return trace(symbolic_layer(get_cell(name), is_first=is_first), has_table=has_table)


def test_a_plain_network_is_one_linear_map_and_one_tanh():
    graph = traced("rnn", is_first=True)
    assert [node.operation for node in graph.nodes()] == ["input", "state", "block", "tanh"]
    (linear,) = graph.linears()
    assert [(term.weight, [node.name for node in term.operands]) for term in linear.terms] == [
        ("kernel", ["x"]),
        ("recurrent_kernel", ["state0"]),
    ]
    assert (linear.bias, linear.num_blocks, linear.width, linear.has_table) == ("bias", 1, UNITS, False)
    assert graph.results["output"] is graph.states["state0"]


def test_with_a_table_nothing_is_multiplied_with_the_input():
    (linear,) = traced("lstm", is_first=True, has_table=True).linears()
    assert [term.weight for term in linear.terms] == ["recurrent_kernel"]
    assert (linear.bias, linear.has_table) == (None, True)
    input_map, recurrent = sorted(traced("gru", is_first=True, has_table=True).linears(), key=lambda each: each.name)
    assert (input_map.terms, input_map.has_table) == ((), True)
    assert (recurrent.bias, recurrent.has_table) == ("recurrent_bias", False)


@pytest.mark.parametrize(("is_first", "expected"), [(True, ["x"]), (False, ["x", "lower"])])
def test_the_cell_state_of_the_layer_below_is_an_input_of_upper_layers(is_first, expected):
    graph = traced("grid", is_first=is_first)
    assert {node.name for node in graph.nodes() if node.operation == "input"} == set(expected)
    assert list(graph.results) == ["output", "passed_up"]


def test_widths_are_names():
    graph = traced("clockwork")
    assert {node.name: node.width for node in graph.nodes() if node.operation == "state"} == {
        "state0": UNITS,
        "state1": ONE,
    }
    assert graph.states["state1"].width == ONE
    assert next(node for node in graph.nodes() if node.operation == "is_zero").width == UNITS
    mogrified = next(linear for linear in traced("mogrifier").linears() if linear.name == "mogrify_x1")
    assert mogrified.width == INPUTS


@pytest.mark.parametrize("name", RECURRENT_CELLS)
@pytest.mark.parametrize("is_first", [True, False])
def test_every_node_comes_once_and_after_its_sources(name, is_first):
    graph = traced(name, is_first=is_first)
    seen: set[Node] = set()
    for node in graph.nodes():
        assert node not in seen
        assert seen.issuperset(sources(node))
        seen.add(node)
    assert seen.issuperset(graph.roots())
    maps = graph.linears()
    assert len(maps) == len(set(maps))


def test_a_long_chain_is_no_deep_recursion():
    node = start = Node("input", UNITS, name="x")
    for _ in range(5000):
        node = Node("tanh", UNITS, (node,))
    nodes = Graph({"output": node}).nodes()
    assert (len(nodes), nodes[0], nodes[-1]) == (5001, start, node)


@pytest.mark.parametrize("name", RECURRENT_CELLS)
def test_the_same_cell_has_the_same_description(name):
    assert traced(name).describe() == traced(name).describe()


def test_other_cells_have_other_descriptions():
    descriptions = {traced(name).describe() for name in [*RECURRENT_CELLS, "peephole:f", "mogrifier:2", "clockwork:2"]}
    assert len(descriptions) == len(RECURRENT_CELLS) + 3


def small_graph(**changes):
    """A graph that has everything which can differ."""
    settings: dict[str, Any] = {
        "width": UNITS, "weight": "kernel", "is_transposed": False, "bias": "bias", "has_table": False, "value": 2.0,
        "operation": "tanh", "index": 0, "name": "x", "result": "output", "state": "state0", "sum": "bias",
        "linear": "gates", "num_blocks": 2, "operands": 1,
    } | changes  # fmt: skip
    x = Node("input", settings["width"], name=settings["name"])
    term = Term(settings["weight"], (x,) * settings["operands"], settings["is_transposed"])
    linear = Linear(settings["linear"], (term,), UNITS, settings["num_blocks"], settings["bias"], settings["has_table"])
    node = Node(settings["operation"], UNITS, (linear.blocks()[settings["index"]],))
    scaled = Node("mul", UNITS, (node, constant(settings["value"])))
    return Graph({settings["result"]: scaled}, {settings["state"]: node}, {settings["sum"]: (node,)})


@pytest.mark.parametrize(
    "change",
    [
        {"width": INPUTS}, {"weight": "other"}, {"is_transposed": True}, {"bias": None}, {"has_table": True},
        {"value": 2.0000001}, {"operation": "sigmoid"}, {"index": 1}, {"name": "y"}, {"result": "other"},
        {"state": "state1"}, {"sum": "other"}, {"linear": "other"}, {"num_blocks": 3}, {"operands": 2},
    ],
    ids=str,
)  # fmt: skip
def test_any_difference_shows_in_the_description(change):
    assert small_graph(**change).describe() != small_graph().describe()


def test_multiplication_by_one_is_left_out():
    x = Node("input", UNITS, name="x")
    assert combine("mul", x, constant(1)) is x
    assert combine("mul", constant(1), x) is x
    assert combine("add", x, constant(1)).operation == "add"


@pytest.mark.parametrize(
    ("widths", "expected"), [((ONE, UNITS), UNITS), ((INPUTS, ONE), INPUTS), ((ONE, ONE), ONE), ((UNITS, UNITS), UNITS)]
)
def test_a_number_takes_the_width_of_what_it_is_combined_with(widths, expected):
    left, right = (Node("input", width, name=width) for width in widths)
    assert combine("add", left, right).width == expected
    assert combine("add", left, constant(3)).width == left.width


def test_operators_and_operations_act_on_every_block():
    ops = SymbolicOps()
    a, b, c = (Value(Node("input", UNITS, name=name)) for name in "abc")
    together = ops.concat([a, b, c])
    assert [part.blocks for part in ops.split(together, (2, 1))] == [(*a.blocks, *b.blocks), c.blocks]
    difference = 1 - together
    assert [node.operation for node in difference.blocks] == ["sub"] * 3
    assert [node.arguments[0].value for node in difference.blocks] == [1.0] * 3
    activated = ops.activate(together, ("sigmoid", "tanh", "sigmoid"))
    assert [part.blocks[0].operation for part in activated] == ["sigmoid", "tanh", "sigmoid"]


@pytest.mark.parametrize("second", ["gates", "input", "matmul"])
def test_a_matrix_is_multiplied_once_in_a_step(second):
    """Its gradient would be that of one of the products alone."""

    def step(ops, projections, x, states):
        (h,) = states
        total = projections.gate_preactivations(x, h)
        again = {
            "gates": lambda: projections.gate_preactivations(x, h),
            "input": lambda: projections.input_projection(x),
            "matmul": lambda: projections.matmul("recurrent_kernel", h),
        }
        h = ops.tanh(total + again[second]())
        return CellStep(h, (h,))

    layer = SimpleNamespace(**vars(symbolic_layer(get_cell("rnn"), is_first=True)) | {"step": step})
    with pytest.raises(ValueError, match=r"a step multiplies by (recurrent_)?kernel more than once"):
        trace(layer, has_table=False)


def test_a_node_that_is_no_block_has_no_linear_map():
    with pytest.raises(ValueError, match="constant is no block of a linear map"):
        _ = constant(1).source
