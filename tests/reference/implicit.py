"""[implicit]: learnt values in place of an input."""

import numpy as np

from .types import Array


def repeated(weights: Array, images: int) -> Array:
    """y[n,f,a,0] = weights[f,a]."""
    return np.repeat(weights[None, :, :, None], images, axis=0)


def repeated_back(delta: Array) -> Array:
    """Delta of the weights: the sum over the images."""
    return np.asarray(delta[..., 0].sum(axis=0))
