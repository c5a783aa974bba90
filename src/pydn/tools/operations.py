"""`ops`: how many operations a forward of one image is, exactly and as the reference counts them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._core.layer import Layer
from .._core.network import Network
from .slots import Family, families

_MATRICES = {"connected", "rnn", "gru", "lstm"}  # what the reference counts besides convolutions


@dataclass(frozen=True, slots=True)
class LayerOperations:
    """Operations of one layer for one image; a multiplication and an addition are two.

    Attributes
    ----------
    index, kind
        Which layer.
    count
        With groups counted right.
    alexeyab, pjreddie
        What the ``ops`` of these programs counts: convolutions, connected and recurrent layers only; AlexeyAB's as if
        there were no groups.
    """

    index: int
    kind: str
    count: int
    alexeyab: int
    pjreddie: int


@dataclass(frozen=True, slots=True)
class Operations:
    """Operations of a network for one image, by layer; the same attributes as the sums of its layers."""

    layers: tuple[LayerOperations, ...]

    @property
    def count(self) -> int:
        """All, with groups counted right."""
        return sum(layer.count for layer in self.layers)

    @property
    def alexeyab(self) -> int:
        """What AlexeyAB's ``ops`` prints."""
        return sum(layer.alexeyab for layer in self.layers)

    @property
    def pjreddie(self) -> int:
        """What pjreddie's ``ops`` prints."""
        return sum(layer.pjreddie for layer in self.layers)


def ops(network: Network) -> Operations:
    """Count a network's operations.

    Convolutions, pooling and what else darknet's layer table has figures for count as there; layers that it leaves
    out (connected, recurrent, local) as two for every weight and place.
    """
    own: dict[int, list[Family]] = {}
    for family in families(network.plan):
        own.setdefault(family.layer, []).append(family)
    return Operations(tuple(_count(layer, own.get(layer.index, [])) for layer in network.layers))


def _count(layer: Layer, own: list[Family]) -> LayerOperations:
    flops = round(layer.flops)
    matrices = sum(_products(family, layer) for family in own)
    if layer.kind == "convolutional":
        facts = layer.facts
        whole = flops * (32 if facts.get("xnor") else 1)
        return LayerOperations(layer.index, layer.kind, flops, whole * int(facts.get("groups", 1)), whole)
    reference = matrices if layer.kind in _MATRICES else 0
    return LayerOperations(layer.index, layer.kind, flops or matrices, reference, reference)


def _products(family: Family, layer: Layer) -> int:
    shape = family.shapes.get("weights", ())
    if "biases" not in family.shapes or not shape:
        return 0
    places = int(np.prod(layer.output_shape[2:])) if len(shape) == 4 else 1
    return 2 * int(np.prod(shape)) * places
