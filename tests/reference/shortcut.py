"""[shortcut]: a sum of earlier outputs, plain or weighted."""

from collections.abc import Sequence

import numpy as np

from .types import Array


def fit(x: Array, like: Array) -> Array:
    """The channels of x that `like` has too; 0 in those that only `like` has."""
    y = np.zeros_like(like)
    shared = min(x.shape[1], like.shape[1])
    y[:, :shared] = x[:, :shared]
    return y


def add(inputs: Sequence[Array]) -> Array:
    """y = x_0 + x_1 + …, in the shape of x_0."""
    y: Array = np.sum([fit(x, inputs[0]) for x in inputs], axis=0)
    return y


def factors(weights: Array, normalization: str, fused: bool = False) -> Array:
    """What each term is multiplied by: (terms, 1) per feature or (terms, channels).

    relu: max(w, 0) / (Σ max(w, 0) + 0.0001), over the terms; once fused, 0.001 is in place of the 0.
    softmax: e^w / (Σ e^w + 0.0001) of w − max(w), which keeps the reference's small term in the sum.
    """
    w = weights.reshape(len(weights), -1)
    if normalization in ("relu", "avg_relu"):
        positive = np.maximum(w, 0.001 if fused else 0)
        return np.asarray(positive / (positive.sum(axis=0) + 0.0001))
    if normalization == "softmax":
        e = np.exp(w - w.max(axis=0))
        return np.asarray(e / (e.sum(axis=0) + 0.0001))
    return w


def add_weighted(inputs: Sequence[Array], weights: Array, normalization: str, fused: bool = False) -> Array:
    """y = Σ_k a_k · x_k with a from `factors`; weights (terms) or (terms, channels)."""
    a = factors(weights, normalization, fused)
    y: Array = np.sum([a[k][:, None, None] * fit(x, inputs[0]) for k, x in enumerate(inputs)], axis=0)
    return y
