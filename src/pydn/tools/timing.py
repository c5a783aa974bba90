"""`speed`: how long forwards take."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._core.network import Network


@dataclass(frozen=True, slots=True)
class Speed:
    """How long forwards took.

    Attributes
    ----------
    seconds
        Of each forward, in order.
    """

    seconds: NDArray[np.float64]

    @property
    def count(self) -> int:
        """Number of forwards."""
        return len(self.seconds)

    @property
    def total(self) -> float:
        """Seconds of all."""
        return float(self.seconds.sum())

    @property
    def mean(self) -> float:
        """Seconds of one."""
        return float(self.seconds.mean())

    @property
    def hertz(self) -> float:
        """Forwards in a second."""
        return 1 / self.mean

    def percentile(self, percent: float) -> float:
        """Seconds that `percent` % of the forwards stay below."""
        return float(np.percentile(self.seconds, percent))


def speed(
    network: Network, count: int = 1000, warm_up: int | None = None, *, step: Callable[[], object] | None = None
) -> Speed:
    """Time forwards of what is in the network's input.

    Parameters
    ----------
    network
        One forward is one batch.
    count
        Forwards to time, 1 or more.
    warm_up
        Forwards before, which are not timed: the first ones pack weights and fill caches. None: a tenth of `count`,
        1 to 10.
    step
        Called after every timed forward.
    """
    warm_up = min(10, max(1, count // 10)) if warm_up is None else warm_up
    if count < 1 or warm_up < 0:
        raise ValueError(f"count must be 1 or more and warm_up 0 or more, not {count} and {warm_up}")
    seconds = np.empty(count)
    for _ in range(warm_up):
        network.forward()
    for index in range(count):
        start = time.perf_counter()
        network.forward()
        seconds[index] = time.perf_counter() - start
        if step is not None:
            step()
    return Speed(np.maximum(seconds, 1e-9))  # a coarse clock may show nothing
