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


def join_back(delta: Array, inputs: Sequence[Array], groups: int = 1, group_id: int = 0) -> list[Array]:
    """Deltas of the inputs: each gets the channels that it gave, 0 for those of other groups."""
    flat = len({x.shape[2:] for x in inputs}) > 1
    found, at = [], 0
    for x in inputs:
        dx = np.zeros_like(x)
        part = dx.reshape(len(x), -1) if flat else np.split(dx, groups, axis=1)[group_id]
        part += delta.reshape(len(x), -1)[:, at : at + part.shape[1]] if flat else delta[:, at : at + part.shape[1]]
        at += part.shape[1]
        found.append(dx)
    return found
