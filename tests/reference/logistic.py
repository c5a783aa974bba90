"""[logistic]: every value a probability of its own."""

import numpy as np

from .types import Array


def logistic_loss(p: Array, truth: Array) -> tuple[float, Array]:
    """Cross entropy Σ −t·log p − (1 − t)·log(1 − p), and minus its gradient by x: t − p. 0 · log 0 is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        costs = np.where(truth != 0, -truth * np.log(p), 0) + np.where(truth != 1, -(1 - truth) * np.log(1 - p), 0)
    return float(costs.sum()), truth - p
