"""[convolutional]: convolution; batch norm or bias, the activation and antialiasing are steps of their own."""

import numpy as np

from .types import Array


def convolve(
    x: Array, weights: Array, *, groups: int = 1, stride: tuple[int, int] = (1, 1), padding: int = 0, dilation: int = 1
) -> Array:
    """y[f,i,j] = Σ_{c,u,v} w[f,c,u,v] · x[c, i·stride_y + (u − padding)·dilation, j·stride_x + (v − padding)·dilation].

    c runs over the channels of f's group. (side + 2·padding − size) / stride + 1 places: dilation does not shrink.
    """
    n, channels, height, width = x.shape
    filters, group_channels, size, _ = weights.shape
    rows, columns = ((side + 2 * padding - size) // s + 1 for side, s in zip((height, width), stride, strict=True))
    before = padding * dilation
    reach = before + size * dilation
    wide = np.zeros((n, channels, height + rows * stride[0] + reach, width + columns * stride[1] + reach))
    wide[:, :, before : before + height, before : before + width] = x
    y = np.zeros((n, filters, rows, columns))
    for f in range(filters):
        first = f // (filters // groups) * group_channels
        for u in range(size):
            for v in range(size):
                seen = wide[:, first : first + group_channels, u * dilation :: stride[0], v * dilation :: stride[1]]
                y[:, f] += np.tensordot(seen[:, :, :rows, :columns], weights[f, :, u, v], axes=(1, 0))
    return y


def blur(x: Array, antialiasing: int, stride: tuple[int, int]) -> Array:
    """antialiasing=1: the outer square of (1, 2, 1)/4, padding 1; 2: that of (1, 1)/2, no padding; with the stride.

    Every channel by itself: a convolution with as many groups as channels.
    """
    line = np.array([0.5, 0.5] if antialiasing == 2 else [0.25, 0.5, 0.25])
    channels = x.shape[1]
    weights = np.tile(np.outer(line, line), (channels, 1, 1, 1))
    return convolve(x, weights, groups=channels, stride=stride, padding=0 if antialiasing == 2 else 1)


def binarized(x: Array, weights: Array) -> tuple[Array, Array]:
    """xnor=1: the input's signs (0 counts as −1), and per filter the weights' signs times their mean size."""
    size = np.abs(weights).mean(axis=(1, 2, 3), keepdims=True)
    return np.where(x > 0, 1.0, -1.0), np.where(weights > 0, size, -size)
