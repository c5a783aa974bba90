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


def softmax_loss(p: Array, truth: Array, groups: Sequence[int] = ()) -> tuple[float, Array]:
    """Cost Σ −log p where the truth is not 0, and delta truth − p, of the output (n, values).

    That is minus the gradient by x where the truths of a softmax add up to 1 and its temperature is 1; darknet does not
    divide by another temperature. `groups`: sizes of a tree's, where those without a truth (0, or −1234) learn nothing.
    """
    shown = np.where(truth == -1234, 0, truth) if groups else truth
    learns = np.ones_like(p)
    if groups:
        parts = np.split(shown, np.cumsum(groups)[:-1], axis=1)
        learns = np.concatenate([np.repeat(part.any(axis=1, keepdims=True), part.shape[1], 1) for part in parts], 1)
    return float(-np.log(p[shown != 0]).sum()), learns * (shown - p)
