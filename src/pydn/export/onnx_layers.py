"""Layers as ONNX nodes: a function each, by the layer's kind.

Every value has four dimensions, flat ones too: (images, values, 1, 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._core.layer import Layer
from ..errors import UnsupportedError
from ..tools.normalization import deviation
from .activations import ACTIVATIONS
from .graph import Floats, Graph, Value
from .onnx_merging import MERGING
from .onnx_moving import MOVING

Source = Callable[[int], Value]
"""Gives the output of a layer; -1 is the network's input."""
Writer = Callable[[Graph, Layer, Value, Source], str]


def refuse(layer: Layer, why: str) -> UnsupportedError:
    """Make the error about a layer that cannot be written."""
    return UnsupportedError(f"layer {layer.index} [{layer.kind}] cannot be written as ONNX: {why}", layer=layer.index)


def activate(graph: Graph, layer: Layer, x: str) -> str:
    """Add the layer's activation."""
    return ACTIVATIONS[layer.activation](graph, x)


def _folded(layer: Layer, outputs_axis: int = 0) -> tuple[Floats, Floats]:
    """Weights and biases with batch norm in them, computed in double precision as the engine does."""
    weights, biases = layer.weights.astype(np.float64), layer.biases.astype(np.float64)
    if layer.facts["batch_normalize"]:
        factor = layer.scales / deviation(layer.rolling_variance, layer.network.dialect)
        biases = biases - layer.rolling_mean * factor
        shape = [1] * weights.ndim
        shape[outputs_axis] = -1
        weights *= factor.reshape(shape)
    return weights.astype(np.float32), biases.astype(np.float32)


def _padding(side: int, places: int, size: int, stride: int, before: int, dilation: int = 1) -> tuple[int, int]:
    """Cells after the last one, and cells at the end that are not read: darknet counts windows in ways of its own."""
    after = (places - 1) * stride + (size - 1) * dilation + 1 - side - before
    return max(after, 0), max(-after, 0) // stride * stride


def _window(layer: Layer, size: int, before: int, dilation: int = 1) -> dict[str, Any]:
    """Attributes of a window that gives the layer's output shape."""
    facts, (_, _, height, width), (_, _, rows, columns) = layer.facts, layer.input_shape, layer.output_shape
    strides = [int(facts["stride_y"]), int(facts["stride_x"])]
    bottom, unread_rows = _padding(height, rows, size, strides[0], before, dilation)
    right, unread_columns = _padding(width, columns, size, strides[1], before, dilation)
    if unread_rows or unread_columns:
        raise refuse(layer, "its window leaves rows or columns unread")
    return {"kernel_shape": [size, size], "strides": strides, "pads": [before, before, bottom, right]}


def _convolutional(graph: Graph, layer: Layer, x: Value, source: Source) -> str:
    facts = layer.facts
    for key in ("xnor", "antialiasing"):
        if facts[key]:
            raise refuse(layer, f"there is no form of {key}=1")
    weights, biases = _folded(layer)
    dilation = int(facts["dilation"])
    window = _window(layer, weights.shape[2], int(facts["padding"]) * dilation, dilation)
    inputs = x.name, graph.floats(weights, "weights"), graph.floats(biases, "biases")
    y = graph.node("Conv", *inputs, group=int(facts["groups"]), dilations=[dilation, dilation], **window)
    return activate(graph, layer, y)


def _deconvolutional(graph: Graph, layer: Layer, x: Value, source: Source) -> str:
    facts = layer.facts
    weights, biases = _folded(layer, outputs_axis=1)
    stride, padding = int(facts["stride"]), int(facts["padding"])
    inputs = x.name, graph.floats(weights, "weights"), graph.floats(biases, "biases")
    y = graph.node("ConvTranspose", *inputs, strides=[stride, stride], pads=[padding] * 4)
    return activate(graph, layer, y)


def _connected(graph: Graph, layer: Layer, x: Value, source: Source) -> str:
    weights, biases = _folded(layer)
    flat = graph.node("Flatten", x.name)
    y = graph.node("Gemm", flat, graph.floats(weights, "weights"), graph.floats(biases, "biases"), transB=1)
    return activate(graph, layer, graph.reshape(y, len(weights), 1, 1))


def _batchnorm(graph: Graph, layer: Layer, x: Value, source: Source) -> str:
    factor = layer.scales / deviation(layer.rolling_variance, layer.network.dialect)
    bias = (layer.biases if "biases" in layer.parameter_names else 0.0) - layer.rolling_mean * factor
    scaled = graph.node("Mul", x.name, graph.floats(_by_channel(factor), "scales"))
    return graph.node("Add", scaled, graph.floats(_by_channel(bias), "biases"))


