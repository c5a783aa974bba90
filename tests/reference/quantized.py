"""Weights of few values, and training through them: forward and the input's delta see them, the update does not.

A convolution y = w̃ ∗ x whose w̃ is made of w: ∂L/∂x by w̃, ∂L/∂w taken as ∂L/∂w̃ (straight through).
"""

import numpy as np

from .types import Array


def ternary(weights: Array) -> Array:
    """α where w > Δ, −α where w < −Δ, else 0: Δ = 0.7 · mean|w|, α the mean of those |w| > Δ, of all weights."""
    size = np.abs(weights)
    large = size > 0.7 * size.mean()
    return np.where(large, np.sign(weights) * (size[large].mean() if large.any() else 0.0), 0.0)


def binary(weights: Array) -> Array:
    """±mean|w| of each filter; 0 counts as negative."""
    size = np.abs(weights).mean(axis=(1, 2, 3), keepdims=True)
    return np.where(weights > 0, size, -size)


def signs(x: Array) -> Array:
    """1 where x > 0, else −1."""
    return np.where(x > 0, 1.0, -1.0)


def through_signs(x: Array, dy: Array) -> Array:
    """Delta of x where that of its signs is dy: dy for −1 < x < 1, 0 beyond."""
    return np.where(np.abs(x) < 1, dy, 0.0)


def backward(x: Array, weights: Array, dy: Array, *, padding: int = 0, stride: int = 1) -> tuple[Array, Array]:
    """Deltas of x and of the weights of y = weights ∗ x, whose delta is dy."""
    n, channels, height, width = x.shape
    size = weights.shape[2]
    wide = np.zeros((n, channels, height + 2 * padding, width + 2 * padding))
    wide[:, :, padding : padding + height, padding : padding + width] = x
    dx, dw = np.zeros_like(wide), np.zeros(weights.shape)
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            rows, columns = slice(i * stride, i * stride + size), slice(j * stride, j * stride + size)
            dw += np.einsum("nf,ncuv->fcuv", dy[:, :, i, j], wide[:, :, rows, columns])
            dx[:, :, rows, columns] += np.einsum("nf,fcuv->ncuv", dy[:, :, i, j], weights)
    return dx[:, :, padding : padding + height, padding : padding + width], dw
