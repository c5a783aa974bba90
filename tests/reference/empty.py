"""[empty]: a place in the list of layers."""

from .types import Array


def empty(x: Array) -> Array:
    """y = x."""
    return x
