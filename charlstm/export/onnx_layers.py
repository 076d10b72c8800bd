"""Layers over a sequence in ONNX: its own LSTM, GRU and RNN, other cells as a step inside `Scan`, and attention.

Sequences are (time, batch, features), states (batch, width).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from charlstm.arrays import FloatArray
from charlstm.cells.registry import Cell
from charlstm.cells.shapes import ATTENTION_DIM
from charlstm.export.javascript import traceable_layer
from charlstm.export.onnx_graph import GraphBuilder, StepEmitter
from charlstm.kernels import trace

# ONNX orders the gates of an LSTM i, o, f, g
OPERATORS = {"lstm": ("LSTM", (0, 3, 1, 2)), "gru": ("GRU", (0, 1, 2)), "rnn": ("RNN", (0,))}


class LayerOutput(NamedTuple):
    """The names of what a layer gives."""

    output: str
    passed_up: str | None
    states: list[str]  # after the last step


def own_operator(
    builder: GraphBuilder, cell: str, name: str, x: str, states: Sequence[str], weights: dict[str, FloatArray]
) -> LayerOutput:
    """Add a layer of a cell that ONNX has an operator for."""
    operator, order = OPERATORS[cell]

    def reordered(weight: FloatArray) -> FloatArray:
        blocks = np.split(weight, len(order), axis=-1)
        return np.concatenate([blocks[gate] for gate in order], axis=-1)

    bias = reordered(weights["bias"])
    recurrent_bias = reordered(weights["recurrent_bias"]) if "recurrent_bias" in weights else np.zeros_like(bias)
    inputs = [
        x,
        builder.weight(f"{name}.W", reordered(weights["kernel"]).T[None]),
        builder.weight(f"{name}.R", reordered(weights["recurrent_kernel"]).T[None]),
        builder.weight(f"{name}.B", np.concatenate([bias, recurrent_bias])[None]),
        "",  # all sequences have the same length
        *(builder.add("Unsqueeze", [state, builder.axis(0)]) for state in states),
    ]
    outputs = [f"{name}.Y", *(f"{name}.last{index}" for index in range(len(states)))]
    attributes: dict[str, Any] = {"hidden_size": len(weights["recurrent_kernel"])}
    builder.add(operator, inputs, *outputs, **attributes | ({"linear_before_reset": 1} if cell == "gru" else {}))
    output, *last = outputs
    return LayerOutput(
        builder.add("Squeeze", [output, builder.axis(1)]),
        None,
        [builder.add("Squeeze", [state, builder.axis(0)]) for state in last],
    )


def traced_layer(
    builder: GraphBuilder,
    cell: Cell,
    name: str,
    inputs: Sequence[str],
    states: Sequence[str],
    weights: dict[str, FloatArray],
    *,
    is_first: bool,
) -> LayerOutput:
    """Add a layer of any cell, from its own equations. `inputs` are x and, if there is one, the lower cell state."""
    layer = traceable_layer(cell, is_first=is_first)
    graph = trace(layer, has_table=False)
    names = {part: builder.weight(f"{name}.{part}", weight) for part, weight in weights.items()}
    body = GraphBuilder(f"{name}.", builder.weights)
    given = dict(zip(("x", "lower"), (f"{name}.{part}" for part in ("x", "lower")), strict=True))
    given_states = [f"{name}.state{index}" for index in range(len(states))]
    if not states:  # every step is independent of the others
        step = StepEmitter(builder, graph, dict(zip(("x", "lower"), inputs, strict=False)), names)
        return LayerOutput(step[graph.results["output"]], None, [])
    num_kept = len(layer.state_widths)
    is_window = not cell.is_recurrent
    parts = body.split(given_states[0], num_kept) if is_window else given_states
    step = StepEmitter(body, graph, given | {f"state{index}": part for index, part in enumerate(parts)}, names)
    new_states = [step[node] for node in graph.states.values()]
    results = [step[node] for node in graph.results.values()]  # the output, and what is passed up
    last = _scan(
        body,
        builder,
        [*zip(given_states, states, strict=True)],
        [*zip(given.values(), inputs, strict=False)],
        [body.concat(new_states)] if is_window else new_states,
        results,
    )
    passed_up = last[len(states) + 1] if len(results) > 1 else None
    return LayerOutput(last[len(states)], passed_up, last[: len(states)])


def attention(
    builder: GraphBuilder, name: str, hidden: str, states: Sequence[str], weights: dict[str, FloatArray]
) -> LayerOutput:
    """Add attention over the last outputs; the states are these, (batch, window, units), and their keys."""
    body = GraphBuilder(f"{name}.", builder.weights)
    h, values, keys = (f"{name}.{part}" for part in ("h", "values", "keys"))
    query, key, output = (builder.weight(f"{name}.{part}.weight", weights[part]) for part in ("query", "key", "output"))
    scaled = body.add("Mul", [body.add("MatMul", [h, query]), body.number(ATTENTION_DIM**-0.5)])
    scores = body.add("MatMul", [keys, body.add("Unsqueeze", [scaled, body.axis(2)])])  # (batch, window, 1)
    shares = body.add("Transpose", [body.add("Softmax", [scores], axis=1)], perm=[0, 2, 1])
    attended = body.add("Squeeze", [body.add("MatMul", [shares, values]), body.axis(1)])
    result = body.add("Add", [h, body.add("MatMul", [attended, output])])
    end = builder.weight("end", np.array([2**31 - 1], np.int64))
    new_states = []
    for kept, new in ((values, h), (keys, body.add("MatMul", [h, key]))):
        later = body.add("Slice", [kept, body.axis(1), end, body.axis(1)])
        new_states.append(body.concat([later, body.add("Unsqueeze", [new, body.axis(1)])], axis=1))
    pairs = [*zip((values, keys), states, strict=True)]
    *last, output = _scan(body, builder, pairs, [(h, hidden)], new_states, [result])
    return LayerOutput(output, None, last)


def _scan(
    body: GraphBuilder,
    builder: GraphBuilder,
    states: Sequence[tuple[str, str]],
    sequences: Sequence[tuple[str, str]],
    new_states: Sequence[str],
    results: Sequence[str],
) -> list[str]:
    """Run a body over sequences; return the names of the last states and of the sequences of results.

    Pairs are names inside and outside. Each output of a graph needs a name of its own, so it is an Identity.
    """
    from onnx import TensorProto, helper

    def info(name: str) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)

    given = [info(inside) for inside, _ in [*states, *sequences]]
    inside = [
        body.add("Identity", [name], f"{body.prefix}result{index}")
        for index, name in enumerate([*new_states, *results])
    ]
    graph = helper.make_graph(body.nodes, f"{body.prefix}step", given, [info(name) for name in inside])
    outside = [f"{body.prefix}scanned{index}" for index in range(len(inside))]
    arguments = [name for _, name in [*states, *sequences]]
    builder.add("Scan", arguments, *outside, body=graph, num_scan_inputs=len(sequences))
    return outside
