"""[sam]: spatial attention."""

from .types import Array


def sam(x: Array, attention: Array) -> Array:
    """y = x · a, value by value."""
    return x * attention
