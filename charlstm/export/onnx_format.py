"""An ONNX graph of a model: from ids and states to logits and states, over a sequence of any length.

A sequence of one character is a step. The inputs and outputs are named in docs/export.md.
"""

from typing import Any

import numpy as np

from charlstm.arrays import FloatArray, Ids
from charlstm.cells.registry import get_cell
from charlstm.cells.shapes import ATTENTION_DIM, state_sizes
from charlstm.cells.stack import has_residual, run_stack
from charlstm.errors import ExportError
from charlstm.export.check import check_predictions
from charlstm.export.onnx_graph import GraphBuilder
from charlstm.export.onnx_layers import attention, own_operator, traced_layer
from charlstm.export.plain_network import DESCRIPTION, describe, layer_weights, plain_cell
from charlstm.libraries import library_imports
from charlstm.storage.model_file import Model

OPSET, IR_VERSION = 17, 8  # read by ONNX Runtime since 1.12 (2022)
MAX_BYTES = 2_000_000_000  # of a file: protobuf's limit is 2 GiB
NUM_STEPS = 100  # of the characters that a file is checked with are read one by one

Shape = list[Any]  # numbers, and names of sizes that may vary


def onnx_file(model: Model) -> bytes:
    """Return the ONNX graph of a model; its metadata have the description of the network.

    Raises LibraryError without onnx and onnxruntime, and ExportError for a model of more than 2 GB, and if ONNX Runtime
    does not predict from the file what the model does.
    """
    with library_imports("ONNX", "onnx", "onnxruntime", without="the other formats need none of them", extra="onnx"):
        import onnx
        import onnxruntime

    if sum(weight.nbytes for weight in model.weights.values()) > MAX_BYTES:
        raise ExportError("an ONNX file holds at most 2 GB of weights", hint="export a .safetensors file")
    graph = _graph(model)
    onnx.checker.check_model(graph)
    content = bytes(graph.SerializeToString(deterministic=True))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = 1  # steps of one text are too short to be shared
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    check_predictions(model, lambda ids: read_in_onnx(session, ids), what="the .onnx file")
    return content


def read_in_onnx(session: Any, ids: Ids) -> FloatArray:
    """Return the logits after each id: the last ids are read one by one, the others at once."""
    states = {
        given.name: np.zeros([1 if isinstance(size, str) else size for size in given.shape], np.float32)
        for given in session.get_inputs()[1:]
    }
    rows = []
    for chunk in (ids[:-NUM_STEPS], *ids[-NUM_STEPS:, None]):
        logits, *new_states = session.run(None, {"ids": chunk[None].astype(np.int64), **states})
        states = dict(zip(states, new_states, strict=True))
        rows.append(logits[0])
    return np.concatenate(rows)


def state_shapes(model: Model) -> dict[str, Shape]:
    """Return the name and shape of each state: `h.0` and `c.0` of the first layer, and so on."""
    config, cell = model.config, get_cell(model.config.cell)
    second = "c" if cell.has_cell_state else "clock"
    names = ("h", second) if cell.is_recurrent else ("inputs",)
    shapes: dict[str, Shape] = {
        f"{name}.{layer}": ["batch", size]
        for layer in range(config.num_layers)
        for name, size in zip(names, state_sizes(config, layer), strict=False)
    }
    if config.attention:
        shapes["attention.values"] = ["batch", config.attention, config.units]
        shapes["attention.keys"] = ["batch", config.attention, ATTENTION_DIM]
    return shapes


def _graph(model: Model) -> Any:
    """Return the whole graph, with its inputs, outputs, weights and metadata."""
    from onnx import TensorProto, helper, numpy_helper

    builder, shapes = GraphBuilder(), state_shapes(model)
    _add_network(builder, model, list(shapes))
    states = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    new_states = [
        helper.make_tensor_value_info(f"new.{name}", TensorProto.FLOAT, shape) for name, shape in shapes.items()
    ]
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "time"])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "time", len(model.vocabulary)])
    weights = [numpy_helper.from_array(array, name) for name, array in builder.weights.items()]
    graph = helper.make_graph(builder.nodes, "charlstm", [ids, *states], [logits, *new_states], weights)
    opset = [helper.make_opsetid("", OPSET)]
    result = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="charlstm")
    helper.set_model_props(result, {DESCRIPTION: describe(model)})
    return result


def _add_network(builder: GraphBuilder, model: Model, states: list[str]) -> None:
    """Add the nodes from ids (batch, time) to logits (batch, time, vocabulary) and the new states."""
    config, cell, own = model.config, get_cell(model.config.cell), plain_cell(model.config.cell)
    new_states: list[str] = []

    def run_layer(layer: int, x: str, lower: str | None) -> tuple[str, str | None, None]:
        weights, name = layer_weights(model, layer), f"layers.{layer}"
        own_states = [state for state in states if state.endswith(f".{layer}")]
        if own:
            result = own_operator(builder, own, name, x, own_states, weights)
        else:
            inputs = [x, lower] if lower else [x]
            result = traced_layer(builder, cell, name, inputs, own_states, weights, is_first=layer == 0)
        new_states.extend(result.states)
        hidden = builder.add("Add", [x, result.output]) if layer and has_residual(config) else result.output
        return hidden, result.passed_up, None

    embedding = builder.weight("embedding", model.weights["embedding"])
    embedded = builder.add("Gather", [embedding, builder.add("Transpose", ["ids"], perm=[1, 0])])
    # The names of results cannot be added up, so each layer adds its own input
    hidden, _ = run_stack(config.num_layers, embedded, run_layer, residual=False)
    if config.attention:
        weights = {part: model.weights[f"attention.{part}"] for part in ("query", "key", "output")}
        result = attention(builder, "attention", hidden, states[-2:], weights)
        hidden = result.output
        new_states += result.states
    kernel = builder.weight("output.kernel", model.weights["output.kernel"])
    bias = builder.weight("output.bias", model.weights["output.bias"])
    logits = builder.add("Add", [builder.add("MatMul", [hidden, kernel]), bias])
    builder.add("Transpose", [logits], "logits", perm=[1, 0, 2])
    for name, new in zip(states, new_states, strict=True):
        builder.add("Identity", [new], f"new.{name}")
