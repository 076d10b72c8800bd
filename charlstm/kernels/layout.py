"""Where the arrays of a step loop lie: their shapes, in numbers or as emitted integers.

Arrays inside the loops are padded to whole vectors, so that no loop over units has a remainder; what lies in the
padding is finite and has no effect. Those that other code sees ("x", "output", ...) are not padded.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from charlstm.kernels.graph import INPUTS, ONE, UNITS, Linear, Node
from charlstm.kernels.isa.instruction_set import NR
from charlstm.kernels.schedule import OperandGroup, Schedule

WIDEST_VECTOR = 16  # numbers
SAVED = "saved"
SIZES = ("time", "rows", "padded_rows", "chunk", "units", "inputs")
FIRST_TURN = "first_turn"  # 0 or 1: which half of the states' arrays holds the first states

Size = Any  # int or Int


def round_up(count: Size, multiple: int) -> Size:
    """Return the smallest multiple that is at least `count`."""
    return (count + (multiple - 1)) // multiple * multiple


class Sizes(NamedTuple):
    """The sizes of a call: steps, streams, streams with padding, steps at once, and the widths."""

    time: Size
    rows: Size
    padded_rows: Size
    chunk: Size
    units: Size
    inputs: Size

    def width(self, name: str) -> Size:
        return {UNITS: self.units, INPUTS: self.inputs, ONE: 1}[name]

    def padded(self, name: str) -> Size:
        return WIDEST_VECTOR if name == ONE else round_up(self.width(name), WIDEST_VECTOR)

    def columns(self, name: str, num_blocks: int) -> Size:
        """Return the padded width of blocks side by side, as products need it."""
        return round_up(self.padded(name) * num_blocks, NR)


class Array(NamedTuple):
    """An array of a step loop, (outer, rows, columns) or fewer axes."""

    name: str
    shape: tuple[Size, ...]
    is_operand: bool = False


def saved_nodes(plan: Schedule, *, backward: bool) -> list[tuple[str, str]]:
    """Return name and width of what is saved, in the order of the array."""
    if backward:
        found = [(node.name, node.width) for node in plan.graph.nodes() if node.operation == "input"]
    else:
        found = [(name, node.width) for name, node in plan.graph.results.items()]
    return sorted((pair for pair in found if pair[0].startswith(SAVED)), key=lambda pair: int(pair[0][len(SAVED) :]))


def saved_offsets(sizes: Sizes, widths: list[tuple[str, str]]) -> tuple[dict[str, Size], Size]:
    """Return where each saved node begins in a row of the array, and the row's length."""
    offsets: dict[str, Size] = {}
    end: Size = 0
    for name, width in widths:
        offsets[name] = end
        end = sizes.padded(width) + end
    return offsets, end


def sequence_inputs(plan: Schedule) -> dict[str, str]:
    """Return the width of each array that others give with a value for each step, by name."""
    return {
        node.name: node.width
        for node in plan.graph.nodes()
        if node.operation == "input" and not node.name.startswith(SAVED)
    }


def sequence_results(plan: Schedule) -> dict[str, str]:
    """Return the width of each array that others get with a value for each step, by name."""
    return {name: node.width for name, node in plan.graph.results.items() if not name.startswith(SAVED)}


def vectors(plan: Schedule) -> dict[str, str]:
    return {node.name: node.width for node in plan.graph.nodes() if node.operation == "vector"}


def state_widths(plan: Schedule) -> dict[str, str]:
    found = {node.name: node.width for node in plan.graph.nodes() if node.operation == "state"}
    return found | {name: node.width for name, node in plan.graph.states.items()}


def tables(plan: Schedule) -> list[Linear]:
    return [linear for linear in plan.graph.linears() if linear.has_table]


def weights(plan: Schedule) -> list[str]:
    """Return the names of the matrices that are multiplied with."""
    return list(dict.fromkeys(term.weight for linear in plan.graph.linears() for term in linear.terms))


def group_shape(group: OperandGroup, sizes: Sizes) -> tuple[Size, ...]:
    steps = sizes.time + 1 if group.state else sizes.time
    return steps, sizes.padded_rows, sizes.columns(group.width, len(group.nodes))


def result_shape(linear: Linear, plan: Schedule, sizes: Sizes) -> tuple[Size, ...]:
    columns = sizes.columns(linear.width, linear.num_blocks)
    is_for_many = linear in plan.before or linear in plan.after
    return (sizes.chunk if is_for_many else 1, sizes.padded_rows, columns)


def workspaces(plan: Schedule, sizes: Sizes) -> Iterator[Array]:
    """Yield the arrays that live during a call only."""
    for number, linear in enumerate(plan.graph.linears()):
        yield Array(f"result{number}", result_shape(linear, plan, sizes))
    for number, node in enumerate(temporaries(plan)):
        yield Array(f"temporary{number}", (sizes.padded_rows, sizes.padded(node.width)))


def temporaries(plan: Schedule) -> list[Node]:
    return [node for loop in plan.loops for node in loop.temporaries]


def argument_names(plan: Schedule, *, backward: bool) -> list[str]:
    """Return the arguments of a step loop's function in their order."""
    names = [*SIZES, FIRST_TURN, *sequence_inputs(plan), *sequence_results(plan), *state_widths(plan)]
    names += [SAVED] if saved_nodes(plan, backward=backward) else []
    names += [group.name for group in plan.groups] + [f"weight_{name}" for name in weights(plan)]
    names += [f"result{number}" for number in range(len(plan.graph.linears()))]
    names += [f"temporary{number}" for number in range(len(temporaries(plan)))]
    names += [f"vector_{name}" for name in vectors(plan)]
    names += [f"bias_{linear.bias}" for linear in plan.graph.linears() if linear.bias]
    names += ["table"] if tables(plan) else []
    names += [f"sum_{name}" for name in plan.graph.sums]
    names += ["ids"] if tables(plan) or "table" in plan.graph.sums else []
    return names
