"""Where the arrays of a step loop lie: their shapes, in numbers or as emitted integers.

Arrays inside the loops are padded to whole vectors, so that no loop over units has a remainder; what lies in the
padding is finite and has no effect. Those that other code sees ("x", "output", ...) are not padded.
"""

from collections.abc import Iterator, Sequence
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


class Layout:
    """The arrays that a step loop computes with, by the names of its arguments."""

    def __init__(self, plan: Schedule, *, backward: bool) -> None:
        nodes, results = plan.graph.nodes(), plan.graph.results
        self.plan, self.backward, self.linears = plan, backward, plan.graph.linears()
        self.temporaries = [node for loop in plan.loops for node in loop.temporaries]
        inputs = {node.name: node.width for node in nodes if node.operation == "input"}
        outputs = {name: node.width for name, node in results.items()}
        # the widths of arrays (time, rows, width) that others give or get
        self.inputs = {name: width for name, width in inputs.items() if not name.startswith(SAVED)}
        self.results = {name: width for name, width in outputs.items() if not name.startswith(SAVED)}
        states = {node.name: node.width for node in nodes if node.operation == "state"}
        self.states = dict(sorted((states | {name: node.width for name, node in plan.graph.states.items()}).items()))
        saved = [(name, width) for name, width in (inputs | outputs).items() if name.startswith(SAVED)]
        self.saved = dict(sorted(saved, key=lambda pair: int(pair[0].removeprefix(SAVED))))
        self.terms = [term for linear in self.linears for term in linear.terms]
        self.arguments = [*SIZES, FIRST_TURN, *self.inputs, *self.results, *self.states, *self._other_arguments(nodes)]

    def _other_arguments(self, nodes: Sequence[Node]) -> Iterator[str]:
        if self.saved:
            yield SAVED
        yield from (group.name for group in self.plan.groups)
        yield from dict.fromkeys(f"weight_{term.weight}" for term in self.terms)
        yield from (f"result{number}" for number in range(len(self.linears)))
        yield from (f"temporary{number}" for number in range(len(self.temporaries)))
        yield from dict.fromkeys(f"vector_{node.name}" for node in nodes if node.operation == "vector")
        yield from (f"bias_{linear.bias}" for linear in self.linears if linear.bias)
        yield from (f"sum_{name}" for name in self.plan.graph.sums)
        if any(linear.has_table for linear in self.linears):
            yield from ("table", "ids")
        elif "table" in self.plan.graph.sums:
            yield "ids"

    def saved_offsets(self, sizes: Sizes) -> tuple[dict[str, Size], Size]:
        """Return where each saved node begins in a row of the array, and the row's length."""
        offsets: dict[str, Size] = {}
        end: Size = 0
        for name, width in self.saved.items():
            offsets[name] = end
            end = sizes.padded(width) + end
        return offsets, end

    def is_for_many(self, linear: Linear) -> bool:
        """Return whether the results of a linear map are kept for all steps of a chunk."""
        return linear in self.plan.before or linear in self.plan.after

    def workspaces(self, sizes: Sizes) -> dict[str, tuple[Size, ...]]:
        """Return the shapes of the arrays that live during a call only."""
        shapes: dict[str, tuple[Size, ...]] = {}
        for number, linear in enumerate(self.linears):
            steps = sizes.chunk if self.is_for_many(linear) else 1
            shapes[f"result{number}"] = steps, sizes.padded_rows, sizes.columns(linear.width, linear.num_blocks)
        for number, node in enumerate(self.temporaries):
            shapes[f"temporary{number}"] = sizes.padded_rows, sizes.padded(node.width)
        return shapes


def group_shape(group: OperandGroup, sizes: Sizes) -> tuple[Size, ...]:
    """Return the shape of the operands of all steps; of a state, there is one more."""
    steps = sizes.time + 1 if group.state else sizes.time
    return steps, sizes.padded_rows, sizes.columns(group.width, len(group.nodes))
