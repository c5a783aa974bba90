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
