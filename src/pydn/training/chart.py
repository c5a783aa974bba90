"""The chart of a training as a picture: losses, their average, and what was measured on the way."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ..files import write_whole
from .result import TrainResult
from .step import Step

if TYPE_CHECKING:
    from .trainer import Trainer

_SIZE = (1000, 640)
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 60, 40, 50
_GREY, _BLACK = (200, 200, 200), (40, 40, 40)
_LOSS, _AVERAGE = (230, 180, 120), (190, 90, 20)  # BGR
_SCORES = (40, 40, 200), (40, 140, 40)


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
        """How high a loss is, 0..1; beyond the ends it is at the end."""
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
    for step in _finite(steps if len(steps) <= 4000 else steps[:: len(steps) // 2000], "loss"):
        cv2.circle(image, (axes.x(step.iteration), axes.y(axes.share(step.loss))), 1, _LOSS, -1, cv2.LINE_AA)
    averages = [(axes.x(s.iteration), axes.y(axes.share(s.average_loss))) for s in _finite(steps, "average_loss")]
    _line(image, averages, _AVERAGE)
    for name, colour in zip(dict.fromkeys(score.name for score in result.scores), _SCORES, strict=False):
        scores = [score for score in result.scores if score.name == name and math.isfinite(score.value)]
        points = [(axes.x(score.iteration), axes.y(score.value)) for score in scores]
        _line(image, points, colour)
        for point in points:
            cv2.circle(image, point, 3, colour, -1, cv2.LINE_AA)
    _legend(image, result)
    return image


def both_charts(
    result: TrainResult, *, iterations: int | None = None, highest: float | None = None
) -> NDArray[np.uint8]:
    """Draw the losses twice, with a linear axis above and a logarithmic one below; as `chart`."""
    linear = chart(result, iterations=iterations, highest=highest)
    return np.vstack([linear, chart(result, iterations=iterations, log=True)])


def save_chart(
    path: str | os.PathLike[str],
    result: TrainResult,
    *,
    iterations: int | None = None,
    log: bool = False,
    highest: float | None = None,
) -> None:
    """Write the chart as a PNG, whole or not at all: the logarithmic one, or both."""
    draw = partial(chart, log=True) if log else both_charts
    picture = draw(result, iterations=iterations, highest=highest)
    write_whole(path, cv2.imencode(".png", picture)[1].tobytes())


class ChartFile:
    """Callback that draws the losses every 100 iterations, and when the training is over.

    Parameters
    ----------
    path
        Of the PNG.
    past
        What was done before this training goes on.
    highest
        Upper end of the linear axis, as for `chart`.
    """

    def __init__(
        self, path: str | os.PathLike[str], past: TrainResult | None = None, highest: float | None = None
    ) -> None:
        self.path, self.past, self.highest = path, TrainResult() if past is None else past, highest

    def __call__(self, trainer: Trainer, step: Step) -> None:
        """Draw, if it is time to."""
        if step.iteration % 100 == 0:
            self.finish(trainer)

    def finish(self, trainer: Trainer) -> None:
        """Draw."""
        if trainer.result.steps:
            whole = TrainResult(self.past.steps + trainer.result.steps, self.past.scores + trainer.result.scores)
            save_chart(self.path, whole, iterations=trainer.end, highest=self.highest)


def _finite(steps: Iterable[Step], name: str) -> Iterator[Step]:
    return (step for step in steps if math.isfinite(getattr(step, name)))


def _axes(result: TrainResult, iterations: int | None, log: bool, highest: float | None) -> _Axes:
    averages = [step.average_loss for step in _finite(result.steps, "average_loss")] or [1.0]
    last = max([iterations or 0, *(step.iteration for step in result.steps[-1:])])
    if not log:
        top = highest or min(max(averages), 4 * float(np.median(averages)))
        return _Axes(last, 0.0, 10 * _round_up(top / 10) if top > 0 else 1.0, False)
    low, high = (math.log10(max(value, 1e-9)) for value in (min(averages), max(averages)))
    return _Axes(last, 10.0 ** math.floor(low), 10.0 ** max(math.ceil(high), math.floor(low) + 1), True)


def _round_up(value: float) -> float:
    """Return the next of 1, 2, 2.5, 5 times a power of ten, so that tenths of an axis read well."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= value * 0.999)


def _text(image: NDArray[np.uint8], text: str, at: tuple[int, int], colour: tuple[int, int, int] = _BLACK) -> None:
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)


def _grid(image: NDArray[np.uint8], axes: _Axes) -> None:
    for k in range(11):
        x = axes.x(axes.last * k / 10)
        cv2.line(image, (x, _TOP), (x, _SIZE[1] - _BOTTOM), _GREY, 1)
        _text(image, f"{round(axes.last * k / 10)}", (x - 14, _SIZE[1] - _BOTTOM + 20))
        _text(image, f"{10 * k}%", (_SIZE[0] - _RIGHT + 6, axes.y(k / 10) + 5), _SCORES[0])
    for value in _marks(axes):
        y = axes.y(axes.share(value))
        cv2.line(image, (_LEFT, y), (_SIZE[0] - _RIGHT, y), _GREY, 1)
        _text(image, f"{value:.3g}", (8, y + 5))
    _text(image, "iteration", (_SIZE[0] // 2 - 30, _SIZE[1] - 10))


def _marks(axes: _Axes) -> list[float]:
    """Losses that have a line: tenths, or 1, 2 and 5 of each power of ten while these are few."""
    if not axes.log:
        return [axes.low + (axes.high - axes.low) * k / 10 for k in range(11)]
    powers = range(round(math.log10(axes.low)), round(math.log10(axes.high)) + 1)
    factors = (1, 2, 5) if len(powers) < 6 else (1,)
    return [value for power in powers for factor in factors if (value := factor * 10.0**power) <= axes.high * 1.001]


def _line(image: NDArray[np.uint8], points: Sequence[tuple[int, int]], colour: tuple[int, int, int]) -> None:
    if len(points) > 1:
        cv2.polylines(image, [np.array(points, np.int32)], False, colour, 2, cv2.LINE_AA)


def _legend(image: NDArray[np.uint8], result: TrainResult) -> None:
    if result.steps:
        last = result.steps[-1]
        _text(
            image,
            f"loss {last.loss:.4g}, average {last.average_loss:.4g} after {last.iteration}",
            (_LEFT, 24),
            _AVERAGE,
        )
    x = _SIZE[0] // 2 - 40
    for name, colour in zip(dict.fromkeys(score.name for score in result.scores), _SCORES, strict=False):
        scores = [score for score in result.scores if score.name == name]
        best = max(scores, key=lambda score: score.value)
        text = f"{name} {100 * scores[-1].value:.1f}%, best {100 * best.value:.1f}% after {best.iteration}"
        _text(image, text, (x, 24), colour)
        x += 9 * len(text)
