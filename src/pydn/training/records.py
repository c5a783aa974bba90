"""An iteration as a line of text, JSON or CSV, and back again: what histories are made of."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._core.training import Figures
from .step import Step

COLUMNS = ("iteration", "loss", "average_loss", "learning_rate", "seconds", "images", "iou", "recall", "count")
_OWN = COLUMNS[:6]
"""Those that are a step's own; the others are sums over its heads."""

Scores = Mapping[str, float]
"""What was measured after an iteration, by the name of the measure."""


def json_line(step: Step, scores: Scores) -> str:
    """Return an iteration as an object of JSON with the end of the line; what is no number is ``null``."""
    row: dict[str, Any] = {name: _finite(getattr(step, name)) for name in COLUMNS}
    if step.heads:
        row["heads"] = {str(layer): [_finite(value) for value in figures] for layer, figures in step.heads.items()}
    if scores:
        row["scores"] = {name: _finite(value) for name, value in scores.items()}
    return f"{json.dumps(row, allow_nan=False)}\n"


def of_json(line: str) -> tuple[Step, dict[str, float]]:
    """Return what `json_line` made a line of.

    Raises
    ------
    ValueError
        If it is none.
    """
    row = json.loads(line)
    if not isinstance(row, dict):
        raise ValueError("not an object")
    heads, scores = row.get("heads"), row.get("scores")
    if heads is None:
        made = _sums(row)
    else:
        made = {int(layer): Figures(*map(_number, figures)) for layer, figures in _pairs(heads)}
    return _step(row, made), {str(name): _number(value) for name, value in _pairs(scores or {})}


def csv_line(values: Iterable[object]) -> str:
    """Return values as a line of CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def csv_row(step: Step, scores: Scores, names: Sequence[str]) -> str:
    """Return an iteration as a line of CSV: the columns, then the measures of these names."""
    return csv_line([*(getattr(step, name) for name in COLUMNS), *(scores.get(name, "") for name in names)])


def of_csv(header: Sequence[str], line: str) -> tuple[Step, dict[str, float]]:
    """Return what `csv_row` made a line of.

    Raises
    ------
    ValueError
        If it is none.
    """
    values = next(csv.reader([line]), [])
    if len(values) != len(header):
        raise ValueError(f"{len(values)} values, the header has {len(header)}")
    row = dict(zip(header, values, strict=True))
    scores = {name: _number(value) for name, value in row.items() if name not in COLUMNS and value}
    return _step(row, _sums(row)), scores


def numbers(step: Step) -> tuple[float, ...]:
    """Return an iteration as numbers, one a column."""
    return tuple(float(getattr(step, name)) for name in COLUMNS)


def of_numbers(values: Iterable[float]) -> Step:
    """Return what `numbers` made numbers of; of the heads there are the sums.

    Raises
    ------
    ValueError
        If they are no iteration.
    """
    row = dict(zip(COLUMNS, values, strict=True))
    return _step(row, _sums(row))


def _step(row: Mapping[str, Any], heads: dict[int, Figures]) -> Step:
    missing = [name for name in _OWN if name not in row]
    if missing:
        raise ValueError(f"there is no {missing[0]}")
    loss, average, rate, seconds = (_number(row[name]) for name in _OWN[1:5])
    return Step(_integer(row["iteration"]), loss, average, rate, seconds, _integer(row["images"]), heads)


def _sums(row: Mapping[str, Any]) -> dict[int, Figures]:
    """Make the figures of a head from a line that has the means of all heads only."""
    count = _number(row.get("count", 0) or 0)
    if not count:
        return {}
    sums = {"matched": count, "iou": count * _number(row["iou"]), "recall_50": count * _number(row["recall"])}
    return {-1: Figures(*(sums.get(name, 0.0) for name in Figures._fields))}


def _pairs(values: Any) -> Iterable[tuple[str, Any]]:
    if not isinstance(values, dict):
        raise ValueError("an object is missing")
    return values.items()


def _number(value: Any) -> float:
    if value is None:
        return math.nan
    if isinstance(value, (int, float, str)):
        return float(value)
    raise ValueError(f"{value!r} is no number")


def _integer(value: Any) -> int:
    number = _number(value)
    if not number.is_integer() or number < 0:
        raise ValueError(f"{value!r} is no count")
    return int(number)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
