"""[detection]: the head of YOLOv1."""

from .softmax import softmax_parts
from .types import Array


def detection(x: Array, side: int, classes: int, softmax: bool = False) -> Array:
    """The input, flat; with softmax, the class values of every cell, which come first, through a softmax."""
    y = x.reshape(len(x), -1).copy()
    if softmax:
        scores = y[:, : side * side * classes]
        y[:, : side * side * classes] = softmax_parts(scores.reshape(-1, classes), [classes]).reshape(scores.shape)
    return y
