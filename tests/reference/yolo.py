"""[yolo]: the head of YOLOv3 and later."""

from .activations import logistic
from .types import Array


def yolo(x: Array, anchors: int, classes: int, scale_x_y: float = 1, new_coords: bool = False) -> Array:
    """Per anchor: x, y → α·σ − (α − 1)/2 with α = scale_x_y; w, h as they are; objectness and classes → σ.

    x is (n, anchors · (5 + classes), h, w). With new_coords everything has been through σ already, so that only
    x, y → α·x − (α − 1)/2 is left to do.
    """
    n, channels, height, width = x.shape
    y = x.reshape(n, anchors, 5 + classes, height, width).copy()
    if not new_coords:
        y[:, :, [0, 1]] = logistic(y[:, :, [0, 1]])
        y[:, :, 4:] = logistic(y[:, :, 4:])
    y[:, :, :2] = scale_x_y * y[:, :, :2] - (scale_x_y - 1) / 2
    return y.reshape(n, channels, height, width)
