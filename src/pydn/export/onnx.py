"""`onnx_bytes`: a network as an ONNX file.

Batch norm is folded into weights. Values that detection heads would decode leave as they enter the head.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from .._core.layer import Layer
from .._version import __version__
from ..errors import UnsupportedError
from .graph import Graph, Value, package
from .onnx_layers import WRITERS, refuse

if TYPE_CHECKING:
    from ..network import Network

_OPSET, _FORMAT = 13, 7
"""Old enough for every runtime in use."""
_LARGEST = 2**31 - 2**20
"""Bytes that a file can have, less some for what is not parameters."""
_RAW = ("yolo", "Gaussian_yolo", "region", "detection")
_TOLD = (
    "classes", "coords", "num", "side", "sqrt", "mask", "anchors", "scale_x_y", "new_coords", "softmax", "background",
)  # fmt: skip


def onnx_bytes(net: Network) -> bytes:
    """Return the bytes of an ONNX file; see `Network.export`."""
    package()
    if 4 * net.parameters > _LARGEST:
        raise UnsupportedError(f"an ONNX file holds at most 2 GiB, the network has {net.parameters:,} parameters")
    graph = Graph()
    values = _write_layers(graph, net)
    outputs = [_output(graph, net.layers[index], values) for index in net.head_layers]
    return _assemble(graph, net, outputs)


def _write_layers(graph: Graph, net: Network) -> dict[int, Value]:
    """Add all layers; the output of each, by index, where it has one. Of a raw head that is what it reads."""
    values = {-1: Value("images", (net.channels, net.height, net.width))}

    def source(index: int) -> Value:
        if index >= 0 and net.layers[index].kind in _RAW:
            raise refuse(net.layers[index], "a layer reads what it decodes, and heads are written without decoding")
        return values[index]

    for layer in net.layers:
        graph.begin(f"{layer.index}_{layer.kind}/")
        if layer.kind in _RAW:
            values[layer.index] = source(layer.index - 1)
            continue
        writer = WRITERS.get(layer.kind)
        if writer is None:
            raise refuse(layer, "there is no form of this kind of layer")
        ignores_input = layer.kind == "route"
        before = values[layer.index - 1] if ignores_input else source(layer.index - 1)
        values[layer.index] = Value(writer(graph, layer, before, source), _image_shape(layer))
    return values


def _image_shape(layer: Layer) -> tuple[int, int, int]:
    shape = layer.output_shape
    return (shape[1], shape[2], shape[3]) if len(shape) == 4 else (shape[1], 1, 1)


def _output(graph: Graph, layer: Layer, values: dict[int, Value]) -> tuple[str, list[int]]:
    """Give the output of a head its name; returns that and the shape of one image."""
    value, name = values[layer.index], f"{layer.kind}_{layer.index}"
    raw = layer.kind in _RAW
    flat = value.shape[1:] == (1, 1) if raw else len(layer.output_shape) == 2
    graph.begin(f"{layer.index}_{layer.kind}/")
    y = graph.node("Flatten", value.name) if flat else value.name
    graph.nodes.append(package().helper.make_node("Identity", [y], [name], name=name))
    return name, [value.shape[0]] if flat else list(value.shape)


def _assemble(graph: Graph, net: Network, outputs: list[tuple[str, list[int]]]) -> bytes:
    onnx = package()
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT

    def info(name: str, shape: list[int]) -> Any:
        return helper.make_tensor_value_info(name, float32, ["n", *shape])

    made = helper.make_graph(
        graph.nodes,
        "darknet",
        [info("images", [net.channels, net.height, net.width])],
        [info(*output) for output in outputs],
        graph.constants,
    )
    model = helper.make_model(
        made, producer_name="pydn", producer_version=__version__, opset_imports=[helper.make_opsetid("", _OPSET)]
    )
    model.ir_version = _FORMAT
    helper.set_model_props(model, {"heads": json.dumps(_heads(net)), "names": json.dumps(net.names)})
    onnx.checker.check_model(model)
    contents: bytes = model.SerializeToString()
    return contents


def _heads(net: Network) -> dict[str, dict[str, Any]]:
    """Collect what decoding the outputs needs."""
    heads = {}
    for index in net.head_layers:
        layer = net.layers[index]
        facts = {key: layer.facts[key] for key in _TOLD if key in layer.facts} if layer.kind in _RAW else {}
        heads[f"{layer.kind}_{index}"] = {key: np.asarray(value).tolist() for key, value in facts.items()}
    return heads
