"""Activations as ONNX nodes."""

from __future__ import annotations

from collections.abc import Callable

from .graph import Graph


def _swish(graph: Graph, x: str) -> str:
    return graph.node("Mul", x, graph.node("Sigmoid", x))


def _mish(graph: Graph, x: str) -> str:
    return graph.node("Mul", x, graph.node("Tanh", graph.node("Softplus", x)))


def _hard_mish(graph: Graph, x: str) -> str:
    """Take x above 0; below it x · (x/2 + 1), from -2 on 0."""
    negative = _clip(graph, x, -2.0, 0.0)
    curve = graph.node("Mul", negative, graph.node("Add", graph.node("Mul", negative, graph.floats(0.5)), _one(graph)))
    return graph.node("Add", graph.node("Relu", x), curve)


def _one(graph: Graph) -> str:
    return graph.floats(1.0)


def _gelu(graph: Graph, x: str) -> str:
    square = graph.node("Mul", x, x)
    factor = graph.node("Add", graph.node("Mul", square, graph.floats(0.035677)), graph.floats(0.797885))
    bend = graph.node("Add", graph.node("Tanh", graph.node("Mul", x, factor)), _one(graph))
    return graph.node("Mul", graph.node("Mul", x, graph.floats(0.5)), bend)


def _loggy(graph: Graph, x: str) -> str:
    doubled = graph.node("Mul", graph.node("Sigmoid", x), graph.floats(2.0))
    return graph.node("Sub", doubled, _one(graph))


def _ramp(graph: Graph, x: str) -> str:
    return graph.node("Add", graph.node("Relu", x), graph.node("Mul", x, graph.floats(0.1)))


def _plse(graph: Graph, x: str) -> str:
    return graph.node("Add", _two_slopes(graph, x, 0.01, 0.115, (-4.0, 4.0)), graph.floats(0.5))


def _lhtan(graph: Graph, x: str) -> str:
    return _two_slopes(graph, x, 0.001, 0.999, (0.0, 1.0))


def _two_slopes(graph: Graph, x: str, slope: float, more: float, between: tuple[float, float]) -> str:
    """Make a line that is steeper by `more` between two points, and 0 at 0."""
    middle = graph.node("Mul", _clip(graph, x, *between), graph.floats(more))
    return graph.node("Add", graph.node("Mul", x, graph.floats(slope)), middle)


def _stair(graph: Graph, x: str) -> str:
    """Take ⌊x / 2⌋, and where ⌊x⌋ is odd the rest of x as well."""
    whole, half = graph.node("Floor", x), graph.node("Floor", graph.node("Mul", x, graph.floats(0.5)))
    odd = graph.node("Sub", whole, graph.node("Mul", half, graph.floats(2.0)))
    return graph.node("Add", half, graph.node("Mul", odd, graph.node("Sub", x, whole)))


def _clip(graph: Graph, x: str, low: float, high: float) -> str:
    return graph.node("Clip", x, graph.floats(low), graph.floats(high))


def _normalize(graph: Graph, terms: str) -> str:
    sum_ = graph.node("ReduceSum", terms, graph.integers([1]), keepdims=1)
    return graph.node("Div", terms, graph.node("Add", sum_, graph.floats(1e-4)))


def _largest_first(graph: Graph, x: str) -> str:
    shifted = graph.node("Sub", x, graph.node("ReduceMax", x, axes=[1], keepdims=1))
    return _normalize(graph, graph.node("Exp", shifted))


ACTIVATIONS: dict[str, Callable[[Graph, str], str]] = {
    "linear": lambda _, x: x,
    "logistic": lambda graph, x: graph.node("Sigmoid", x),
    "loggy": _loggy,
    "relu": lambda graph, x: graph.node("Relu", x),
    "relu6": lambda graph, x: _clip(graph, x, 0.0, 6.0),
    "elu": lambda graph, x: graph.node("Elu", x),
    "selu": lambda graph, x: graph.node("Selu", x, alpha=1.6732, gamma=1.0507),
    "gelu": _gelu,
    "relie": lambda graph, x: graph.node("LeakyRelu", x, alpha=0.01),
    "ramp": _ramp,
    "tanh": lambda graph, x: graph.node("Tanh", x),
    "leaky": lambda graph, x: graph.node("LeakyRelu", x, alpha=0.1),
    "revleaky": lambda graph, x: graph.node("LeakyRelu", x, alpha=0.1),
    "plse": _plse,
    "lhtan": _lhtan,
    "stair": _stair,
    "hardtan": lambda graph, x: _clip(graph, x, -1.0, 1.0),
    "swish": _swish,
    "mish": _mish,
    "hard_mish": _hard_mish,
    "normalize_channels": lambda graph, x: _normalize(graph, graph.node("Relu", x)),
    "normalize_channels_softmax": lambda graph, x: _normalize(graph, graph.node("Exp", x)),
    "normalize_channels_softmax_maxval": _largest_first,
}
"""By darknet's names."""
