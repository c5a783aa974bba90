"""[sam]: spatial attention."""

from .types import Array


def sam(x: Array, attention: Array) -> Array:
    """y = x · a, value by value."""
    return x * attention


def sam_back(delta: Array, x: Array, attention: Array) -> tuple[Array, Array]:
    """Deltas of x and of the attention."""
    return delta * attention, delta * x
