"""[iseg]: classes of every place, and an embedding."""

import numpy as np

from .activations import logistic
from .types import Array


def iseg(x: Array, classes: int) -> Array:
    """The logistic function of the first `classes` channels; the others are the embedding, as they are."""
    return np.concatenate([logistic(x[:, :classes]), x[:, classes:]], axis=1)
