"""An exponential moving average of weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._core.weights import Weights


class MovingAverage:
    """Average of all weights, `alpha` of what it was and the rest of what they are, since its first update.

    As the reference's `ema_alpha=`: the rolling statistics of batch norm are not averaged.
    """

    def __init__(self, weights: Weights, alpha: float) -> None:
        if not 0 <= alpha < 1:
            raise ValueError(f"alpha must be 0 or more and less than 1, not {alpha}")
        self.alpha = alpha
        self.weights = weights
        self.values: dict[tuple[int, str], NDArray[np.float32]] | None = None

    def update(self) -> None:
        """Follow the weights as they are now."""
        if self.values is None:
            trained = (item for item in self.weights.items() if not item[0][1].startswith("rolling_"))
            self.values = {key: np.array(values) for key, values in trained}
            return
        for key, average in self.values.items():
            average *= np.float32(self.alpha)
            average += np.float32(1 - self.alpha) * self.weights[key]

    def apply(self) -> None:
        """Put the average in the place of the weights."""
        for key, values in (self.values or {}).items():
            self.weights[key][...] = values
