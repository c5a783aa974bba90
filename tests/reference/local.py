"""[local]: a convolution with other weights at every place."""

import numpy as np

from .types import Array


def local_places(sides: tuple[int, ...], size: int, stride: int, pad: bool) -> tuple[int, int]:
    """Rows and columns of the output: windows on every stride-th cell, or (without pad) as many as fit."""
    rows, columns = ((side - (1 if pad else size)) // stride + 1 for side in sides)
    return rows, columns


def local(x: Array, weights: Array, biases: Array, stride: int, pad: bool) -> Array:
    """y[f,i,j] = biases[f,i,j] + Σ weights[place,f] · window; with pad centred on (i·stride, j·stride), 0 outside."""
    filters, size = weights.shape[1], weights.shape[3]
    rows, columns = local_places(x.shape[2:], size, stride, pad)
    before = size // 2 if pad else 0
    padded = np.pad(x, ((0, 0), (0, 0), (before, size), (before, size)))
    y = np.zeros((len(x), filters, rows, columns))
    for i in range(rows):
        for j in range(columns):
            window = padded[:, :, i * stride : i * stride + size, j * stride : j * stride + size]
            y[:, :, i, j] = np.einsum("ncuv,fcuv->nf", window, weights[i * columns + j])
    return y + biases.reshape(filters, rows, columns)


def local_back(delta: Array, x: Array, weights: Array, stride: int, pad: bool) -> tuple[Array, Array, Array]:
    """Deltas of x, of the weights and of the biases."""
    size, (rows, columns) = weights.shape[3], delta.shape[2:]
    before = size // 2 if pad else 0
    padded = np.pad(x, ((0, 0), (0, 0), (before, size), (before, size)))
    back, dw = np.zeros_like(padded), np.zeros_like(weights)
    for i in range(rows):
        for j in range(columns):
            seen = (
                slice(None),
                slice(None),
                slice(i * stride, i * stride + size),
                slice(j * stride, j * stride + size),
            )
            place = i * columns + j
            back[seen] += np.einsum("nf,fcuv->ncuv", delta[:, :, i, j], weights[place])
            dw[place] = np.einsum("nf,ncuv->fcuv", delta[:, :, i, j], padded[seen])
    dx = back[:, :, before : before + x.shape[2], before : before + x.shape[3]]
    return dx, dw, delta.sum(axis=0).ravel()
