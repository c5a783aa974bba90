"""[crop]: the middle of the image, or in training any part of it."""

import numpy as np

from .types import Array


def crop(x: Array, height: int, width: int, adjust: bool) -> Array:
    """y = 2 · middle − 1, or the middle as it is; of an odd rest one cell more is lost at the end."""
    top, left = (x.shape[2] - height) // 2, (x.shape[3] - width) // 2
    middle = x[:, :, top : top + height, left : left + width]
    return 2 * middle - 1 if adjust else middle


def part(x: Array, window: tuple[int, int, int, int], flip: bool, adjust: bool) -> Array:
    """One image, (channels, h, w): the window (top, left, height, width) of it, or of its mirror image."""
    top, left, height, width = window
    cells = (x[:, :, ::-1] if flip else x)[:, top : top + height, left : left + width]
    return 2 * cells - 1 if adjust else cells


def part_back(delta: Array, x: Array, window: tuple[int, int, int, int], flip: bool, adjust: bool) -> Array:
    """Delta of x: that of the part where it lies, 0 around it."""
    top, left, height, width = window
    dx = np.zeros_like(x)
    dx[:, top : top + height, left : left + width] = 2 * delta if adjust else delta
    return dx[:, :, ::-1] if flip else dx
