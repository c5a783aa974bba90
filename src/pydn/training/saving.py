"""When training writes weights, and under which names: the rules of the programs that people's scripts know."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Literal, TypeAlias

Names: TypeAlias = Literal["detector", "classifier", "epochs", "version1", "text"]
"""Which verb's file names: those of ``detector``; ``classifier``; ``tag``, ``cifar``, ``regressor`` and ``segmenter``;
``yolo`` and ``coco``; ``rnn``."""


def detector_names(base: str, iteration: int, dialect: str, every: int = 1000, last: int = 100) -> Iterator[str]:
    """Yield the names under which a detector's weights are written after an iteration.

    alexeyab: ``_last`` every 100, ``_1000``, ``_2000``, …; pjreddie: ``.backup`` every 100, ``_100`` … ``_900``, then
    ``_10000``, ``_20000``, ….

    Parameters
    ----------
    base
        First part of the names.
    iteration
        Its number, from 1.
    dialect
        ``"alexeyab"`` or ``"pjreddie"``.
    every, last
        Iterations between numbered files, and between ``_last`` or ``.backup``; 0: never.
    """
    at_last = last > 0 and iteration % last == 0
    at_number = every > 0 and iteration % every == 0
    if dialect == "pjreddie":
        if at_last:
            yield f"{base}.backup"
        if at_number or (iteration < 1000 and iteration % 100 == 0):
            yield f"{base}_{iteration}.weights"
        return
    if at_number:
        yield f"{base}_{iteration}.weights"
    if at_last:
        yield f"{base}_last.weights"


def classifier_names(
    base: str, iteration: int, epoch: int, new_epoch: bool, dialect: str, every: int = 1000, last: int = 100
) -> Iterator[str]:
    """Yield the names under which a classifier's weights are written after an iteration.

    alexeyab: as detectors; pjreddie: ``_<epoch>`` after each epoch, ``.backup`` every 1000.
    """
    if dialect == "pjreddie":
        if new_epoch:
            yield f"{base}_{epoch}.weights"
        if every > 0 and iteration % every == 0:
            yield f"{base}.backup"
        return
    yield from detector_names(base, iteration, dialect, every, last)


def older_names(
    base: str, iteration: int, epoch: int, new_epoch: bool, names: Names, every: int, last: int
) -> Iterator[str]:
    """Yield the names of the verbs that are the same in both programs.

    ``epochs``: ``_<epoch>`` after each epoch. ``version1``: ``_100`` … ``_900``, then ``_1000``, ``_2000``, ….
    ``text``: ``_1000``, ``_2000``, …; in pjreddie ``_10000``, …. All of them ``.backup`` as well.
    """
    if names == "epochs":
        if new_epoch:
            yield f"{base}_{epoch}.weights"
    elif (every > 0 and iteration % every == 0) or (names == "version1" and iteration < 1000 and iteration % 100 == 0):
        yield f"{base}_{iteration}.weights"
    if last > 0 and iteration % last == 0:
        yield f"{base}.backup"


def usual_every(names: Names, dialect: str, max_batches: int) -> int:
    """Return the usual iterations between numbered files; of a classifier in pjreddie, between backups."""
    if names == "text":
        return 10000 if dialect == "pjreddie" else 1000
    if names != "detector":
        return 1000
    return 1000 if dialect == "alexeyab" and max_batches < 10000 else 10000


def final_names(base: str, names: Names) -> Iterator[str]:
    """Yield the names under which the weights are written when training is over.

    Of classifiers pjreddie's program writes the first one and AlexeyAB's the other; scripts of both go on from them.
    """
    if names in ("classifier", "epochs"):
        yield f"{base}.weights"
    yield f"{base}_final.weights"


def minloss_names(base: str, epoch: int) -> Iterator[str]:
    """Yield the names of the weights at the least average loss, all for the same bytes.

    Of a stage of ternary training, whose cfg ends in ``_M0``, ``_M1``, …, also the name without that: the published
    command lines of the next stage read it.
    """
    yield f"{base}.minloss.weights"
    yield f"{base}_{epoch}.minloss.weights"
    whole = re.sub(r"_M\d+$", "", base)
    if whole != base:
        yield f"{whole}.minloss.weights"


class LeastLoss:
    """Says at which iterations the average loss is less than ever.

    Parameters
    ----------
    burn_in
        The iterations up to this one do not count.

    Attributes
    ----------
    value
        The least of those that counted; infinite before.
    """

    def __init__(self, burn_in: int) -> None:
        self.burn_in, self.value = burn_in, math.inf

    def __call__(self, iteration: int, average_loss: float) -> bool:
        """Take the average loss of an iteration, counted from 1; return whether it is the least."""
        if iteration <= self.burn_in or not average_loss < self.value:
            return False
        self.value = average_loss
        return True
