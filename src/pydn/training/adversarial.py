"""`Adversary`: pictures that are moved against the network before it learns from them (`adversarial_lr=`)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._core.training import TrainingNetwork
from .randomness import generator

_log = logging.getLogger("pydn")

_STREAM = 0xAD5E
"""Tells its choices from those of augmentation."""


class Adversary:
    """Move the pictures of every other mini-batch, by chance, to where the network sees less in them.

    A second network over the same weights, whose parameters stay, compares them with an empty truth; each picture then
    moves by a rate times its delta, and its values are cut to 0 … 1.

    Parameters
    ----------
    make
        Makes that network, when it is first needed.
    facts
        Of [net]: ``adversarial_lr``, ``burn_in``, before whose end nothing moves, and ``max_batches``: the rate grows
        in proportion to the iterations, and is ``adversarial_lr`` at the end.
    seed
        Of its choices.

    Attributes
    ----------
    shown
        Is called with the iteration, the pictures as they were and their deltas, wherever some move.
    """

    def __init__(self, make: Callable[[], TrainingNetwork], facts: Mapping[str, Any], seed: int) -> None:
        self._make, self._seed = make, seed
        self._network: TrainingNetwork | None = None
        self.shown: Callable[[int, NDArray[np.float32], NDArray[np.float32]], object] | None = None
        self._rate, self._burn_in, self._end = facts["adversarial_lr"], facts["burn_in"], facts["max_batches"]

    @classmethod
    def of(
        cls, make: Callable[[], TrainingNetwork], facts: Mapping[str, Any], seed: int, dialect: str
    ) -> Adversary | None:
        """Return one where the cfg asks for it."""
        if not facts["adversarial_lr"] or dialect != "alexeyab":
            return None
        if facts["contrastive"]:
            _log.warning("adversarial_lr= changes nothing with contrastive=1: a pair of views has no empty truth")
            return None
        return cls(make, facts, seed)

    def rate(self, iteration: int, first: int) -> float:
        """By how much the mini-batch that begins with image `first` moves, in units of its delta; 0: not at all."""
        if iteration <= self._burn_in or generator(self._seed, iteration, first, _STREAM).random() < 0.5:
            return 0.0
        return float(self._rate) * (iteration / self._end if self._end > 0 else 1.0)

    def moved(self, x: NDArray[np.float32], iteration: int, seen: int, first: int) -> NDArray[np.float32]:
        """Return the mini-batch, moved or as it is.

        Parameters
        ----------
        x
            (rows, channels, height, width).
        iteration, seen, first
            Updates so far; images seen, these included; number of the first one in the iteration.
        """
        rate = self.rate(iteration, first)
        if rate == 0.0:
            return x
        if self._network is None:
            self._network = self._make()
        net = self._network
        batch = len(x) // net.steps
        if (x.ndim == 4 and net.height > 0 and x.shape[2:] != (net.height, net.width)) or batch != net.batch:
            width, height = (x.shape[3], x.shape[2]) if x.ndim == 4 and net.height > 0 else (0, 0)
            net.resize(width, height, batch=batch)
        net.set_clock(seed=self._seed, iteration=iteration, seen=seen, image=first)
        net.forward(x)
        net.loss(np.full((len(x), net.truths), _nothing(net), np.float32))
        net.backward()
        delta = net.input_delta.reshape(x.shape)
        if not np.isfinite(delta).all():
            return x
        if self.shown is not None:
            self.shown(iteration, x, delta)
        return np.clip(x + np.float32(rate) * delta, 0, 1)

    def close(self) -> None:
        """Give the memory back."""
        if self._network is not None:
            self._network.close()


def _nothing(net: TrainingNetwork) -> float:
    """Return what rows of truth without an object hold: [iseg] ends its list with a class below 0."""
    return -1.0 if "iseg" in net.plan.kinds else 0.0
