"""What darknet printed while it trained, read back: both forks, detectors and classifiers, and programs like them.

An iteration is known by its line; lines of heads before it belong to it, measurements behind it too. Everything else is
passed over: progress that overwrites itself, lines that were cut, letters that colour the terminal.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from .._core.training import Figures
from .result import TrainResult
from .step import Step, add

_NUMBER = r"([-+]?(?:nan(?:\(\w*\))?|inf(?:inity)?|\d+\.#\w+|\d+\.?\d*(?:e[-+]?\d+)?))"
_COUNT = r"(\d{1,15})"
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f]")
"""Escapes of terminals, bells, and other letters that nobody sees."""


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text.replace("NUMBER", _NUMBER).replace("COUNT", _COUNT), re.IGNORECASE)


_ITERATION = _pattern(
    r"(?<![\d.,])COUNT(?:, ?[\d.]+)?: NUMBER, NUMBER avg(?: loss)?, NUMBER rate, NUMBER seconds, COUNT images"
)
"""Both forks; classifiers have the epoch behind the iteration."""
_HANK = _pattern(
    r"(?<![\d.,])COUNT: loss=NUMBER, avg loss=NUMBER,(?:.*? last=NUMBER ?%)?.*? rate=NUMBER(?:.*? COUNT images)?"
)
_EPOCH = _pattern(r"epoch: COUNT step: COUNT, loss is NUMBER")
_EPOCH_TIME = _pattern(r"per step time: NUMBER")
_HEAD = _pattern(r"Region (?:COUNT )?Avg \(?IOU: .*")
_PART = _pattern(r"([A-Z_.0-9][A-Z_.0-9 ]*?)(?:: | = )NUMBER")
_MEASURED = _pattern(r"mean[ _]average[ _]precision \(mAP@[\d.]+\) ?= ?NUMBER( ?%)?")
_ACCURACY = _pattern(r"(?<!last )accuracy (top\d+) = NUMBER")
_LAST = _pattern(r"Last accuracy (mAP|top\d+)[@\d.]* = NUMBER ?%")


def read_log(lines: Iterable[str]) -> TrainResult:
    """Read a log.

    Parameters
    ----------
    lines
        Of the log, cut at carriage returns as well.

    Returns
    -------
    TrainResult
        Without steps where nothing was recognized.
    """
    reader = _Reader()
    for line in lines:
        reader.read(_CONTROL.sub("", line))
    return reader.finish()


class _Reader:
    def __init__(self) -> None:
        self.result = TrainResult(stopped="")
        self._heads: dict[int, Figures] = {}
        self._epochs: list[tuple[int, int, float, float]] = []

    def read(self, line: str) -> None:
        if "Region" in line:
            self._read_head(line)
        if "images" in line:
            self._read_iterations(line)
        if "epoch" in line or "per step" in line:
            self._read_epoch(line)
        if "accuracy" in line or "precision" in line:
            self._read_measure(line)

    def finish(self) -> TrainResult:
        """Give the iterations of a log by epochs their numbers, once it is known how many an epoch has."""
        an_epoch, average = max((step for _, step, _, _ in self._epochs), default=0), math.nan
        for epoch, step, loss, seconds in self._epochs:
            average = 0.9 * average + 0.1 * loss if math.isfinite(average) else loss
            number = (max(1, epoch) - 1) * an_epoch + step
            self.result.add(Step(number, loss, average, math.nan, seconds, 0), {})
        return self.result

    def _read_iterations(self, line: str) -> None:
        for found in _ITERATION.finditer(line):
            number, *values, images = found.groups()
            loss, average, rate, seconds = map(_value, values)
            self._add(Step(int(number), loss, average, rate, seconds, int(images), self._heads))
        for found in _HANK.finditer(line):
            number, value, mean, last, speed, count = found.groups()
            if last is not None:
                self._measured_before("map", _value(last) / 100)
            self._add(
                Step(int(number), _value(value), _value(mean), _value(speed), math.nan, int(count or 0), self._heads)
            )

    def _add(self, step: Step) -> None:
        self.result.add(step, {})
        self._heads = {}

    def _read_head(self, line: str) -> None:
        found = _HEAD.search(line)
        if found is None:
            return
        parts = {name.strip().lower(): _value(value) for name, value in _PART.findall(found[0].partition("Avg")[2])}
        layer = -1 if found[1] is None else int(found[1])
        self._heads[layer] = add(self._heads.get(layer), _figures(parts))

    def _read_epoch(self, line: str) -> None:
        for epoch, step, loss in _EPOCH.findall(line):
            self._epochs.append((int(epoch), int(step), _value(loss), math.nan))
        if self._epochs and (found := _EPOCH_TIME.search(line)):
            self._epochs[-1] = (*self._epochs[-1][:3], _value(found[1]) / 1000)

    def _read_measure(self, line: str) -> None:
        if not self.result.steps:
            return
        if found := _MEASURED.search(line):
            self.result.add_score("map", _value(found[1]) / (100 if found[2] else 1))
        if found := _ACCURACY.search(line):
            self.result.add_score(found[1].lower(), _value(found[2]))
        if found := _LAST.search(line):
            self._measured_before(found[1].lower(), _value(found[2]) / 100)

    def _measured_before(self, name: str, value: float) -> None:
        """Take what every iteration repeats, in per cent with two digits, unless it is known."""
        known = next((score.value for score in reversed(self.result.scores) if score.name == name), 0.0)
        if self.result.steps and abs(known - value) > 6e-5:
            self.result.add_score(name, value)


def _figures(parts: dict[str, float]) -> Figures:
    """Make sums of the means that a head's line has; what is undefined, as without a truth, counts nothing."""
    count = parts.get("count", 0.0)
    parts = {name: value for name, value in parts.items() if math.isfinite(value)}
    sums = {
        "matched": count,
        "iou": count * parts.get("iou", 0.0),
        "giou": count * parts.get("giou", 0.0),
        "objectness": count * parts.get("obj", 0.0),
        "recall_50": count * parts.get(".5r", parts.get("avg recall", 0.0)),
        "recall_75": count * parts.get(".75r", 0.0),
        "class_count": count,
        "class_score": count * parts.get("class", 0.0),
        "boxes": 1.0,  # the line does not say how many
        "no_objectness": parts.get("no obj", 0.0),
        "class_loss": parts.get("class_loss", 0.0),
        "iou_loss": parts.get("iou_loss", 0.0),
        "cost": parts.get("total_loss", parts.get("loss", 0.0)),
    }
    return Figures(*(sums.get(name, 0.0) for name in Figures._fields))


def _value(text: str) -> float:
    """Return a number as C's libraries print it, those of Windows included."""
    sign = -1.0 if text.startswith("-") else 1.0
    if "#" in text:
        return sign * math.inf if "inf" in text.lower() else math.nan
    return float(text.partition("(")[0])
