"""[dropout]: the input outside of training; in training, times factors by chance."""

from .types import Array


def dropout(x: Array) -> Array:
    """y = x: values are dropped in training only."""
    return x


def dropped(x: Array, factors: Array) -> Array:
    """y = factors · x; a factor is 0, or what makes up for those. Its delta is multiplied by the same factors."""
    return factors * x
