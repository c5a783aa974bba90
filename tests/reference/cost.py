"""[cost]: the input outside of training; in training, how far it is from the truth."""

import numpy as np

from .types import Array


def cost(x: Array) -> Array:
    """y = x: there is nothing to compare with."""
    return x


def cost_loss(x: Array, truth: Array, kind: str = "sse", noobj: float = 1, thresh: float = 0) -> tuple[float, Array]:
    """Cost and delta of x, by type; with d = truth − x, scale=1.

    The delta is minus half the gradient of the squares (sse, masked, seg, smooth below 1) and of smooth's 2·|d| − 1,
    minus the gradient of L1's |d| and, for a truth of 1 or 0 (a real or an artificial image), wgan's ∓x. Deltas below
    thresh / values are dropped.
    """
    d, sign = truth - x, np.where(truth > x, 1.0, -1.0)
    near = np.abs(d) < 1
    terms: dict[str, tuple[Array, Array]] = {
        "sse": (d**2, d),
        "masked": (np.where(truth == -1234, 0, d**2), np.where(truth == -1234, 0, d)),
        "smooth": (np.where(near, d**2, 2 * np.abs(d) - 1), np.where(near, d, sign)),
        "L1": (np.abs(d), sign),
        "seg": (np.where(truth == 0, noobj, 1) * d**2, np.where(truth == 0, noobj, 1) * d),
        "wgan": (np.where(truth == 0, x, -x), np.where(truth > 0, 1.0, -1.0)),
    }
    cost, delta = terms[kind]
    return float(cost.sum()), np.where(np.abs(delta) < thresh / x[0].size, 0, delta)
