"""Layers and networks as ONNX graphs, to compare with an independent implementation."""

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from charlstm.storage.model_file import Model

ONNX_GATES = (0, 3, 1, 2)  # ONNX orders the gates i, o, f, g


def onnx_order(array: np.ndarray) -> np.ndarray:
    """Return weights (rows, 4 * units) with ONNX's gate order, transposed, with an axis for directions."""
    blocks = np.split(array, 4, axis=-1)
    return np.concatenate([blocks[gate] for gate in ONNX_GATES], axis=-1).T[None]


def one_layer(cell: str, weights: dict[str, np.ndarray]) -> bytes:
    """Return the graph of one recurrent layer from x (time, batch, inputs) and states to outputs and last states."""
    cell_type = cell.partition(":")[0]
    units, inputs = weights["recurrent_kernel"].shape[0], weights["kernel"].shape[0]
    attributes: dict[str, Any] = {"hidden_size": units}
    constants = {
        name: _onnx_weights(cell_type, weights[part]) for name, part in (("W", "kernel"), ("R", "recurrent_kernel"))
    }
    bias = _onnx_weights(cell_type, weights["bias"][None])[..., 0]
    recurrent_bias = weights["recurrent_bias"][None] if "recurrent_bias" in weights else np.zeros_like(bias)
    constants["B"] = np.concatenate([bias, recurrent_bias], axis=-1)
    states = ["h"] if cell_type in ("rnn", "gru") else ["h", "c"]
    input_names = ["x", "W", "R", "B", "", *states]
    if cell_type == "peephole":
        peepholes = [weights.get(f"peephole_{gate}", np.zeros(units, np.float32)) for gate in "iof"]
        constants["P"] = np.concatenate(peepholes)[None]
        input_names.append("P")
    if cell_type == "coupled":
        attributes["input_forget"] = 1
    if cell_type == "gru":
        attributes["linear_before_reset"] = 1
    operation = {"rnn": "RNN", "gru": "GRU"}.get(cell_type, "LSTM")
    node = helper.make_node(operation, input_names, ["y", *(f"last_{state}" for state in states)], **attributes)
    shape = [1, "batch", units]
    inputs_info = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["time", "batch", inputs])]
    inputs_info += [helper.make_tensor_value_info(state, TensorProto.FLOAT, shape) for state in states]
    outputs_info = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["time", *shape])]
    outputs_info += [helper.make_tensor_value_info(f"last_{state}", TensorProto.FLOAT, shape) for state in states]
    return _serialize([node], inputs_info, outputs_info, constants)


def _onnx_weights(cell_type: str, array: np.ndarray) -> np.ndarray:
    """Return weights with ONNX's gate order: the same for RNN and GRU; a coupled LSTM gets an unused forget gate."""
    if cell_type in ("rnn", "gru"):
        return array.T[None]
    if cell_type == "coupled":
        i, g, o = np.split(array, 3, axis=-1)
        array = np.concatenate([i, np.zeros_like(i), g, o], axis=-1)
    return onnx_order(array)


def _serialize(nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: dict[str, np.ndarray]) -> bytes:
    arrays = [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, arrays)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def one_step(model: Model) -> bytes:
    """Return the graph of one step from ids (1, batch) and states to logits (batch, vocabulary) and new states."""
    nodes: list[Any] = [helper.make_node("Gather", ["embedding", "ids"], ["hidden"])]
    weights: dict[str, np.ndarray] = {"embedding": model.weights["embedding"], "axis": np.array([0], np.int64)}
    hidden, states = "hidden", []
    for layer in range(model.config.num_layers):
        kernel, recurrent_kernel, bias = (
            model.weights[f"layers.{layer}.{part}"] for part in ("kernel", "recurrent_kernel", "bias")
        )
        weights |= {f"W{layer}": onnx_order(kernel), f"R{layer}": onnx_order(recurrent_kernel)}
        weights[f"B{layer}"] = np.concatenate([onnx_order(bias), np.zeros_like(onnx_order(bias))], axis=-1)
        inputs = [hidden, f"W{layer}", f"R{layer}", f"B{layer}", "", f"h{layer}", f"c{layer}"]
        outputs = [f"y{layer}", f"new_h{layer}", f"new_c{layer}"]
        nodes.append(helper.make_node("LSTM", inputs, outputs, hidden_size=model.config.units))
        nodes.append(helper.make_node("Squeeze", [f"y{layer}", "one"], [f"output{layer}"]))
        if layer:
            nodes.append(helper.make_node("Add", [hidden, f"output{layer}"], [f"sum{layer}"]))
        hidden = f"sum{layer}" if layer else "output0"
        states += [f"h{layer}", f"c{layer}"]
    weights |= {"one": np.array([1], np.int64), "kernel": model.weights["output.kernel"]}
    weights["bias"] = model.weights["output.bias"]
    nodes.append(helper.make_node("Squeeze", [hidden, "axis"], ["last"]))
    nodes.append(helper.make_node("MatMul", ["last", "kernel"], ["product"]))
    nodes.append(helper.make_node("Add", ["product", "bias"], ["logits"]))
    shape = [1, "batch", model.config.units]
    inputs_info = [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "batch"])]
    inputs_info += [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in states]
    outputs_info = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(model.vocabulary)])]
    outputs_info += [helper.make_tensor_value_info(f"new_{name}", TensorProto.FLOAT, shape) for name in states]
    return _serialize(nodes, inputs_info, outputs_info, weights)
