"""[scale_channels]: an earlier output, scaled channel by channel or place by place."""

from .types import Array


def scale_channels(x: Array, scales: Array) -> Array:
    """y[c,i,j] = x[c,i,j] · s[c], with s (n, c, 1, 1); scale_wh=1: · s[i,j], with s (n, 1, h, w)."""
    return x * scales
