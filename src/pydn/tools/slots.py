"""Parameters that belong together, whatever the layer: a convolution has one family, an lstm eight."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .._core.plan import Plan
from .._core.weights import Header, Weights

Floats = NDArray[np.float32]
Key = tuple[int, str]

REVISIONS = {"alexeyab": 5, "pjreddie": 0}
"""Of the version 0.2 that each dialect's program writes."""


@dataclass(frozen=True, slots=True)
class Family:
    """The slots of one layer whose names differ in the last word only.

    Attributes
    ----------
    layer
        Index of the layer.
    kind
        Name of its section.
    prefix
        What stands before the last word, with the dot; "" where a layer has one family.
    shapes
        Last word (``weights``, ``biases``, ``scales``, ``rolling_mean``, ``rolling_variance``, …) to shape.
    stored
        Whether a file holds all of them.
    """

    layer: int
    kind: str
    prefix: str
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    stored: bool = True

    def key(self, word: str) -> Key:
        """Key of a slot in `Weights`."""
        return self.layer, self.prefix + word

    @property
    def normalized(self) -> bool:
        """Whether it is a matrix or convolution with batch norm."""
        return {"weights", "biases", "scales", "rolling_mean", "rolling_variance"} <= self.shapes.keys()

    def rows(self, weights: Floats) -> Floats:
        """View `weights` with one row for an output channel."""
        if self.kind == "deconvolutional":  # (channels of the input, filters, size, size)
            return np.moveaxis(weights, 1, 0)
        return weights


def families(plan: Plan) -> list[Family]:
    """All families of a network, in file order. What a layer shares with another one is listed there only."""
    found: dict[tuple[int, str], dict[str, tuple[int, ...]]] = {}
    unstored: set[tuple[int, str]] = set()
    for layer, name, shape, stored in plan.slots():
        head, dot, word = name.rpartition(".")
        place = layer, head + dot
        found.setdefault(place, {})[word] = shape
        if not stored:
            unstored.add(place)
    kinds = plan.kinds
    return [
        Family(layer, kinds[layer], prefix, shapes, (layer, prefix) not in unstored)
        for (layer, prefix), shapes in found.items()
    ]


def blank(plan: Plan, seen: int = 0) -> Weights:
    """Weights with start values, under the header that the dialect's program writes."""
    weights = Weights(plan)
    weights.header = Header(0, 2, REVISIONS[plan.dialect], seen)
    return weights


def copy(weights: Weights) -> Weights:
    """Copy parameters to new memory, under the header that the dialect's program writes."""
    new = blank(weights.plan, weights.header.seen)
    for key, values in weights.items():
        new[key][...] = values
    new.shadow = weights.shadow
    return new


def copy_fitting(source: Weights, target: Weights) -> None:
    """Copy every parameter whose layer and shape are the same in both."""
    for key, values in source.items():
        into = target.get(key)
        if into is not None and into.shape == values.shape:
            into[...] = values
