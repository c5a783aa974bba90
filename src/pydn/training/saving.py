"""When training writes weights, and under which names: the rules of the programs that people's scripts know."""

from __future__ import annotations

from collections.abc import Iterator


def detector_names(base: str, iteration: int, dialect: str) -> Iterator[str]:
    """Yield the names under which a detector's weights are written after an iteration.

    alexeyab: ``_last`` every 100, ``_1000``, ``_2000``, …; pjreddie: ``.backup`` every 100, ``_100`` … ``_900``, then
    ``_10000``, ``_20000``, ….
    """
    if dialect == "pjreddie":
        if iteration % 100 == 0:
            yield f"{base}.backup"
        if iteration % 10000 == 0 or (iteration < 1000 and iteration % 100 == 0):
            yield f"{base}_{iteration}.weights"
        return
    if iteration % 1000 == 0:
        yield f"{base}_{iteration}.weights"
    if iteration % 100 == 0:
        yield f"{base}_last.weights"


def classifier_names(base: str, iteration: int, epoch: int, new_epoch: bool, dialect: str) -> Iterator[str]:
    """Yield the names under which a classifier's weights are written after an iteration.

    alexeyab: as detectors; pjreddie: ``_<epoch>`` after each epoch, ``.backup`` every 1000.
    """
    if dialect == "pjreddie":
        if new_epoch:
            yield f"{base}_{epoch}.weights"
        if iteration % 1000 == 0:
            yield f"{base}.backup"
        return
    yield from detector_names(base, iteration, dialect)


def final_names(base: str, classifier: bool, dialect: str) -> Iterator[str]:
    """Yield the names under which the weights are written when training is over."""
    if classifier:
        yield f"{base}.weights"
    if not classifier or dialect == "alexeyab":
        yield f"{base}_final.weights"
