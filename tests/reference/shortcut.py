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


def add_scaled(inputs: Sequence[Array], alpha: float, beta: float) -> Array:
    """pjreddie: α · x_0 + β · x_1 where the two meet, x_0 elsewhere; rows and columns may differ by a whole factor.

    The wider one then has values at every so-manyeth place of which the other has one.
    """
    y = inputs[0].copy()
    at, of = _meeting(*inputs)
    y[at] = alpha * y[at] + beta * inputs[1][of]
    return y


def _meeting(x: Array, other: Array) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    channels = slice(min(x.shape[1], other.shape[1]))
    rows, columns = (min(a, b) for a, b in zip(x.shape[2:], other.shape[2:], strict=True))
    there, here = (max(a.shape[3] // b.shape[3], 1) for a, b in ((other, x), (x, other)))
    images = slice(None)
    return (
        (images, channels, slice(0, rows * here, here), slice(0, columns * here, here)),
        (images, channels, slice(0, rows * there, there), slice(0, columns * there, there)),
    )


def add_back(delta: Array, inputs: Sequence[Array]) -> list[Array]:
    """Deltas of the terms."""
    return [fit(delta, x) for x in inputs]


def add_scaled_back(delta: Array, inputs: Sequence[Array], alpha: float, beta: float) -> list[Array]:
    """Deltas of both terms."""
    found = [delta.copy(), np.zeros_like(inputs[1])]
    at, of = _meeting(*inputs)
    found[0][at] = alpha * delta[at]
    found[1][of] = beta * delta[at]
    return found


def add_weighted_back(
    delta: Array, inputs: Sequence[Array], weights: Array, normalization: str
) -> tuple[list[Array], Array]:
    """Deltas of the terms and of the weights."""
    a = factors(weights, normalization)
    back = [fit(a[k][:, None, None] * delta, x) for k, x in enumerate(inputs)]
    by_factor = np.stack([(delta * fit(x, delta)).sum(axis=(0, 2, 3)) for x in inputs])
    if weights.ndim == 1:
        by_factor = by_factor.sum(axis=1, keepdims=True)
    return back, _factors_back(by_factor, a, weights, normalization).reshape(weights.shape)


def _factors_back(delta: Array, a: Array, weights: Array, normalization: str) -> Array:
    """Deltas of the weights, from those of `factors`: a share grows with its weight and shrinks with all."""
    w = weights.reshape(len(weights), -1)
    centred = delta - (delta * a).sum(axis=0)
    if normalization in ("relu", "avg_relu"):
        return np.asarray(centred / (np.maximum(w, 0).sum(axis=0) + 0.0001) * (w > 0))
    if normalization == "softmax":
        back = centred * a
        largest = w.argmax(axis=0)[None]
        # The largest weight is subtracted from all before the small term is added.
        np.put_along_axis(back, largest, np.take_along_axis(back, largest, 0) - back.sum(axis=0), axis=0)
        return back
    return delta
