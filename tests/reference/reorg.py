"""[reorg]: rows and columns become channels, in darknet's own order (which is not space-to-depth)."""

import numpy as np

from .types import Array


def numberings(channels: int, height: int, width: int, stride: int) -> tuple[list[int], list[int]]:
    """Two flat numberings of C·H·W values; with s = stride, C' = C/s² and o = k div C':

    a(k,j,i) = i + W·(j + H·k)
    b(k,j,i) = i·s + o mod s + W·s·(j·s + o div s + H·s·(k mod C'))
    """
    a, b = [], []
    fewer = channels // stride**2
    for k in range(channels):
        for j in range(height):
            for i in range(width):
                row, column = j * stride + k // fewer // stride, i * stride + k // fewer % stride
                a.append(i + width * (j + height * k))
                b.append(column + width * stride * (row + height * stride * (k % fewer)))
    return a, b


def reorg(x: Array, stride: int, reverse: bool = False) -> Array:
    """y[a] = x[b], shape (C·s², H/s, W/s); reverse: y[b] = x[a], shape (C/s², H·s, W·s). Both index flat memory."""
    n, channels, height, width = x.shape
    a, b = numberings(channels, height, width, stride)
    y = np.zeros((n, x[0].size))
    if reverse:
        y[:, b] = x.reshape(n, -1)[:, a]
        return y.reshape(n, channels // stride**2, height * stride, width * stride)
    y[:, a] = x.reshape(n, -1)[:, b]
    return y.reshape(n, channels * stride**2, height // stride, width // stride)


def reorg_back(delta: Array, x: Array, stride: int, reverse: bool = False) -> Array:
    """Delta of x: x[b] gets that of y[a]; reverse: x[a] that of y[b]."""
    a, b = numberings(*x.shape[1:], stride)
    to, of = (a, b) if reverse else (b, a)
    dx = np.zeros((len(x), x[0].size))
    dx[:, to] = delta.reshape(len(x), -1)[:, of]
    return dx.reshape(x.shape)


def flattened(x: Array, stride: int, reverse: bool = False) -> Array:
    """pjreddie, flatten=1: y[place, channel] = x[channel, place], or the way back, in the shape that `reorg` gives."""
    n, channels, height, width = x.shape
    places = height * width
    cells = x.reshape(n, places, channels) if reverse else x.reshape(n, channels, places)
    s = stride
    shape = (channels // s**2, height * s, width * s) if reverse else (channels * s * s, height // s, width // s)
    return cells.transpose(0, 2, 1).reshape(n, *shape)


def flattened_back(delta: Array, x: Array, reverse: bool = False) -> Array:
    """The order of before."""
    n, channels, height, width = x.shape
    cells = delta.reshape(n, channels, height * width) if reverse else delta.reshape(n, height * width, channels)
    return cells.transpose(0, 2, 1).reshape(x.shape)


def followed_by_zeros(x: Array, extra: int) -> Array:
    """pjreddie, extra=n: the values of an image, flat, then n zeros."""
    return np.pad(x.reshape(len(x), -1), ((0, 0), (0, extra)))
