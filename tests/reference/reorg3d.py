"""[reorg3d]: space to depth and back."""

from .types import Array


def space_to_depth(x: Array, s: int) -> Array:
    """y[(u·s + v)·C + c, i, j] = x[c, i·s + u, j·s + v]."""
    n, channels, height, width = x.shape
    cells = x.reshape(n, channels, height // s, s, width // s, s)
    return cells.transpose(0, 3, 5, 1, 2, 4).reshape(n, channels * s * s, height // s, width // s)


def depth_to_space(y: Array, s: int) -> Array:
    """x[c, i·s + u, j·s + v] = y[(u·s + v)·C + c, i, j]."""
    n, channels, height, width = y.shape
    cells = y.reshape(n, s, s, channels // (s * s), height, width)
    return cells.transpose(0, 3, 4, 1, 5, 2).reshape(n, channels // (s * s), height * s, width * s)
