"""Nodes of an ONNX graph, and one step of a layer as such nodes, from the graph that the compiled code is made of."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from charlstm.kernels import Graph, Linear, Node

OPERATORS = {"add": "Add", "sub": "Sub", "mul": "Mul", "sigmoid": "Sigmoid", "tanh": "Tanh"}


class GraphBuilder:
    """Collects the nodes of a graph; the weights are shared with the bodies of its loops."""

    def __init__(self, prefix: str = "", weights: dict[str, npt.NDArray[Any]] | None = None) -> None:
        self.nodes: list[Any] = []
        self.weights = {} if weights is None else weights
        self.prefix = prefix  # of the names of results: no two in a file may be equal

    def add(self, operator: str, inputs: Sequence[str], *outputs: str, **attributes: Any) -> str:
        """Add an operator; return the name of its (first) output, which is made up if none is given."""
        from onnx import helper

        outputs = outputs or (f"{self.prefix}{operator}{len(self.nodes)}",)
        self.nodes.append(helper.make_node(operator, list(inputs), list(outputs), **attributes))
        return outputs[0]

    def weight(self, name: str, array: npt.NDArray[Any]) -> str:
        """Keep an array in the file under a name; return the name."""
        self.weights[name] = np.ascontiguousarray(array)
        return name

    def number(self, value: float) -> str:
        return self.weight(f"number {value:g}", np.array(value, np.float32))

    def axis(self, axis: int) -> str:
        return self.weight(f"axis {axis}", np.array([axis], np.int64))

    def concat(self, parts: Sequence[str], axis: int = -1) -> str:
        return parts[0] if len(parts) == 1 else self.add("Concat", parts, axis=axis)

    def split(self, whole: str, count: int) -> list[str]:
        """Split an array into equal parts along its last axis."""
        if count == 1:
            return [whole]
        parts = [f"{self.prefix}Split{len(self.nodes)}.{index}" for index in range(count)]
        self.add("Split", [whole], *parts, axis=-1)
        return parts


class StepEmitter:
    """Adds the nodes of one step of a layer to a graph."""

    def __init__(
        self, builder: GraphBuilder, graph: Graph, given: Mapping[str, str], weights: Mapping[str, str]
    ) -> None:
        """`given` are the names in the file of the step's inputs and states, `weights` those of the layer's weights."""
        self._builder, self._given, self._weights = builder, given, weights
        self._blocks: dict[Linear, list[str]] = {}
        self._names: dict[Node, str] = {}
        for node in graph.nodes():
            self._names[node] = self._name(node)

    def __getitem__(self, node: Node) -> str:
        """Return the name in the file of a node's value."""
        return self._names[node]

    def _name(self, node: Node) -> str:
        arguments = [self._names[argument] for argument in node.arguments]
        match node.operation:
            case "input" | "state":
                return self._given[node.name]
            case "vector":
                return self._weights[node.name]
            case "constant":
                return self._builder.number(node.value)
            case "block":
                return self._product(node.source)[node.index]
            case "remainder":
                return self._builder.add("Mod", arguments, fmod=1)
            case "is_zero":
                is_zero = self._builder.add("Equal", [*arguments, self._builder.number(0)])
                return self._builder.add("Cast", [is_zero], to=1)  # to float32
            case operation:
                return self._builder.add(OPERATORS[operation], arguments)

    def _product(self, linear: Linear) -> list[str]:
        """Return the names of the blocks of a linear map, which is computed when the first of them is needed."""
        if linear not in self._blocks:
            builder, total = self._builder, self._weights[linear.bias] if linear.bias else None
            for term in linear.terms:
                if term.is_transposed:
                    raise ValueError(f"a step multiplies by {term.weight} transposed")
                operand = builder.concat([self._names[node] for node in term.operands])
                product = builder.add("MatMul", [operand, self._weights[term.weight]])
                total = product if total is None else builder.add("Add", [product, total])
            if total is None:
                raise ValueError(f"{linear.name} is a sum of nothing")
            self._blocks[linear] = builder.split(total, linear.num_blocks)
        return self._blocks[linear]
