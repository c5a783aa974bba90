"""[scale_channels]: an earlier output, scaled channel by channel or place by place."""

import numpy as np

from .types import Array


def scale_channels(x: Array, scales: Array) -> Array:
    """y[c,i,j] = x[c,i,j] · s[c], with s (n, c, 1, 1); scale_wh=1: · s[i,j], with s (n, 1, h, w)."""
    return x * scales


def scale_channels_back(delta: Array, x: Array, scales: Array) -> tuple[Array, Array]:
    """Deltas of x and of the scales: the sum over what shares one."""
    shared = tuple(k for k in range(1, 4) if scales.shape[k] == 1)
    return delta * scales, np.asarray((delta * x).sum(axis=shared, keepdims=True))
