"""[maxpool]: the largest value of a window, or of a set of channels."""

import numpy as np

from .types import Array


def largest_in_window(x: Array, size: int, stride: tuple[int, int], padding: int) -> Array:
    """y[c,i,j] = max x[c, i·stride_y − padding/2 + u, j·stride_x − padding/2 + v] over 0 <= u, v < size.

    (side + padding − size) / stride + 1 places. Cells outside the image are left out; with no cell left: −FLT_MAX.
    """
    n, channels, height, width = x.shape
    rows, columns = ((side + padding - size) // s + 1 for side, s in zip((height, width), stride, strict=True))
    y = np.full((n, channels, rows, columns), -float(np.finfo(np.float32).max))
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride[0] - padding // 2, j * stride[1] - padding // 2
            window = x[:, :, max(top, 0) : max(top + size, 0), max(left, 0) : max(left + size, 0)]
            if window.size:
                y[:, :, i, j] = window.max(axis=(2, 3))
    return y


def largest_of_channels(x: Array, out_channels: int) -> Array:
    """y[k] = max over the channels c with c mod out_channels = k."""
    return np.stack([x[:, k::out_channels].max(axis=1) for k in range(out_channels)], axis=1)


def largest_in_window_back(delta: Array, x: Array, size: int, stride: tuple[int, int], padding: int) -> Array:
    """Delta of x: the window's largest cell gets all, the first of equal ones."""
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(delta.shape):
        top, left = i * stride[0] - padding // 2, j * stride[1] - padding // 2
        cells = slice(max(top, 0), max(top + size, 0)), slice(max(left, 0), max(left + size, 0))
        window = x[n, c][cells]
        if window.size:
            dx[n, c][cells][np.unravel_index(window.argmax(), window.shape)] += delta[n, c, i, j]
    return dx


def largest_of_channels_back(delta: Array, x: Array, out_channels: int) -> Array:
    """Delta of x: the largest channel of a set gets all, the first of equal ones."""
    dx = np.zeros_like(x)
    for k in range(out_channels):
        largest = x[:, k::out_channels].argmax(axis=1)[:, None]
        np.put_along_axis(dx[:, k::out_channels], largest, delta[:, k : k + 1], axis=1)
    return dx
