"""Activations: y = f(x), value by value; the normalize_channels kinds work over the channels at one place."""

from collections.abc import Callable

import numpy as np

from .types import Array


def logistic(x: Array) -> Array:
    """σ(x) = 1 / (1 + e^−x); below −700, where e^−x is no float any more, it is 0 to any digit that is looked at."""
    y: Array = 1 / (1 + np.exp(-np.maximum(x, -700)))
    return y


def _stair(x: Array) -> Array:
    """Flat between 2k and 2k + 1, slope 1 between 2k + 1 and 2k + 2."""
    whole = np.floor(x)
    y: Array = np.floor(x / 2) + np.where(whole % 2 == 0, 0, x - whole)
    return y


def _plse(x: Array) -> Array:
    """A logistic function of three straight pieces, bent at −4 and 4."""
    return np.where(x < -4, 0.01 * (x + 4), np.where(x > 4, 0.01 * (x - 4) + 1, 0.125 * x + 0.5))


def _hard_mish(x: Array) -> Array:
    return np.where(x > 0, x, np.where(x > -2, x * x / 2 + x, 0))


def _selu(x: Array) -> Array:
    return 1.0507 * np.where(x >= 0, x, 1.6732 * np.expm1(np.minimum(x, 0)))


def _gelu(x: Array) -> Array:
    """The tanh form: 0.797885 = √(2/π), 0.035677 = 0.044715 · √(2/π)."""
    y: Array = 0.5 * x * (1 + np.tanh(0.797885 * x + 0.035677 * x**3))
    return y


def _shares(x: Array) -> Array:
    """Every channel's share of the sum over the channels at a place."""
    y: Array = x / (x.sum(axis=1, keepdims=True) + 0.0001)
    return y


FORMULAS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "logistic": logistic,
    "loggy": lambda x: 2 * logistic(x) - 1,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "elu": lambda x: np.where(x >= 0, x, np.expm1(np.minimum(x, 0))),
    "selu": _selu,
    "gelu": _gelu,
    "relie": lambda x: np.where(x > 0, x, 0.01 * x),
    "ramp": lambda x: np.maximum(x, 0) + 0.1 * x,
    "tanh": np.tanh,
    "plse": _plse,
    "leaky": lambda x: np.where(x > 0, x, 0.1 * x),
    "stair": _stair,
    "hardtan": lambda x: np.clip(x, -1, 1),
    "lhtan": lambda x: np.where(x < 0, 0.001 * x, np.where(x > 1, 0.001 * (x - 1) + 1, x)),
    "swish": lambda x: x * logistic(x),
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "hard_mish": _hard_mish,
    "revleaky": lambda x: np.where(x > 0, x, 0.1 * x),
    "normalize_channels": lambda x: _shares(np.maximum(x, 0)),
    "normalize_channels_softmax": lambda x: _shares(np.exp(x)),
    "normalize_channels_softmax_maxval": lambda x: _shares(np.exp(x - x.max(axis=1, keepdims=True))),
}


def activate(name: str, x: Array) -> Array:
    """f(x) by its name in the cfg."""
    return FORMULAS[name](x)


def _logistic_slope(x: Array) -> Array:
    y = logistic(x)
    return y * (1 - y)


def _gelu_slope(x: Array) -> Array:
    t = np.tanh(0.797885 * x + 0.035677 * x**3)
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * (0.797885 + 3 * 0.035677 * x**2)


def _mish_slope(x: Array) -> Array:
    t = np.tanh(np.logaddexp(0, x))
    return t + x * (1 - t * t) * logistic(x)


def _inside(x: Array, low: float, high: float, within: float, outside: float) -> Array:
    return np.where((x > low) & (x < high), within, outside)


SLOPES: dict[str, Callable[[Array], Array]] = {
    "linear": np.ones_like,
    "logistic": _logistic_slope,
    "loggy": lambda x: 2 * _logistic_slope(x),
    "relu": lambda x: np.where(x > 0, 1, 0),
    "relu6": lambda x: _inside(x, 0, 6, 1, 0),
    "elu": lambda x: np.exp(np.minimum(x, 0)),
    "selu": lambda x: 1.0507 * np.where(x >= 0, 1, 1.6732 * np.exp(np.minimum(x, 0))),
    "gelu": _gelu_slope,
    "relie": lambda x: np.where(x > 0, 1, 0.01),
    "ramp": lambda x: np.where(x > 0, 1.1, 0.1),
    "tanh": lambda x: 1 - np.tanh(x) ** 2,
    "plse": lambda x: _inside(x, -4, 4, 0.125, 0.01),
    "leaky": lambda x: np.where(x > 0, 1, 0.1),
    "stair": lambda x: np.floor(x) % 2,
    "hardtan": lambda x: _inside(x, -1, 1, 1, 0),
    "lhtan": lambda x: _inside(x, 0, 1, 1, 0.001),
    "swish": lambda x: logistic(x) + x * _logistic_slope(x),
    "mish": _mish_slope,
    "hard_mish": lambda x: np.where(x > 0, 1, np.where(x > -2, x + 1, 0)),
    "revleaky": lambda x: np.where(x > 0, 1, 0.1),
}


def _shares_back(delta: Array, x: Array) -> Array:
    """A value adds to its own share and takes from all."""
    y = _shares(x)
    return np.asarray((delta - (delta * y).sum(axis=1, keepdims=True)) / (x.sum(axis=1, keepdims=True) + 0.0001))


def _maxval_back(delta: Array, x: Array) -> Array:
    """The largest value counts twice: in its share, and in what is subtracted from every channel."""
    e = np.exp(x - x.max(axis=1, keepdims=True))
    back = _shares_back(delta, e) * e
    largest = x.argmax(axis=1, keepdims=True)
    moved = np.take_along_axis(back, largest, axis=1) - back.sum(axis=1, keepdims=True)
    np.put_along_axis(back, largest, moved, axis=1)
    return back


def activate_back(name: str, delta: Array, x: Array) -> Array:
    """Delta of x, from that of f(x)."""
    if name == "normalize_channels":
        return _shares_back(delta, np.maximum(x, 0)) * (x > 0)
    if name == "normalize_channels_softmax":
        return _shares_back(delta, np.exp(x)) * np.exp(x)
    if name == "normalize_channels_softmax_maxval":
        return _maxval_back(delta, x)
    return np.asarray(delta * SLOPES[name](x))
