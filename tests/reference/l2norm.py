"""[l2norm]: the channels at a place, as a vector of length 1."""

import numpy as np

from .types import Array


def unit_length(x: Array) -> Array:
    """y = x / |x| over the channels; 0 where all are 0."""
    length = np.sqrt((x * x).sum(axis=1, keepdims=True))
    y: Array = x / np.where(length == 0, 1, length)
    return y


def unit_length_back(delta: Array, x: Array) -> Array:
    """(delta − y · Σ delta · y) / |x|, the sum over the channels; delta where all channels are 0."""
    length = np.sqrt((x * x).sum(axis=1, keepdims=True))
    y = unit_length(x)
    dx: Array = (delta - y * (delta * y).sum(axis=1, keepdims=True)) / np.where(length == 0, 1, length)
    return dx
