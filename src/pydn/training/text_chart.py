"""The average loss of a training as bars of letters, for terminals."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .result import TrainResult
from .step import Step


def text_chart(result: TrainResult, *, rows: int = 20, width: int = 80, log: bool = False) -> str:
    """Draw the average loss, a bar for each part of the training.

    Parameters
    ----------
    result
        What was done.
    rows
        How many bars at most. Each shows the last average of its part; that of the part with the lowest average shows
        this one and says so.
    width
        Letters of a line.
    log
        Bars by the logarithm of the loss.

    Returns
    -------
    str
        Without the end of the last line.
    """
    shown = _chosen(result.steps, max(1, rows)) if result.steps else []
    finite = sorted(step.average_loss for step in shown if math.isfinite(step.average_loss))
    if not finite:
        return "no iteration has a loss that is a number"
    lowest = _lowest(result.steps)
    top = finite[-1] if log else min(finite[-1], 4 * finite[len(finite) // 2])
    lines = ["iteration  average loss"]
    for step in shown:
        bar = _bar(step.average_loss, finite[0], top, max(8, width - 36), log)
        mark = "  <- minimum" if step is lowest else ""
        lines.append(f"{step.iteration:9d}  {step.average_loss:12.6g}  {bar}{mark}".rstrip())
    lines.append(f"MIN {lowest.average_loss:g} after iteration {lowest.iteration} of {result.steps[-1].iteration}")
    return "\n".join(lines)


def _chosen(steps: Sequence[Step], rows: int) -> list[Step]:
    lowest, chosen = _lowest(steps), []
    for row in range(min(rows, len(steps))):
        first, end = (len(steps) * k // min(rows, len(steps)) for k in (row, row + 1))
        part = steps[first:end]
        chosen.append(lowest if any(step is lowest for step in part) else part[-1])
    return chosen


def _lowest(steps: Sequence[Step]) -> Step:
    return min(steps, key=lambda step: step.average_loss if math.isfinite(step.average_loss) else math.inf)


def _bar(value: float, low: float, top: float, width: int, log: bool) -> str:
    """Return a bar; one that would be longer than there is room ends in ``>``."""
    if not math.isfinite(value):
        return ""
    if log:
        value, low, top = (math.log10(max(v, 1e-12)) for v in (value, low, top))
        low -= 0.05 * (top - low)  # so that the lowest is seen as well
    else:
        low = 0.0
    share = (value - low) / (top - low) if top > low else 1.0
    return "#" * (width - 1) + ">" if share > 1 else "#" * max(0, round(width * share))
