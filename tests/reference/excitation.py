"""`assisted_excitation=` of [convolutional], and the reference's schedule of it on CPUs and GPUs."""

import math

import numpy as np

from .types import Array


def strength(until: int, iteration: int, burn_in: int, max_batches: int, *, cpu: bool) -> float:
    """By how much the mean is added in an iteration."""
    if cpu:
        if until > 1:
            return 0 if iteration > until else 1 + math.cos(math.pi * iteration / until)
        return 1 + math.cos(math.pi * iteration / max_batches)
    if until == 1:
        return 0 if iteration > max_batches // 2 else (1 + math.cos(math.pi * iteration / max_batches)) / 2
    if iteration < burn_in or iteration > until:
        return 0
    return (1 + math.cos(math.pi * iteration / (burn_in + until))) / 2


def mask(boxes: Array, rows: int, columns: int) -> Array:
    """1 in cells that a box (x, y, w, h) touches, and in those of one column more on its right."""
    found = np.zeros((rows, columns))
    for x, y, w, h in boxes:
        left, right = math.floor((x - w / 2) * columns), math.ceil((x + w / 2) * columns)
        top, bottom = math.floor((y - h / 2) * rows), math.ceil((y + h / 2) * rows)
        found[max(top, 0) : max(bottom, 0), max(left, 0) : max(right + 1, 0)] = 1
    return found


def excited(y: Array, boxes: list[Array], a: float) -> Array:
    """(images, channels, rows, columns), raised by the mean over the channels where boxes are."""
    masks = np.stack([mask(of_image, *y.shape[2:]) for of_image in boxes])[:, None]
    return y + a * masks * y.mean(1, keepdims=True)
