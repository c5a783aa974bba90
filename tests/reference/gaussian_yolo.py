"""[Gaussian_yolo]: the head of Gaussian YOLOv3."""

import numpy as np

from .activations import logistic
from .types import Array

_KEPT = (4, 6)  # width and height


def gaussian_yolo(x: Array, anchors: int, classes: int, scale_x_y: float = 1) -> Array:
    """Per anchor x, y, w, h, each followed by its uncertainty, then objectness and classes.

    x is (n, anchors · (9 + classes), h, w). x, y → α·σ − (α − 1)/2 with α = scale_x_y; w, h as they are; all else → σ.
    """
    n, channels, height, width = x.shape
    y = x.reshape(n, anchors, 9 + classes, height, width).copy()
    through = np.setdiff1d(np.arange(9 + classes), _KEPT)
    y[:, :, through] = logistic(y[:, :, through])
    y[:, :, [0, 2]] = scale_x_y * y[:, :, [0, 2]] - (scale_x_y - 1) / 2
    return y.reshape(n, channels, height, width)
