"""[region]: the head of YOLOv2 and YOLO9000."""

from collections.abc import Sequence

import numpy as np

from .activations import logistic
from .softmax import softmax_parts
from .types import Array


def region(x: Array, anchors: int, classes: int, softmax: bool = False, tree: Sequence[int] = ()) -> Array:
    """Per anchor: x y w h as they are, σ(objectness), classes through a softmax (over all, or over each tree group).

    x is (n, anchors · (5 + classes), h, w). The values of y lie in the order row, column, anchor, entry and only
    carry the shape of x; without softmax and tree the classes stay as they are.
    """
    n, channels, height, width = x.shape
    entries = np.moveaxis(x.reshape(n, anchors, 5 + classes, height, width), (1, 2), (3, 4)).copy()
    entries[..., 4] = logistic(entries[..., 4])
    if softmax or tree:
        scores = entries[..., 5:]
        entries[..., 5:] = softmax_parts(scores.reshape(-1, classes), tree or [classes]).reshape(scores.shape)
    return entries.reshape(n, channels, height, width)


def region_pjreddie(x: Array, anchors: int, classes: int, softmax: bool = False, tree: Sequence[int] = ()) -> Array:
    """The same in the order of x, with σ(x), σ(y), and σ of the classes where there is no softmax and no tree."""
    n, channels, height, width = x.shape
    y = x.reshape(n, anchors, 5 + classes, height, width).copy()
    y[:, :, [0, 1, 4]] = logistic(y[:, :, [0, 1, 4]])
    scores = np.moveaxis(y[:, :, 5:], 2, 4)
    if softmax or tree:
        scores = softmax_parts(scores.reshape(-1, classes), tree or [classes]).reshape(scores.shape)
    else:
        scores = logistic(scores)
    y[:, :, 5:] = np.moveaxis(scores, 4, 2)
    return y.reshape(n, channels, height, width)
