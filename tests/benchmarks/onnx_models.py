"""A network of ours as an ONNX graph: an independent implementation to run beside it."""

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from charlstm.modelfile import Model

GATES = (0, 3, 1, 2)  # ONNX has the gates in the order input, output, forget, candidate


def onnx_order(array: np.ndarray) -> np.ndarray:
    """Weights (rows, 4 * units) with the gates in the order of ONNX, transposed, with an axis for directions."""
    blocks = np.split(array, 4, axis=-1)
    return np.concatenate([blocks[gate] for gate in GATES], axis=-1).T[None]


def one_step(model: Model) -> bytes:
    """A graph of one step: ids (1, batch) and the states of each layer to logits (batch, vocabulary) and new states."""
    nodes: list[Any] = [helper.make_node("Gather", ["embedding", "ids"], ["hidden"])]
    weights = {"embedding": model.weights["embedding"], "axis": np.array([0], np.int64)}
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
    given = [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "batch"])]
    given += [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in states]
    made = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(model.vocabulary)])]
    made += [helper.make_tensor_value_info(f"new_{name}", TensorProto.FLOAT, shape) for name in states]
    constants = [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "step", given, made, constants)
    checked = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(checked.SerializeToString())
