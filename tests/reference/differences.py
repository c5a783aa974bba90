"""Derivatives by central differences in float64, which say whether a backward is one.

The loss is Σ delta · f(x), so that its gradient by x is what backward makes of `delta`. Differences mislead at kinks
(the corner of a relu, two equal values in the window of a maximum): `apart` gives inputs whose values lie between the
multiples of a power of two, where formulas have their corners, and are all different; and where the slopes on both
sides of x are not the same, an AssertionError says so.
"""

from collections.abc import Callable, Iterator

import numpy as np

from .types import Array

Function = Callable[[Array], Array]
STEP = 1e-6


def slope(function: Function, y: Array, x: Array, delta: Array, direction: Array, step: float = STEP) -> float:
    """Derivative of Σ delta · function(x) along a direction; y = function(x).

    The error is of the order of step² and of float64's digits by the step.
    """
    before, after = (function(x + sign * step * direction) for sign in (-1, 1))
    left, right = (float(((b - a) * delta).sum()) / step for a, b in ((before, y), (y, after)))
    size = float(np.abs(direction).max()) * float(np.abs(delta).sum())
    assert abs(right - left) <= 1e-3 * size, f"a kink: the slope is {left} on one side and {right} on the other"
    return (left + right) / 2


def central_difference(function: Function, x: Array, delta: Array, step: float = STEP) -> Array:
    """Gradient of Σ delta · function(x) by every value of x."""
    y = function(x)
    gradient = [slope(function, y, x, delta, unit.reshape(x.shape), step) for unit in np.eye(x.size)]
    return np.array(gradient).reshape(x.shape)


def directions(shape: tuple[int, ...], count: int = 2) -> Iterator[Array]:
    """Ways to change all values of x at once, by chance.

    A gradient that is wrong anywhere has a wrong product with nearly every one of them, so that two say what
    `central_difference` says value by value.
    """
    rng = np.random.default_rng(3)
    yield from (rng.uniform(-1, 1, shape) for _ in range(count))


def apart(shape: tuple[int, ...], steps_per_unit: int = 32, seed: int = 1) -> Array:
    """Values around 0 in random order, 1 / steps_per_unit from the next one, half of that from its multiples.

    They are exact in float32; `steps_per_unit` is a power of two.
    """
    count = int(np.prod(shape))
    values = (np.random.default_rng(seed).permutation(count) - count // 2 + 0.5) / steps_per_unit
    return np.asarray(values.reshape(shape))
