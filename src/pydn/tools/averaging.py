"""`average`: the mean of several weights of one network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._core.plan import Plan
from .._core.weights import Weights
from ..errors import WeightsError
from .slots import Key, copy

_AS_DARKNET = {  # what darknet's verb averages; of everything else it keeps the first file's
    "convolutional": {"weights", "biases", "scales", "rolling_mean", "rolling_variance"},
    "connected": {"weights", "biases"},
}


def average(
    weights: Iterable[Weights], coefficients: Sequence[float] | None = None, *, as_darknet: bool = False
) -> Weights:
    """Average weights.

    Parameters
    ----------
    weights
        One or more, of networks with the same parameters. They are read one after the other.
    coefficients
        How much each counts; they are divided by their sum. None: all the same.
    as_darknet
        Average what darknet's verb does, convolutional layers and the weights and biases of connected ones, and
        keep the first weights' values of everything else; in its arithmetic.

    Returns
    -------
    Weights
        With the first ones' count of seen images.

    Raises
    ------
    WeightsError
        If weights have other parameters than the first ones.
    """
    if as_darknet and coefficients is not None:
        raise ValueError("darknet's average has no coefficients: leave out coefficients= or as_darknet=True")
    factors = None if coefficients is None else iter(_checked(coefficients))
    queue = iter(weights)
    first = next(queue, None)
    if first is None:
        raise ValueError("average needs at least one set of weights")
    mean = copy(first)
    chosen = [key for key in mean if not as_darknet or _as_darknet(first.plan, key)]
    factor = _next(factors)
    sums: dict[Key, NDArray[Any]] = {
        key: first[key].copy() if as_darknet else factor * first[key].astype(np.float64) for key in chosen
    }
    total, count = factor, 1
    for other in queue:
        _check_same(first, other, count)
        factor = _next(factors)
        for key in chosen:
            sums[key] += other[key] if as_darknet else factor * other[key].astype(np.float64)
        total, count = total + factor, count + 1
    if factors is not None and next(factors, None) is not None:
        raise ValueError(f"there are more coefficients than weights, of which there are {count}")
    for key in chosen:
        mean[key][...] = sums[key] * np.float32(1 / total) if as_darknet else sums[key] / total
    return mean


def _checked(coefficients: Sequence[float]) -> list[float]:
    values = [float(value) for value in coefficients]
    if not np.isfinite(values).all() or sum(values) == 0:
        raise ValueError(f"coefficients must be numbers whose sum is not 0, not {values}")
    return values


def _next(factors: Iterator[float] | None) -> float:
    if factors is None:
        return 1.0
    factor = next(factors, None)
    if factor is None:
        raise ValueError("there are fewer coefficients than weights")
    return factor


def _as_darknet(plan: Plan, key: Key) -> bool:
    layer, name = key
    return name in _AS_DARKNET.get(plan.kinds[layer], ())


def _check_same(first: Weights, other: Weights, index: int) -> None:
    mine, theirs = _shapes(first), _shapes(other)
    if mine == theirs:
        return
    for key in [*mine, *theirs]:
        if mine.get(key) != theirs.get(key):
            layer, name = key
            raise WeightsError(
                f"weights {index} have {theirs.get(key, 'no')} {name} in layer {layer}, the first ones "
                f"{mine.get(key, 'none')}: all must belong to one cfg",
                file=other.file,
                layer=layer,
            )


def _shapes(weights: Weights) -> dict[Key, tuple[int, ...]]:
    return {key: values.shape for key, values in weights.items()}
