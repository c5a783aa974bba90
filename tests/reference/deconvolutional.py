"""[deconvolutional]: every value of the input stamps its weights on the output."""

import numpy as np

from .types import Array


def deconvolve(x: Array, weights: Array, stride: int, padding: int) -> Array:
    """Stamp weights[c] · x[c,i,j] on rows i·stride … i·stride + size − 1, then cut off `padding` cells all around."""
    n, _, height, width = x.shape
    filters, size = weights.shape[1:3]
    rows, columns = ((side - 1) * stride + size for side in (height, width))
    y = np.zeros((n, filters, rows, columns))
    for i in range(height):
        for j in range(width):
            top, left = i * stride, j * stride
            y[:, :, top : top + size, left : left + size] += np.einsum("nc,cfuv->nfuv", x[:, :, i, j], weights)
    return y[:, :, padding : rows - padding, padding : columns - padding]


def deconvolve_back(delta: Array, x: Array, weights: Array, stride: int, padding: int) -> tuple[Array, Array]:
    """Deltas of x and of the weights: what every stamp met, cells that were cut off counting 0."""
    size = weights.shape[2]
    whole = np.pad(delta, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dx, dw = np.zeros_like(x), np.zeros_like(weights)
    for i in range(x.shape[2]):
        for j in range(x.shape[3]):
            stamp = whole[:, :, i * stride : i * stride + size, j * stride : j * stride + size]
            dx[:, :, i, j] = np.einsum("nfuv,cfuv->nc", stamp, weights)
            dw += np.einsum("nc,nfuv->cfuv", x[:, :, i, j], stamp)
    return dx, dw
