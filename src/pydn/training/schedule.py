"""`Schedule`: the learning rate as a function of the iteration. The only home of darknet's policies."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

_Number = int | float


def _single(value: float) -> float:
    """Return what a float32 makes of it, as the engine reads a cfg."""
    return float(np.float32(value))


def _tuple(value: object) -> tuple[_Number, ...]:
    """Return a fact that lists numbers, of which there may be one."""
    if isinstance(value, tuple):
        return value
    return () if value is None else (value,)  # type: ignore[return-value]


@dataclass(frozen=True)
class Schedule:
    """Learning rates by darknet's policies.

    Calling it with the number of an iteration, counted from 1, gives the rate of that iteration's update. With
    ``burn_in``, the first rates are ``learning_rate * (iteration / burn_in) ** power``, whatever the policy. Then:

    ========  ==================================================================================
    constant  ``learning_rate``
    step      ``learning_rate * scale ** (iteration // step)``
    steps     ``learning_rate`` times every ``scales[i]`` with ``steps[i] <= iteration``
    exp       ``learning_rate * gamma ** iteration``
    poly      ``learning_rate * (1 - iteration / max_batches) ** power``
    sigmoid   ``learning_rate / (1 + exp(gamma * (iteration - step)))``
    sgdr      cosine from ``learning_rate`` to ``minimum`` over cycles of ``cycle`` iterations, each
              ``cycle_factor`` times as long as the one before (arXiv:1608.03983)
    random    ``learning_rate * u ** power``, ``u`` uniform in 0..1, from the run's seed
    ========  ==================================================================================
    """

    learning_rate: float = 0.001
    policy: str = "constant"
    burn_in: int = 0
    power: float = 4.0
    step: int = 1
    scale: float = 1.0
    steps: tuple[_Number, ...] = ()
    scales: tuple[_Number, ...] = ()
    gamma: float = 1.0
    max_batches: int = 0
    minimum: float = 1e-5
    cycle: int = 0
    cycle_factor: int = 2
    dialect: str = "alexeyab"
    seed: int = 0

    @classmethod
    def of(cls, facts: Mapping[str, Any], *, dialect: str = "alexeyab", seed: int = 0) -> Schedule:
        """Read the facts of a cfg's [net]."""
        return cls(
            learning_rate=_single(facts["learning_rate"]),
            policy=facts["policy"],
            burn_in=facts["burn_in"],
            power=_single(facts["power"]),
            step=facts["step"],
            scale=_single(facts["scale"]),
            steps=_tuple(facts.get("steps")),
            scales=tuple(_single(scale) for scale in _tuple(facts.get("scales"))),
            gamma=_single(facts["gamma"]),
            max_batches=facts["max_batches"],
            minimum=_single(facts["learning_rate_min"]),
            cycle=facts["sgdr_cycle"],
            cycle_factor=facts["sgdr_mult"],
            dialect=dialect,
            seed=seed,
        )

    def __call__(self, iteration: int) -> float:
        """Return the rate of the update number `iteration`, from 1."""
        if iteration < self.burn_in:
            return self.learning_rate * math.pow(iteration / self.burn_in, self.power)
        return _POLICIES.get(self.policy, Schedule._constant)(self, iteration)

    def _constant(self, iteration: int) -> float:
        return self.learning_rate

    def _step(self, iteration: int) -> float:
        return self.learning_rate * self.scale ** (iteration // max(1, self.step))

    def _steps(self, iteration: int) -> float:
        reached = (scale for step, scale in zip(self.steps, self.scales, strict=False) if step <= iteration)
        return self.learning_rate * math.prod(reached)

    def _exp(self, iteration: int) -> float:
        return self.learning_rate * self.gamma**iteration

    def _poly(self, iteration: int) -> float:
        if not self.max_batches:
            return self.learning_rate
        left = float(
            np.float32(1) - np.float32(iteration) / np.float32(self.max_batches)
        )  # in single precision, as there
        return self.learning_rate * math.pow(left, self.power)

    def _sigmoid(self, iteration: int) -> float:
        if self.dialect == "pjreddie" and iteration < self.step:
            return 0.0  # its difference of unsigned numbers is huge there
        return self.learning_rate / (1 + math.exp(min(700.0, self.gamma * (iteration - self.step))))

    def _sgdr(self, iteration: int) -> float:
        start, length = 0, max(1, self.cycle)
        while start + length < iteration:
            start, length = start + length, length * max(1, self.cycle_factor)
        share = 0.5 * (1 + math.cos(math.pi * (iteration - start) / length))
        return self.minimum + (self.learning_rate - self.minimum) * share

    def _random(self, iteration: int) -> float:
        return self.learning_rate * math.pow(_uniform(self.seed, iteration), self.power)


_POLICIES: dict[str, Callable[[Schedule, int], float]] = {
    "constant": Schedule._constant,
    "step": Schedule._step,
    "steps": Schedule._steps,
    "exp": Schedule._exp,
    "poly": Schedule._poly,
    "polynomial": Schedule._poly,
    "sigmoid": Schedule._sigmoid,
    "sig": Schedule._sigmoid,
    "sgdr": Schedule._sgdr,
    "random": Schedule._random,
}


def _uniform(seed: int, iteration: int) -> float:
    """Return a number in 0..1 that depends on nothing else."""
    from numpy.random import Generator, Philox  # counter-based: no state to save

    return float(Generator(Philox(key=seed, counter=iteration)).random())
