"""[upsample]: repeats values, or adds them up."""

import numpy as np

from .types import Array


def upsample(x: Array, stride: int, scale: float = 1) -> Array:
    """y[i,j] = scale · x[i/stride, j/stride]; stride < 0: scale · the sum of the |stride| × |stride| cells at (i,j)."""
    if stride > 0:
        return scale * x.repeat(stride, axis=2).repeat(stride, axis=3)
    s = -stride
    n, channels, height, width = x.shape
    y = np.zeros((n, channels, height // s, width // s))
    for i in range(height // s):
        for j in range(width // s):
            y[:, :, i, j] = scale * x[:, :, i * s : (i + 1) * s, j * s : (j + 1) * s].sum(axis=(2, 3))
    return y


def upsample_back(delta: Array, x: Array, stride: int, scale: float = 1) -> Array:
    """Delta of x: repeating becomes adding up, and the other way round; cells that no sum has get 0."""
    dx = np.zeros_like(x)
    back = upsample(delta, -stride, scale)
    dx[:, :, : back.shape[2], : back.shape[3]] = back
    return dx
