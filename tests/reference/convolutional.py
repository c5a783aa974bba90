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
    for group in range(groups):
        outs = slice(group * filters // groups, (group + 1) * filters // groups)
        ins = slice(group * group_channels, (group + 1) * group_channels)
        for u in range(size):
            for v in range(size):
                seen = wide[:, ins, u * dilation :: stride[0], v * dilation :: stride[1]][:, :, :rows, :columns]
                y[:, outs] += np.einsum("fc,nchw->nfhw", weights[outs, :, u, v], seen, optimize=True)
    return y


def blur(x: Array, antialiasing: int, stride: tuple[int, int]) -> Array:
    """antialiasing=1: the outer square of (1, 2, 1)/4, padding 1; 2: that of (1, 1)/2, no padding; with the stride.

    Every channel by itself: a convolution with as many groups as channels.
    """
    channels, padding = x.shape[1], 0 if antialiasing == 2 else 1
    return convolve(x, _blur_weights(antialiasing, channels), groups=channels, stride=stride, padding=padding)


def _blur_weights(antialiasing: int, channels: int) -> Array:
    line = np.array([0.5, 0.5] if antialiasing == 2 else [0.25, 0.5, 0.25])
    return np.tile(np.outer(line, line), (channels, 1, 1, 1))


def binarized(x: Array, weights: Array) -> tuple[Array, Array]:
    """xnor=1: the input's signs (0 counts as −1), and per filter the weights' signs times their mean size."""
    size = np.abs(weights).mean(axis=(1, 2, 3), keepdims=True)
    return np.where(x > 0, 1.0, -1.0), np.where(weights > 0, size, -size)


def convolve_back(
    delta: Array,
    x: Array,
    weights: Array,
    *,
    groups: int = 1,
    stride: tuple[int, int] = (1, 1),
    padding: int = 0,
    dilation: int = 1,
) -> tuple[Array, Array]:
    """Deltas of x and of the weights, tap by tap: each pair (place, cell) of `convolve`, the other way round."""
    (height, width), (rows, columns) = x.shape[2:], delta.shape[2:]
    filters, group_channels, size, _ = weights.shape
    places = np.indices((rows, columns))
    dx, dw = np.zeros_like(x), np.zeros_like(weights)
    for u in range(size):
        for v in range(size):
            i, j = (places[k] * stride[k] + (tap - padding) * dilation for k, tap in enumerate((u, v)))
            met = (i >= 0) & (i < height) & (j >= 0) & (j < width)
            for group in range(groups):
                outs = slice(group * filters // groups, (group + 1) * filters // groups)
                ins = slice(group * group_channels, (group + 1) * group_channels)
                dw[outs, :, u, v] = np.einsum("nfm,ncm->fc", delta[:, outs, met], x[:, ins, i[met], j[met]])
                dx[:, ins, i[met], j[met]] += np.einsum("fc,nfm->ncm", weights[outs, :, u, v], delta[:, outs, met])
    return dx, dw


def blur_back(delta: Array, x: Array, antialiasing: int, stride: tuple[int, int]) -> Array:
    """Delta of x, from that of what `blur` makes of it."""
    channels, padding = x.shape[1], 0 if antialiasing == 2 else 1
    return convolve_back(
        delta, x, _blur_weights(antialiasing, channels), groups=channels, stride=stride, padding=padding
    )[0]
