"""Layers that join the outputs of several, as ONNX nodes. None: there is no such form."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._core.layer import Layer
from .graph import Graph, Value

_Source = Callable[[int], Value]


def _indices(fact: Any) -> list[int]:
    return [int(index) for index in np.atleast_1d(fact)]


def _route(graph: Graph, layer: Layer, x: Value, source: _Source) -> str | None:
    values = [source(index) for index in _indices(layer.facts["layers"])]
    groups, group = int(layer.facts["groups"]), int(layer.facts["group_id"])
    if any(value.shape[1:] != values[0].shape[1:] for value in values):
        names = [graph.reshape(value.name, math.prod(value.shape), 1, 1) for value in values]
    else:
        names = [_channels(graph, value, groups, group) for value in values]
    return names[0] if len(names) == 1 else graph.node("Concat", *names, axis=1)


def _channels(graph: Graph, value: Value, groups: int, group: int) -> str:
    if groups == 1:
        return value.name
    count = value.shape[0] // groups
    return _slice(graph, value.name, group * count, (group + 1) * count)


def _slice(graph: Graph, x: str, first: int, end: int) -> str:
    return graph.node("Slice", x, *(graph.integers([number]) for number in (first, end, 1)))


def _shortcut(graph: Graph, layer: Layer, x: Value, source: _Source) -> str | None:
    facts = layer.facts
    values = [x, *(source(index) for index in _indices(facts["from"]))]
    if any(value.shape[1:] != x.shape[1:] for value in values):
        return None
    scaled = facts["alpha"] != 1 or facts["beta"] != 1
    if scaled and values[1].shape != x.shape:
        return None
    names = [_fit(graph, value, x.shape[0]) for value in values]
    if facts["weights_type"] != "none":
        factors = [row.reshape(1, -1, 1, 1) for row in _coefficients(layer, x.shape[0])]
    else:
        factors = [np.float64(facts["alpha"]), np.float64(facts["beta"])] if scaled else []
    if factors:
        names = [graph.node("Mul", name, graph.floats(factor)) for name, factor in zip(names, factors, strict=True)]
    y = names[0]
    for name in names[1:]:
        y = graph.node("Add", y, name)
    return y


def _fit(graph: Graph, value: Value, channels: int) -> str:
    """Leave channels out, or add some that are 0."""
    own = value.shape[0]
    if own > channels:
        return _slice(graph, value.name, 0, channels)
    if own < channels:
        return graph.node("Pad", value.name, graph.integers([0, 0, 0, 0, 0, channels - own, 0, 0]))
    return value.name


def _coefficients(layer: Layer, channels: int) -> NDArray[Any]:
    """(layers, channels) factors from trained weights; a network prepared to run keeps them from 0."""
    weights = layer.weights.astype(np.float64)
    weights = weights.reshape(len(weights), -1)
    how = layer.facts["weights_normalization"]
    if how == "relu":
        weights = np.maximum(weights, 0.0 if layer.network.prepare == "none" else 0.001)
    elif how == "softmax":
        weights = np.exp(weights - weights.max(axis=0))
    if how != "none":
        weights = weights / (weights.sum(axis=0) + 1e-4)
    return np.broadcast_to(weights, (len(weights), channels))


def _scale_channels(graph: Graph, layer: Layer, x: Value, source: _Source) -> str | None:
    return graph.node("Mul", source(int(layer.facts["from"])).name, x.name)


MERGING: dict[str, Callable[[Graph, Layer, Value, _Source], str | None]] = {
    "route": _route,
    "sam": _scale_channels,
    "scale_channels": _scale_channels,
    "shortcut": _shortcut,
}
