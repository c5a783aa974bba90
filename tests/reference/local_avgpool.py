"""[local_avgpool]: the mean of a window."""

import numpy as np

from .types import Array


def mean_in_window(x: Array, size: int, stride: tuple[int, int], padding: int) -> Array:
    """y[c,i,j] = mean x[c, i·stride_y − padding/2 + u, j·stride_x − padding/2 + v] over 0 <= u, v < size.

    (side + padding − size) / stride + 1 places. Cells outside the image are left out; with no cell left: 0.
    """
    n, channels, height, width = x.shape
    rows, columns = ((side + padding - size) // s + 1 for side, s in zip((height, width), stride, strict=True))
    y = np.zeros((n, channels, rows, columns))
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride[0] - padding // 2, j * stride[1] - padding // 2
            window = x[:, :, max(top, 0) : max(top + size, 0), max(left, 0) : max(left + size, 0)]
            if window.size:
                y[:, :, i, j] = window.mean(axis=(2, 3))
    return y


def mean_in_window_back(delta: Array, x: Array, size: int, stride: tuple[int, int], padding: int) -> Array:
    """Delta of x: every cell gets its share of each window that it is in."""
    dx = np.zeros_like(x)
    for i in range(delta.shape[2]):
        for j in range(delta.shape[3]):
            top, left = i * stride[0] - padding // 2, j * stride[1] - padding // 2
            window = dx[:, :, max(top, 0) : max(top + size, 0), max(left, 0) : max(left + size, 0)]
            if window.size:
                window += delta[:, :, i : i + 1, j : j + 1] / (window.shape[2] * window.shape[3])
    return dx
