"""The order of a step's products and loops: nothing is read before it is computed, and nothing computed twice."""

from typing import Any

import pytest

from charlstm.cells.registry import get_cell
from charlstm.cells.symbolic import symbolic_layer
from charlstm.kernels.gradient import differentiate
from charlstm.kernels.graph import INPUTS, UNITS, Graph, Linear, Node, Term, trace
from charlstm.kernels.schedule import is_input, schedule
from tests.kernels.cases import RECURRENT_CELLS


def plans(name, *, is_first=False, has_table=False):
    """Return the schedules forward and backward."""
    forward = trace(symbolic_layer(get_cell(name), is_first=is_first), has_table=has_table)
    backward = differentiate(forward)
    return schedule(forward), schedule(backward)


def names(linears):
    return [linear.name for linear in linears]


def test_the_products_of_inputs_are_computed_for_many_steps_at_once():
    forward, _ = plans("gru")
    assert names(forward.before) == ["input"]
    assert names(forward.inside) == ["recurrent"]
    forward, _ = plans("lstm")
    (gates,) = forward.graph.linears()
    assert (forward.before, forward.inside) == ([gates], [gates])
    assert [term.weight for term in forward.terms(gates, before=True)] == ["kernel"]
    assert [term.weight for term in forward.terms(gates, before=False)] == ["recurrent_kernel"]
    forward, _ = plans("lstm", is_first=True, has_table=True)
    assert not forward.before
    assert not forward.input_loops


def test_the_gradient_of_the_input_is_computed_after_the_steps():
    _, backward = plans("lstm")
    assert names(backward.after) == ["d_operand_kernel"]
    assert names(backward.inside) == ["d_operand_recurrent_kernel"]
    assert [name for loop in backward.result_loops for name, _ in loop.results] == ["d_x"]
    assert not [name for loop in backward.loops for name, _ in loop.results]


def test_each_product_that_waits_for_another_is_a_level():
    forward, _ = plans("mogrifier:3")
    levels = {linear.name: forward.linear_level(linear) for linear in forward.graph.linears()}
    assert levels == {"mogrify_x1": 1, "mogrify_h2": 2, "mogrify_x3": 3, "gates": 4}
    assert forward.num_levels == 5


def test_a_new_state_is_the_operand_of_the_next_step():
    forward, _ = plans("lstm")
    (group,) = [group for group in forward.groups if group.state]
    assert group.state == "state0"
    stores = [(loop.level, node) for loop in forward.loops for other, _, node in loop.operands if other is group]
    assert stores == [(1, forward.graph.states["state0"])]


def test_products_of_the_same_operands_share_their_array():
    x, h = Node("input", INPUTS, name="x"), Node("state", UNITS, name="state0")
    maps = [Linear(name, (Term(f"{name}_x", (x,)), Term(f"{name}_h", (h,))), UNITS, 1) for name in ("a", "b")]
    total = Node("add", UNITS, tuple(linear.blocks()[0] for linear in maps))
    plan = schedule(Graph({"output": total}, {"state0": total}))
    assert [group.nodes for group in plan.groups] == [(x,), (h,)]


def test_what_a_later_level_reads_is_kept_and_nothing_else():
    x = Node("input", UNITS, name="x")
    h = Node("state", UNITS, name="state0")
    (first,) = Linear("first", (Term("a", (h,)),), UNITS, 1).blocks()
    kept, used_here = Node("tanh", UNITS, (first,)), Node("sigmoid", UNITS, (first,))
    operand = Node("mul", UNITS, (kept, used_here))
    (second,) = Linear("second", (Term("b", (operand,)),), UNITS, 1).blocks()
    end = Node("add", UNITS, (Node("mul", UNITS, (second, kept)), x))
    plan = schedule(Graph({"output": end}, {"state0": end}))
    assert [(loop.level, loop.temporaries) for loop in plan.loops] == [(1, [kept]), (2, [])]


def needed(plan, loop, node, available):
    """Return what a loop would have to find in memory for a node and does not."""
    if node.operation in ("constant", "input", "state", "vector"):
        return []
    if node.operation == "block":
        return [] if node.source in available else [node]
    if node.width == loop.width and plan.level[node] == loop.level:
        return [lack for argument in node.arguments for lack in needed(plan, loop, argument, available)]
    return [] if node in available else [node]


def check_order(plan):
    """Walk through a step: every product finds its operands, every loop its values; every end is stored once."""
    available: set[Any] = set()
    stored: list[Any] = []
    for linear in plan.before:
        assert any(map(is_input, linear.terms))
    # operands that are there before the step: inputs, and states of the step before
    operands = {group for group in plan.groups if group.state}
    operands |= {group for loop in plan.input_loops for group, _, _ in loop.operands}
    available.update(linear for linear in plan.before if linear not in plan.inside)

    def run(loop):
        ends = [*loop.results, *loop.states, *[(name, node) for name, _, node in loop.sums]]
        nodes = [node for _, node in ends] + [node for _, _, node in loop.operands] + loop.temporaries
        for node in nodes:
            assert not needed(plan, loop, node, available)
        available.update(loop.temporaries)
        stored.extend(name for name, _ in [*loop.results, *loop.states])
        stored.extend((name, block) for name, block, _ in loop.sums)
        return [group for group, _, _ in loop.operands]

    for level in range(plan.num_levels):
        for linear in (linear for linear in plan.inside if plan.linear_level(linear) == level):
            assert all(plan.group(term) in operands for term in linear.terms)
            available.add(linear)
        for loop in (loop for loop in plan.loops if loop.level == level):
            operands.update(run(loop))
    for linear in plan.after:
        assert all(plan.group(term) in operands for term in linear.terms)
        available.add(linear)
    for loop in plan.result_loops:
        run(loop)
    sums = [(name, block) for name, nodes in plan.graph.sums.items() for block in range(len(nodes))]
    assert sorted(map(str, stored)) == sorted(map(str, [*plan.graph.results, *plan.graph.states, *sums]))
    assert operands == set(plan.groups)


@pytest.mark.parametrize("name", RECURRENT_CELLS)
@pytest.mark.parametrize("is_first", [True, False])
def test_nothing_is_read_before_it_is_computed(name, is_first):
    has_table = is_first and get_cell(name).input_projection_is_precomputable
    for plan in plans(name, is_first=is_first, has_table=has_table):
        check_order(plan)
