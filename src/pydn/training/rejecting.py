"""``weights_reject_freq=``: filters that became too similar begin anew."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.random import Generator, Philox
from numpy.typing import NDArray

from .._core.network import Network

LIMIT = 0.4  # of the cosine between two filters
_BEFORE_A_HEAD = 3  # layers that feed [yolo] keep their filters


def similar_filters(weights: NDArray[np.float32]) -> tuple[int, int, float]:
    """Return the two filters whose cosine is the largest, the first one first, and that cosine; rows are filters."""
    rows = weights.reshape(len(weights), -1).astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.where(lengths > 0, lengths, 1)
    cosines = np.where(np.triu(np.ones((len(rows), len(rows)), bool), 1), rows @ rows.T, -np.inf)
    first, second = divmod(int(np.argmax(cosines)), len(rows))
    return first, second, float(cosines[first, second])


def _candidates(net: Network) -> Iterator[int]:
    """Convolutions with an activation, but the first layer and those that feed a head."""
    layers = net.layers
    for index in range(1, len(layers)):
        followers = (layer.kind for layer in layers[index + 1 : index + 1 + _BEFORE_A_HEAD])
        if "yolo" in followers or layers[index].kind != "convolutional" or layers[index].activation == "linear":
            continue
        if (index, "weights") in net.weights and len(net.weights[index, "weights"]) > 1:
            yield index


def reject_similar(net: Network, seed: int, iteration: int) -> list[tuple[int, int]]:
    """Draw one filter of each layer anew where the two most similar ones have a cosine above `LIMIT`.

    Parameters
    ----------
    net
        Whose weights change.
    seed, iteration
        What the new values depend on.

    Returns
    -------
    list of (int, int)
        Layers and filters.
    """
    rejected = []
    for layer in _candidates(net):
        weights = net.weights[layer, "weights"]
        first, _, cosine = similar_filters(weights)
        if cosine <= LIMIT:
            continue
        scale = math.sqrt(2 / weights[first].size)
        random = Generator(Philox(key=seed, counter=[layer, iteration, 0, 0]))
        weights[first] = random.uniform(-scale, scale, weights[first].shape)
        for name, value in (("biases", 0), ("scales", 1)):
            if (layer, name) in net.weights:
                net.weights[layer, name][first] = value
        rejected.append((layer, first))
    return rejected
