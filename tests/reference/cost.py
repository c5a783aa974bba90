"""[cost] outside of training."""

from .types import Array


def cost(x: Array) -> Array:
    """y = x: there is nothing to compare with."""
    return x
