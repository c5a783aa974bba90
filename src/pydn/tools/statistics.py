"""Figures of parameters: `statistics`, and the weights themselves as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .._core.weights import Weights
from ..errors import UnsupportedError
from .slots import Floats, families


class Statistics(NamedTuple):
    """Figures of one parameter.

    Attributes
    ----------
    size
        Number of values.
    rms
        Root of the mean square; darknet prints it as MSE.
    mean, variance
        The variance over n values, not n − 1.
    minimum, maximum
        The extremes.
    """

    size: int
    rms: float
    mean: float
    variance: float
    minimum: float
    maximum: float


def statistics(weights: Weights) -> dict[int, dict[str, Statistics]]:
    """Return layer index to parameter name to figures, for all layers with parameters."""
    found: dict[int, dict[str, Statistics]] = {}
    for (layer, name), values in weights.items():
        found.setdefault(layer, {})[name] = _figures(values)
    return found


def print_weights(weights: Weights, layer: int) -> Iterator[str]:
    """Yield the weights of a layer as darknet's ``print`` writes them: a line per output, numbers as C's %g.

    A layer with several matrices (rnn, gru, lstm, …) gives them one after the other, each after a line ``# name``.

    Raises
    ------
    IndexError
        If there is no such layer.
    UnsupportedError
        If it has no weights.
    """
    plan = weights.plan
    if not 0 <= layer < len(plan):
        raise IndexError(f"there is no layer {layer}: the network has {len(plan)}, counted from 0")
    own = [family for family in families(plan) if family.layer == layer and "weights" in family.shapes]
    if not own and (layer, "weights") not in weights:
        raise UnsupportedError(f"layer {layer} [{plan.kinds[layer]}] has no weights", layer=layer)
    return _lines(weights, layer, [family.key("weights")[1] for family in own] or ["weights"])


def _lines(weights: Weights, layer: int, names: list[str]) -> Iterator[str]:
    for name in names:
        if len(names) > 1:
            yield f"# {name}"
        values = weights[layer, name]
        for row in values.reshape(len(values), -1):
            yield "".join(f"{value:g} " for value in row.tolist())


def _figures(values: Floats) -> Statistics:
    exact = values.astype(np.float64)
    return Statistics(
        size=exact.size,
        rms=float(np.sqrt(np.mean(exact * exact))),
        mean=float(exact.mean()),
        variance=float(exact.var()),
        minimum=float(exact.min()),
        maximum=float(exact.max()),
    )
