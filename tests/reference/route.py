"""[route]: earlier outputs, one after the other."""

from collections.abc import Sequence

import numpy as np

from .types import Array


def join(inputs: Sequence[Array], groups: int = 1, group_id: int = 0) -> Array:
    """Of every input channels group_id·c/groups … (group_id + 1)·c/groups − 1, one after the other.

    Inputs of unequal rows and columns are joined as flat lists of values: (n, values).
    """
    if len({x.shape[2:] for x in inputs}) > 1:
        return np.concatenate([x.reshape(len(x), -1) for x in inputs], axis=1)
    return np.concatenate([np.split(x, groups, axis=1)[group_id] for x in inputs], axis=1)
