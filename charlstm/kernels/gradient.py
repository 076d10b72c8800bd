"""The gradient of a step, as another graph: reverse differentiation.

The graph backward reads what the forward one saved. Saved is the result of every sigmoid and tanh whose argument comes
out of a product, for it cannot be had again without multiplying; products that are multiplied with; and states. All
else is computed again.
"""

from charlstm.kernels.graph import ONE, Graph, Linear, Node, Term, combine, constant

ACTIVATIONS = ("sigmoid", "tanh")


class Adjoint:
    """The gradient of one node while it is summed up: products and other contributions."""

    def __init__(self) -> None:
        self.terms: list[Term] = []
        self.others: list[Node] = []


class Differentiation:
    """Differentiates a graph; `forward` is given the results to save under the names "saved0", "saved1", ..."""

    def __init__(self, forward: Graph) -> None:
        self.forward, self.backward = forward, Graph()
        self._adjoints: dict[Node, Adjoint] = {}
        self._primals: dict[Node, Node] = {}
        self._needs_product: dict[Node, bool] = {}
        self._collected: dict[Linear, dict[int, Node]] = {}

    def run(self) -> Graph:
        """Return the graph backward: from the gradients of results and states to those of inputs, states and weights.

        The gradient of a node "x" is called "d_x".
        """
        nodes = self.forward.nodes()
        outputs = [(f"d_{name}", node, "input") for name, node in self.forward.results.items()]
        outputs += [(f"d_{name}", node, "state") for name, node in self.forward.states.items() if node.width != ONE]
        for name, node, operation in outputs:
            self._add(node, Node(operation, node.width, name=name))
        waiting = {linear: _num_blocks_used(linear, nodes) for linear in self.forward.linears()}
        for node in reversed(nodes):
            gradient = self._take(node)
            if gradient is not None:
                self._distribute(node, gradient)
            if node.linear is not None:
                waiting[node.linear] -= 1
                if not waiting[node.linear]:
                    self._differentiate_linear(node.linear)
        self._finish_states()
        return self.backward

    def _add(self, node: Node, gradient: Node) -> None:
        self._adjoints.setdefault(node, Adjoint()).others.append(gradient)

    def _take(self, node: Node) -> Node | None:
        """Return the sum of all contributions to a node's gradient."""
        adjoint = self._adjoints.pop(node, None)
        if adjoint is None:
            return None
        parts = list(adjoint.others)
        if adjoint.terms:
            name = "-".join(dict.fromkeys(f"{term.weight}" for term in adjoint.terms))
            (block,) = Linear(f"d_operand_{name}", tuple(adjoint.terms), node.width, 1).blocks()
            parts.insert(0, block)
        total = parts[0]
        for part in parts[1:]:
            total = combine("add", total, part)
        return total

    def _distribute(self, node: Node, gradient: Node) -> None:
        """Pass a node's gradient on to its arguments."""
        operation, arguments = node.operation, node.arguments
        if operation == "block":
            self._collected.setdefault(node.source, {})[node.index] = gradient
        elif operation == "input":
            self.backward.results[f"d_{node.name}"] = gradient
        elif operation == "state":
            self.backward.states[f"d_{node.name}"] = gradient
        elif operation == "vector":
            self.backward.sums[node.name] = (gradient,)
        elif operation == "add":
            for argument in arguments:
                self._pass_on(argument, gradient)
        elif operation == "sub":
            self._pass_on(arguments[0], gradient)
            self._pass_on(arguments[1], combine("mul", constant(-1), gradient))
        elif operation == "mul":
            for argument, other in (arguments, arguments[::-1]):
                if self._has_gradient(argument):
                    self._pass_on(argument, combine("mul", gradient, self.primal(other)))
        elif operation in ACTIVATIONS:
            self._pass_on(arguments[0], combine("mul", gradient, self._slope(node)))
        # "remainder" and "is_zero" are constant wherever they have a derivative

    def _pass_on(self, argument: Node, gradient: Node) -> None:
        if self._has_gradient(argument):
            self._add(argument, gradient)

    def _has_gradient(self, node: Node) -> bool:
        return node.operation not in ("constant", "remainder", "is_zero") and node.width != ONE

    def _slope(self, node: Node) -> Node:
        result = self.primal(node)
        if node.operation == "tanh":
            return combine("sub", constant(1), combine("mul", result, result))
        return combine("mul", result, combine("sub", constant(1), result))

    def _differentiate_linear(self, linear: Linear) -> None:
        """Pass the gradients of a linear map's blocks on to its operands and its bias."""
        collected = self._collected.pop(linear, {})
        if not collected:
            return
        zero = Node("constant", linear.width)
        blocks = tuple(collected.get(index, zero) for index in range(linear.num_blocks))
        for term in linear.terms:
            (operand,) = term.operands
            if operand.operation != "constant":
                adjoint = self._adjoints.setdefault(operand, Adjoint())
                adjoint.terms.append(Term(term.weight, blocks, is_transposed=True))
        if linear.bias or linear.has_table:
            self.backward.sums[linear.bias or "table"] = blocks

    def _finish_states(self) -> None:
        """Give a gradient of zero to the states that nothing depends on."""
        for name, node in self.forward.states.items():
            if node.width != ONE:
                self.backward.states.setdefault(f"d_{name}", Node("constant", node.width))

    # The values of the step forward

    def primal(self, node: Node) -> Node:
        """Return the value that a node of the graph forward had, as a node of the graph backward."""
        if node not in self._primals:
            self._primals[node] = self._find_primal(node)
        return self._primals[node]

    def _find_primal(self, node: Node) -> Node:
        if node.operation in ("constant", "vector", "input"):
            return node
        is_activation = node.operation in ACTIVATIONS
        if node.operation in ("block", "state") or (is_activation and self._depends_on_product(node.arguments[0])):
            return self._save(node)
        arguments = tuple(self.primal(argument) for argument in node.arguments)
        return Node(node.operation, node.width, arguments)

    def _save(self, node: Node) -> Node:
        name = f"saved{sum(result.startswith('saved') for result in self.forward.results)}"
        self.forward.results[name] = node
        return Node("input", node.width, name=name)

    def _depends_on_product(self, node: Node) -> bool:
        """Return whether a node cannot be computed again without a product's result."""
        if node not in self._needs_product:
            self._needs_product[node] = node.operation == "block" or any(
                self._depends_on_product(argument)
                for argument in node.arguments
                if argument.operation not in ACTIVATIONS or not self._depends_on_product(argument.arguments[0])
            )
        return self._needs_product[node]


def _num_blocks_used(linear: Linear, nodes: list[Node]) -> int:
    return sum(node.linear is linear for node in nodes)


def differentiate(forward: Graph) -> Graph:
    """Return the graph backward of a graph forward, which gets the results to save."""
    return Differentiation(forward).run()