def _by_channel(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values.reshape(1, -1, 1, 1)


def _maxpool(graph: Graph, layer: Layer, x: Value, source: Source) -> str:
    facts = layer.facts
    if facts["antialiasing"]:
        raise refuse(layer, "there is no form of antialiasing=1")
    if facts["maxpool_depth"]:
        return _maxpool_depth(graph, layer, x, int(facts["out_channels"]))
    size = int(facts["size"])
    window = _window(layer, size, int(facts["padding"]) // 2)
    y = x.name
    if max(window["pads"]) >= size:  # ONNX wants windows that reach into the image
        pads = [0, 0, *window["pads"][:2], 0, 0, *window["pads"][2:]]
        y = graph.node("Pad", y, graph.integers(pads), graph.floats(np.finfo(np.float32).min))
        window["pads"] = [0] * 4
    return graph.node("MaxPool", y, **window)


def _maxpool_depth(graph: Graph, layer: Layer, x: Value, channels: int) -> str:
    if x.shape[0] % channels:
        raise refuse(layer, f"out_channels={channels} does not divide its {x.shape[0]} channels")
    parts = graph.reshape(x.name, x.shape[0] // channels, channels, *x.shape[1:])
    return graph.node("ReduceMax", parts, axes=[1], keepdims=0)


def _local_avgpool(graph: Graph, layer: Layer, x: Value, source: Source) -> str:
    size = int(layer.facts["size"])
    window = _window(layer, size, int(layer.facts["padding"]) // 2)
    if max(window["pads"]) >= size:
        raise refuse(layer, "its windows may lie outside the image")
    return graph.node("AveragePool", x.name, count_include_pad=0, **window)


def _softmax(graph: Graph, layer: Layer, x: Value, source: Source) -> str:
    facts = layer.facts
    if "tree_parents" in facts:
        return graph.reshape(_softmax_tree(graph, x, facts), math.prod(x.shape), 1, 1)
    cool = x.name if facts["temperature"] == 1 else graph.node("Div", x.name, graph.floats(facts["temperature"]))
    if facts["spatial"]:
        y = graph.node("Softmax", cool, axis=1)
    else:
        y = graph.node("Softmax", graph.reshape(cool, int(facts["groups"]), -1), axis=2)
    return graph.reshape(y, math.prod(x.shape), 1, 1)


def _softmax_tree(graph: Graph, x: Value, facts: Mapping[str, Any]) -> str:
    """Take the softmax of every group: of the nodes in turn that have the same parent."""
    parents = np.asarray(facts["tree_parents"])
    starts = [0, *(np.flatnonzero(np.diff(parents)) + 1), len(parents)]
    cool = graph.node("Div", graph.node("Flatten", x.name), graph.floats(facts["temperature"]))
    parts = graph.split(cool, np.diff(starts).tolist(), axis=1)
    return graph.node("Concat", *(graph.node("Softmax", part, axis=1) for part in parts), axis=1)


def _only_activation(graph: Graph, layer: Layer, x: Value, source: Source) -> str:
    return activate(graph, layer, x.name)


def _logistic(graph: Graph, layer: Layer, x: Value, source: Source) -> str:
    return graph.node("Sigmoid", x.name)


def _avgpool(graph: Graph, layer: Layer, x: Value, source: Source) -> str:
    return graph.node("GlobalAveragePool", x.name)


def _merged(graph: Graph, layer: Layer, x: Value, source: Source) -> str:
    y = MERGING[layer.kind](graph, layer, x, source)
    if y is None:
        raise refuse(layer, "its layers have other shapes, or are scaled")
    return activate(graph, layer, y)


def _moved(graph: Graph, layer: Layer, x: Value, source: Source) -> str:
    y = MOVING[layer.kind](graph, layer, x)
    if y is None:
        raise refuse(layer, "there is no form of flatten=1 or extra=")
    return y


WRITERS: dict[str, Writer] = {
    "activation": _only_activation,
    "avgpool": _avgpool,
    "batchnorm": _batchnorm,
    "connected": _connected,
    "convolutional": _convolutional,
    "deconvolutional": _deconvolutional,
    "local_avgpool": _local_avgpool,
    "logistic": _logistic,
    "maxpool": _maxpool,
    "softmax": _softmax,
    **dict.fromkeys(MERGING, _merged),
    **dict.fromkeys(MOVING, _moved),
}
