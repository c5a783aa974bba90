"""Layers that only move, repeat or pass on values, as ONNX nodes. None: there is no such form."""

from __future__ import annotations

from collections.abc import Callable

from .._core.layer import Layer
from .graph import Graph, Value


def _upsample(graph: Graph, layer: Layer, x: Value) -> str | None:
    stride, scale = int(layer.facts["stride"]), float(layer.facts["scale"])
    if stride < 0:  # a sum
        size, scale = -stride, scale * stride * stride
        y = graph.node("AveragePool", x.name, kernel_shape=[size, size], strides=[size, size])
    else:
        how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        y = graph.node("Resize", x.name, "", graph.floats([1, 1, stride, stride]), **how)
    return y if scale == 1 else graph.node("Mul", y, graph.floats(scale))


def _reorg(graph: Graph, layer: Layer, x: Value) -> str | None:
    facts, (channels, height, width), s = layer.facts, x.shape, int(layer.facts["stride"])
    if facts["flatten"] or facts["extra"]:
        return None
    own = channels // (s * s)
    # Both ways read memory as if the shape were another one (engine: reorg.c).
    if facts["reverse"]:
        parts = graph.reshape(x.name, s, s, own, height, width)
        return graph.reshape(graph.node("Transpose", parts, perm=[0, 3, 4, 1, 5, 2]), own, height * s, width * s)
    parts = graph.reshape(x.name, own, height, s, width, s)
    moved = graph.node("Transpose", parts, perm=[0, 3, 5, 1, 2, 4])
    return graph.reshape(moved, channels * s * s, height // s, width // s)


def _reorg3d(graph: Graph, layer: Layer, x: Value) -> str | None:
    s = int(layer.facts["stride"])
    if layer.facts["reverse"]:
        return graph.node("DepthToSpace", x.name, blocksize=s)
    return graph.node("SpaceToDepth", x.name, blocksize=s)


def _crop(graph: Graph, layer: Layer, x: Value) -> str | None:
    facts = layer.facts
    height, width = int(facts["crop_height"]), int(facts["crop_width"])
    top, left = (x.shape[1] - height) // 2, (x.shape[2] - width) // 2
    bounds = [top, left], [top + height, left + width], [2, 3]
    y = graph.node("Slice", x.name, *(graph.integers(bound) for bound in bounds))
    if facts["noadjust"]:
        return y
    return graph.node("Sub", graph.node("Mul", y, graph.floats(2.0)), graph.floats(1.0))


def _pass_on(graph: Graph, layer: Layer, x: Value) -> str | None:
    return x.name


MOVING: dict[str, Callable[[Graph, Layer, Value], str | None]] = {
    "cost": _pass_on,
    "crop": _crop,
    "dropout": _pass_on,
    "empty": _pass_on,
    "reorg": _reorg,
    "reorg3d": _reorg3d,
    "upsample": _upsample,
}
