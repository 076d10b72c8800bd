"""One step of a layer as JavaScript, from the graph that the compiled code is made of.

The code is a function `(linear, weights, sizes, input, states)`. `linear(bias, columns, terms)` adds up products;
`input` has the layer's input `x`, the cell state `lower` of the layer below, and `projected`, the first layer's product
of its input. Arrays have one number per unit, and those that it makes are Float64Array. It returns the output, the
states, what is passed up, and the activations by name.
"""

import re
from collections.abc import Callable

from charlstm.cells.equations import CellStep
from charlstm.cells.registry import Cell, LayerSize
from charlstm.cells.symbolic import SymbolicLayer, symbolic_layer
from charlstm.kernels import Graph, Linear, Node, trace

BINARY = {"add": "{0} + {1}", "sub": "{0} - {1}", "mul": "{0} * {1}", "remainder": "{0} % {1}"}
UNARY = {"sigmoid": "1 / (1 + Math.exp(-{0}))", "tanh": "Math.tanh({0})", "is_zero": "{0} === 0 ? 1 : 0"}
FORMULAS = BINARY | UNARY
INDENT = "  "
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")  # names from charlstm's own cells, checked before they become code


def layer_function(cell: Cell, name: str, *, is_first: bool) -> str:
    """Return the JavaScript function of this name that runs one step of a layer of a cell."""
    layer, has_table = traceable_layer(cell, is_first=is_first), is_first and cell.input_projection_is_precomputable
    return _Function(trace(layer, has_table=has_table, with_activations=True), _identifier(name)).emit()


def traceable_layer(cell: Cell, *, is_first: bool) -> SymbolicLayer:
    """Return the layer of any cell for `trace`; a window of characters has one state for each input that it keeps."""
    return symbolic_layer(cell, is_first=is_first) if cell.is_recurrent else _window_layer(cell, is_first=is_first)


def _window_layer(cell: Cell, *, is_first: bool) -> SymbolicLayer:
    """Return a layer of a network on a window of characters: each input that it keeps is a state of its own."""
    size = LayerSize(inputs=1, units=2, is_first=is_first)
    num_kept = sum(cell.state_sizes(size))

    def step(ops, projections, x, states):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        result = cell.step(ops, projections, x, (ops.concat(states),) if states else ())
        return CellStep(result.output, tuple(ops.split(result.states[0], [1] * num_kept)) if states else ())

    shapes = symbolic_layer(cell, is_first=is_first).shapes
    return SymbolicLayer(step, shapes, ("inputs",) * num_kept, is_first, passes_cell_state_up=False)


class _Function:
    """The code of one graph, in stages: the products of a stage need the numbers of the stages before it."""

    def __init__(self, graph: Graph, name: str) -> None:
        self._graph, self._name, self._nodes = graph, name, graph.nodes()
        self._number = {node: number for number, node in enumerate(self._nodes)}
        self._linears = graph.linears()
        self._stage: dict[Node, int] = {}
        for node in self._nodes:
            needed = node.source.terms if node.linear else ()
            before = [self._stage[operand] + 1 for term in needed for operand in term.operands]
            self._stage[node] = max(
                [*before, *(self._stage[argument] for argument in node.arguments), bool(node.linear)]
            )
        self._kept = self._nodes_in_memory()

    def emit(self) -> str:
        lines = [f"function {self._name}(linear, weights, sizes, input, states) {{"]
        for stage in range(max(self._stage.values(), default=0) + 1):
            for linear in self._linears:
                if self._stage[next(node for node in self._nodes if node.linear is linear)] == stage:
                    lines.append(INDENT + self._product(linear))
            for width in ("one", "inputs", "units"):
                nodes = [n for n in self._nodes if self._stage[n] == stage and n.width == width and not n.is_given]
                lines += [INDENT + line for line in self._loop(nodes, width)] if nodes else []
        return "\n".join([*lines, INDENT + self._results(), "}"])

    def _nodes_in_memory(self) -> set[Node]:
        """Return the computed nodes that something outside their own loop reads."""
        kept = {*self._graph.results.values(), *self._graph.states.values()}
        kept |= {operand for linear in self._linears for term in linear.terms for operand in term.operands}
        for node in self._nodes:
            kept |= {argument for argument in node.arguments if self._group(argument) != self._group(node)}
        return {node for node in kept if not node.is_given}

    def _group(self, node: Node) -> tuple[int, str]:
        return self._stage[node], node.width

    def _product(self, linear: Linear) -> str:
        terms = []
        for term in linear.terms:
            if term.is_transposed:
                raise ValueError(f"a step multiplies by {term.weight} transposed")
            operands = ", ".join(self._array(operand) for operand in term.operands)
            terms.append(f"[weights.{_identifier(term.weight)}, [{operands}]]")
        bias = (
            "input.projected" if linear.has_table else f"weights.{_identifier(linear.bias)}" if linear.bias else "null"
        )
        columns = f"{linear.num_blocks} * sizes.{linear.width}"
        return f"const {_product_name(linear)} = linear({bias}, {columns}, [{', '.join(terms)}]);"

    def _loop(self, nodes: list[Node], width: str) -> list[str]:
        count = f"sizes.{width}"
        lines = [f"const a{self._number[n]} = new Float64Array({count});" for n in nodes if n in self._kept]
        lines.append(f"for (let k = 0; k < {count}; k++) {{")
        for node in nodes:
            arguments = [self._number_of(argument, node) for argument in node.arguments]
            lines.append(f"{INDENT}const v{self._number[node]} = {FORMULAS[node.operation].format(*arguments)};")
            if node in self._kept:
                lines.append(f"{INDENT}a{self._number[node]}[k] = v{self._number[node]};")
        return [*lines, "}"]

    def _number_of(self, node: Node, reader: Node) -> str:
        """Return the expression of one unit's number of a node in the loop of a node that reads it."""
        if not node.is_given and self._group(node) == self._group(reader):
            return f"v{self._number[node]}"
        if node.operation == "constant":
            return f"({node.value!r})"
        if node.operation == "block":
            return f"{_product_name(node.source)}[{node.index} * sizes.{node.width} + k]"
        return f"{self._array(node)}[{'0' if node.width == 'one' else 'k'}]"

    def _array(self, node: Node) -> str:
        """Return the expression of the array of a node."""
        by_operation: dict[str, Callable[[], str]] = {
            "input": lambda: f"input.{_identifier(node.name)}",
            "state": lambda: f"states[{int(node.name.removeprefix('state'))}]",
            "vector": lambda: f"weights.{_identifier(node.name)}",
            "constant": lambda: f"new Float64Array(sizes.{node.width}).fill({node.value!r})",
            "block": lambda: (
                f"{_product_name(node.source)}.subarray({node.index} * sizes.{node.width}, "
                f"{node.index + 1} * sizes.{node.width})"
            ),
        }
        return by_operation.get(node.operation, lambda: f"a{self._number[node]}")()

    def _results(self) -> str:
        results = {_identifier(name): self._array(node) for name, node in self._graph.results.items()}
        output, passed_up = results.pop("output"), results.pop("passed_up", "null")
        states = ", ".join(self._array(node) for node in self._graph.states.values())
        activations = ", ".join(f"{name}: {array}" for name, array in results.items())
        return (
            f"return {{output: {output}, passedUp: {passed_up}, states: [{states}], activations: {{{activations}}}}};"
        )


def _product_name(linear: Linear) -> str:
    return f"product_{_identifier(linear.name)}"


def _identifier(name: str) -> str:
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(f"{name!r} cannot be a name in JavaScript")
    return name
