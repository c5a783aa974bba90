"""Trainings of a moment, to be watched, and what they did."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import pydn
from pydn._core.training import Figures
from pydn.training import Step, TrainResult
from pydn.training.randomness import generator
from pydn.training.trainer import Plan, Trainer

CFG = b"""[net]
batch=4
width=6
height=6
channels=1
learning_rate=0.05
momentum=0.9
max_batches=300
[convolutional]
filters=2
size=3
activation=leaky
[avgpool]
[softmax]
"""


@dataclass
class Batch:
    x: np.ndarray
    truth: np.ndarray
    paths: tuple[str, ...] = ("a.png",)


class Feed:
    waited = 0.0

    def __init__(self, first: int) -> None:
        self.first = first

    def __iter__(self) -> Iterator[Batch]:
        for iteration in range(self.first, 10**6):
            random = generator(1, iteration, 0)
            yield Batch(random.normal(size=(4, 1, 6, 6)).astype(np.float32), random.integers(0, 2, 4))

    def close(self) -> None:
        pass


def trained(iterations: int, callbacks: Sequence[Any], backup: Path | None = None, **plan: Any) -> TrainResult:
    """Train a small classifier, and return what was done."""
    with pydn.load(CFG) as net:
        return Trainer(net, Feed, Plan(iterations=iterations, backup=backup, **plan), callbacks=callbacks).run()


def figures(**values: float) -> Figures:
    return Figures(*(values.get(name, 0.0) for name in Figures._fields))


def result_of(averages: Sequence[float], scores: Sequence[tuple[int, float]] = ()) -> TrainResult:
    """A training with these averages; its losses are twice as large."""
    result = TrainResult()
    measured = dict(scores)
    for number, average in enumerate(averages, 1):
        step = Step(number, 2 * average, average, 0.01, 0.5, 64 * number)
        result.add(step, {"map": measured[number]} if number in measured else {})
    return result


def same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))
