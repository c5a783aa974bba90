"""[softmax]: values that are positive and sum to 1."""

from collections.abc import Sequence

import numpy as np

from .types import Array


def softmax(x: Array, temperature: float = 1, axis: int = -1) -> Array:
    """y_k = e^{x_k / temperature} / Σ e^{x / temperature}."""
    e = np.exp((x - x.max(axis=axis, keepdims=True)) / temperature)
    return np.asarray(e / e.sum(axis=axis, keepdims=True))


def softmax_parts(x: Array, sizes: Sequence[int], temperature: float = 1) -> Array:
    """Over consecutive parts of these sizes, of each image's values: (n, values)."""
    parts = np.split(x.reshape(len(x), -1), np.cumsum(sizes)[:-1], axis=1)
    return np.concatenate([softmax(part, temperature) for part in parts], axis=1)


def softmax_spatial(x: Array, temperature: float = 1) -> Array:
    """Over the channels at every row and column: (n, values)."""
    return softmax(x, temperature, axis=1).reshape(len(x), -1)
