"""The chart of a training as a picture: losses, their average, and what was measured on the way."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..files import write_whole
from .result import TrainResult

_SIZE = (1000, 640)
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 60, 40, 50
_GREY, _BLACK = (200, 200, 200), (40, 40, 40)
_LOSS, _AVERAGE, _SCORE = (230, 180, 120), (190, 90, 20), (40, 40, 200)  # BGR


@dataclass(frozen=True)
class _Axes:
    """From iterations and losses to pixels."""

    last: int
    low: float
    high: float
    log: bool

    def x(self, iteration: float) -> int:
        return int(_LEFT + (_SIZE[0] - _LEFT - _RIGHT) * iteration / max(1, self.last))

    def share(self, loss: float) -> float:
        value, low, high = (math.log10(max(v, 1e-12)) if self.log else v for v in (loss, self.low, self.high))
        return min(1.0, max(0.0, (value - low) / max(1e-12, high - low)))

    def y(self, share: float) -> int:
        return int(_SIZE[1] - _BOTTOM - (_SIZE[1] - _TOP - _BOTTOM) * share)


def chart(
    result: TrainResult, *, iterations: int | None = None, log: bool = False, highest: float | None = None
) -> NDArray[np.uint8]:
    """Draw the losses of a training.

    Parameters
    ----------
    result
        What was done so far.
    iterations
        Right end of the axis; None: the last iteration.
    log
        A logarithmic axis of losses.
    highest
        Upper end of the linear axis, as ``max_chart_loss=``; None: four times the median of the averages.

    Returns
    -------
    (640, 1000, 3) uint8
        BGR.
    """
    image = np.full((_SIZE[1], _SIZE[0], 3), 255, np.uint8)
    axes = _axes(result, iterations, log, highest)
    _grid(image, axes)
    steps = result.steps
    for step in steps if len(steps) <= 4000 else steps[:: len(steps) // 2000]:
        cv2.circle(image, (axes.x(step.iteration), axes.y(axes.share(step.loss))), 1, _LOSS, -1, cv2.LINE_AA)
    _line(image, [(axes.x(s.iteration), axes.y(axes.share(s.average_loss))) for s in steps], _AVERAGE)
    points = [(axes.x(score.iteration), axes.y(score.value)) for score in result.scores]
    _line(image, points, _SCORE)
    for point in points:
        cv2.circle(image, point, 3, _SCORE, -1, cv2.LINE_AA)
    _legend(image, result)
    return image


def save_chart(
    path: str | os.PathLike[str],
    result: TrainResult,
    *,
    iterations: int | None = None,
    log: bool = False,
    highest: float | None = None,
) -> None:
    """Write the chart as a PNG, whole or not at all."""
    picture = chart(result, iterations=iterations, log=log, highest=highest)
    write_whole(path, cv2.imencode(".png", picture)[1].tobytes())


def _axes(result: TrainResult, iterations: int | None, log: bool, highest: float | None) -> _Axes:
    averages = [step.average_loss for step in result.steps if math.isfinite(step.average_loss)] or [1.0]
    last = max([iterations or 0, *(step.iteration for step in result.steps[-1:])])
    if log:
        low, high = min(averages), max(averages)
        return _Axes(
            last, 10 ** math.floor(math.log10(max(low, 1e-9))), 10 ** math.ceil(math.log10(max(high, 1e-9))), True
        )
    top = highest or min(max(averages), 4 * float(np.median(averages)))
    return _Axes(last, 0.0, top if top > 0 else 1.0, False)


def _text(image: NDArray[np.uint8], text: str, at: tuple[int, int], colour: tuple[int, int, int] = _BLACK) -> None:
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)


def _grid(image: NDArray[np.uint8], axes: _Axes) -> None:
    for k in range(11):
        y, x = axes.y(k / 10), axes.x(axes.last * k / 10)
        cv2.line(image, (_LEFT, y), (_SIZE[0] - _RIGHT, y), _GREY, 1)
        cv2.line(image, (x, _TOP), (x, _SIZE[1] - _BOTTOM), _GREY, 1)
        ratio = axes.high / max(axes.low, 1e-12)
        value = axes.low * ratio ** (k / 10) if axes.log else axes.low + (axes.high - axes.low) * k / 10
        _text(image, f"{value:.3g}", (8, y + 5))
        _text(image, f"{10 * k}%", (_SIZE[0] - _RIGHT + 6, y + 5), _SCORE)
        _text(image, f"{round(axes.last * k / 10)}", (x - 14, _SIZE[1] - _BOTTOM + 20))
    _text(image, "iteration", (_SIZE[0] // 2 - 30, _SIZE[1] - 10))


def _line(image: NDArray[np.uint8], points: Sequence[tuple[int, int]], colour: tuple[int, int, int]) -> None:
    if len(points) > 1:
        cv2.polylines(image, [np.array(points, np.int32)], False, colour, 2, cv2.LINE_AA)


def _legend(image: NDArray[np.uint8], result: TrainResult) -> None:
    if result.steps:
        last = result.steps[-1]
        _text(image, f"average loss {last.average_loss:.4g} after {last.iteration}", (_LEFT, 24), _AVERAGE)
    if result.scores:
        best = max(result.scores, key=lambda score: score.value)
        text = f"{best.name} {100 * result.scores[-1].value:.1f}%, best {100 * best.value:.1f}% after {best.iteration}"
        _text(image, text, (_SIZE[0] // 2, 24), _SCORE)
