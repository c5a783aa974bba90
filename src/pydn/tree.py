"""Trees of classes: what a classifier with ``tree=`` says about every class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def absolute(
    scores: NDArray[np.float32], parents: NDArray[np.int64], *, leaves_only: bool = False
) -> NDArray[np.float32]:
    """Multiply probabilities down a tree.

    Parameters
    ----------
    scores
        (…, classes): probability of each class given its parent.
    parents
        (classes,): the parent of each class, which comes before it; -1 where it has none.
    leaves_only
        Classes with children get 0, as pjreddie's program has it.

    Returns
    -------
    (…, classes) float32

    Examples
    --------
    >>> absolute(np.float32([0.5, 0.5, 0.25, 0.75]), np.array([-1, -1, 0, 0])).tolist()
    [0.5, 0.5, 0.125, 0.375]
    """
    result = np.array(scores, dtype=np.float32)
    for node in np.flatnonzero(parents >= 0):
        result[..., node] *= result[..., parents[node]]
    if leaves_only:
        result[..., parents[parents >= 0]] = 0
    return result
