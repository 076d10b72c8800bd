"""One step of a cell as a graph: pointwise nodes between products.

The cell's own function is called once, with symbols in place of arrays. What it computes is recorded and never
evaluated here: the graph is differentiated (gradient.py), cut where matrices are multiplied (schedule.py), and emitted
as machine code (step_loop.py).

Widths are names: an array is as wide as a layer has "units", as it has "inputs", or "one" number wide.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

UNITS, INPUTS, ONE = "units", "inputs", "one"


@dataclass(frozen=True, eq=False)
class Node:
    """A value of every unit of one step.

    Operations: "input" and "state" (by name, from outside the step), "vector" (weights of one number per unit),
    "constant", "block" (a part of a linear map's result), and the arithmetic: "add", "sub", "mul", "remainder",
    "is_zero", "sigmoid", "tanh".
    """

    operation: str
    width: str
    arguments: tuple["Node", ...] = ()
    name: str = ""
    value: float = 0.0
    linear: "Linear | None" = None
    index: int = 0  # of a block

    @property
    def source(self) -> "Linear":
        """The linear map that a block is a part of."""
        if self.linear is None:
            raise ValueError(f"{self.operation} is no block of a linear map")
        return self.linear

    @property
    def is_given(self) -> bool:
        """Whether the value is read from memory instead of computed from other nodes."""
        return self.operation in ("input", "state", "vector", "constant", "block")


class Term(NamedTuple):
    """A product of a weight matrix with nodes side by side."""

    weight: str
    operands: tuple[Node, ...]
    is_transposed: bool = False


@dataclass(frozen=True, eq=False)
class Linear:
    """The sum of products and a bias: (rows, num_blocks * width).

    With `has_table`, the bias is a row of a table that is selected by the character.
    """

    name: str
    terms: tuple[Term, ...]
    width: str
    num_blocks: int
    bias: str | None = None
    has_table: bool = False

    def blocks(self) -> tuple[Node, ...]:
        return tuple(Node("block", self.width, linear=self, index=index) for index in range(self.num_blocks))


@dataclass
class Graph:
    """A step: what it gives at each time, the states it leaves, and what it sums up over all times."""

    results: dict[str, Node] = field(default_factory=dict)
    states: dict[str, Node] = field(default_factory=dict)
    sums: dict[str, tuple[Node, ...]] = field(default_factory=dict)  # of gradients, by weight

    def roots(self) -> list[Node]:
        summed = [node for nodes in self.sums.values() for node in nodes]
        return [*self.results.values(), *self.states.values(), *summed]

    def nodes(self) -> list[Node]:
        """Return every node once, each after those that it depends on."""
        ordered: dict[Node, None] = {}
        stack = [(node, False) for node in reversed(self.roots())]
        while stack:
            node, is_expanded = stack.pop()
            if node in ordered:
                continue
            if is_expanded:
                ordered[node] = None
            else:
                stack.append((node, True))
                stack += [(argument, False) for argument in reversed(sources(node))]
        return list(ordered)

    def linears(self) -> list[Linear]:
        """Return every linear map once, each after those that it depends on."""
        return list(dict.fromkeys(node.linear for node in self.nodes() if node.linear is not None))

    def describe(self) -> str:
        """Return a text that is the same for the same graph, and differs for others."""
        nodes = self.nodes()
        number = {node: index for index, node in enumerate(nodes)}

        def term(term: Term) -> Any:
            return term.weight, term.is_transposed, [number[node] for node in term.operands]

        lines = []
        for node in nodes:
            linear, product = node.linear, None
            if linear is not None:
                terms = [*map(term, linear.terms)]
                product = linear.name, linear.bias, linear.has_table, linear.num_blocks, terms
            arguments = [number[argument] for argument in node.arguments]
            lines.append((node.operation, node.width, arguments, node.name, node.value, product, node.index))
        parts = self.results.items(), self.states.items()
        ends = [[(name, number[node]) for name, node in part] for part in parts]
        return repr((lines, ends, [(name, [number[node] for node in nodes]) for name, nodes in self.sums.items()]))


def sources(node: Node) -> list[Node]:
    """Return the nodes that a node is computed from."""
    terms = node.linear.terms if node.linear else ()
    return [*node.arguments, *(operand for term in terms for operand in term.operands)]


def constant(value: float) -> Node:
    return Node("constant", UNITS, value=float(value))


def combine(operation: str, left: Node, right: Node) -> Node:
    """Return a node of two arguments, without the arithmetic that changes nothing."""
    if operation == "mul" and is_constant(left, 1):
        return right
    if operation == "mul" and is_constant(right, 1):
        return left
    widths = {node.width for node in (left, right) if node.operation != "constant"} or {UNITS}
    width = next(iter(widths - {ONE}), ONE)
    return Node(operation, width, (left, right))


def is_constant(node: Node, value: float) -> bool:
    return node.operation == "constant" and node.value == value


class WeightShape(NamedTuple):
    """The shape of a weight: rows of one width, by blocks of another. A vector has no rows."""

    rows: str | None
    width: str
    num_blocks: int


class Value:
    """What a cell computes with while it is traced: nodes side by side, for which Python's operators add nodes."""

    def __init__(self, *blocks: Node) -> None:
        self.blocks = blocks

    def _combine(self, operation: str, other: Any, *, swap: bool = False) -> "Value":
        others = other.blocks if isinstance(other, Value) else [constant(other)] * len(self.blocks)
        pairs = zip(self.blocks, others, strict=True)
        return Value(*(combine(operation, *((b, a) if swap else (a, b))) for a, b in pairs))

    def __add__(self, other: Any) -> "Value":
        return self._combine("add", other)

    def __sub__(self, other: Any) -> "Value":
        return self._combine("sub", other)

    def __rsub__(self, other: Any) -> "Value":
        return self._combine("sub", other, swap=True)

    def __mul__(self, other: Any) -> "Value":
        return self._combine("mul", other)

    def __mod__(self, other: Any) -> "Value":
        return self._combine("remainder", other)

    __radd__, __rmul__ = __add__, __mul__

    def apply(self, operation: str) -> "Value":
        return Value(*(Node(operation, node.width, (node,)) for node in self.blocks))


class SymbolicOps:
    """The operations of a cell on symbols (`charlstm.cells.equations.Ops`)."""

    def activate(self, x: Value, activations: Sequence[str]) -> list[Value]:
        parts = self.split(x, [1] * len(activations))
        return [part.apply(activation) for part, activation in zip(parts, activations, strict=True)]

    def sigmoid(self, x: Value) -> Value:
        return x.apply("sigmoid")

    def tanh(self, x: Value) -> Value:
        return x.apply("tanh")

    def split(self, x: Value, sizes: Sequence[int]) -> list[Value]:
        unit, start, parts = len(x.blocks) // sum(sizes), 0, []
        for size in sizes:
            parts.append(Value(*x.blocks[start * unit : (start + size) * unit]))
            start += size
        return parts

    def concat(self, parts: Sequence[Value]) -> Value:
        return Value(*(block for part in parts for block in part.blocks))

    def is_zero(self, x: Value) -> Value:
        return x.apply("is_zero")


class SymbolicProjections:
    """The products of a layer on symbols (`charlstm.cells.equations.Projections`).

    With a table, the projections of the input are looked up. A step multiplies by each matrix once: its gradient is the
    product of two arrays.
    """

    def __init__(self, shapes: Mapping[str, tuple[str | None, str, int]], *, has_table: bool) -> None:
        self._shapes, self._has_table = shapes, has_table
        self._vectors: dict[str, Value] = {}
        self._multiplied: set[str] = set()

    def gate_preactivations(self, x: Value, h: Value) -> Value:
        return self._linear("gates", [*self._input_terms(x), Term("recurrent_kernel", h.blocks)], "bias")

    def input_projection(self, x: Value) -> Value:
        return self._linear("input", self._input_terms(x), "bias")

    def recurrent_projection(self, h: Value) -> Value:
        return self._linear("recurrent", [Term("recurrent_kernel", h.blocks)], "recurrent_bias")

    def matmul(self, name: str, x: Value) -> Value:
        return self._linear(name, [Term(name, x.blocks)], None)

    def vector(self, name: str) -> Value:
        return self._vectors.setdefault(name, Value(Node("vector", self._shapes[name][1], name=name)))

    def _input_terms(self, x: Value) -> list[Term]:
        return [] if self._has_table else [Term("kernel", x.blocks)]

    def _linear(self, name: str, terms: Sequence[Term], bias: str | None) -> Value:
        has_table = self._has_table and bias == "bias"
        for term in terms:
            if term.weight in self._multiplied:
                raise ValueError(f"a step multiplies by {term.weight} more than once")
            self._multiplied.add(term.weight)
        _, width, num_blocks = self._shapes[bias or name]
        linear = Linear(name, tuple(terms), width, num_blocks, None if has_table else bias, has_table)
        return Value(*linear.blocks())


def trace(layer: Any, *, has_table: bool, with_activations: bool = False) -> Graph:
    """Return the graph of a cell's step in a layer (`charlstm.kernels.layer.LayerDescription`).

    With a table, the projections of the input are looked up by character. With `with_activations`, the gates and the
    like that the cell names are results as well.
    """
    x: Any = Value(Node("input", INPUTS, name="x"))
    if layer.passes_cell_state_up:
        x = x, None if layer.is_first else Value(Node("input", UNITS, name="lower"))
    states = tuple(Value(Node("state", width, name=f"state{n}")) for n, width in enumerate(layer.state_widths))
    result = layer.step(SymbolicOps(), SymbolicProjections(layer.shapes, has_table=has_table), x, states)
    graph = Graph({"output": _single(result.output)})
    if result.passed_up is not None:
        graph.results["passed_up"] = _single(result.passed_up)
    if with_activations and result.activations is not None:
        graph.results |= {name: _single(value) for name, value in result.activations._asdict().items()}
    graph.states = {f"state{number}": _single(state) for number, state in enumerate(result.states)}
    return graph


def _single(value: Value) -> Node:
    (node,) = value.blocks
    return node
