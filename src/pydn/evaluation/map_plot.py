"""A picture of a detector's figures: curves over the threshold, the classes, the sizes, and what is taken for what."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from ..figure import new_figure
from .counting import in_box_order
from .curves import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .map_result import MapResult

_MOST = 30
"""Classes that fit onto the picture with readable names."""
_LETTERS = 18
"""Names are cut to this length."""
_BLUE, _RED, _GREY = "#4878a8", "#b04040", "#b8b8b8"


def plot(result: MapResult, path: str | os.PathLike[str] | None = None) -> Figure:
    """Draw precision over recall, F1 over the threshold, the classes' average precision, the sizes and confusions.

    With more classes than fit, those with the most objects are drawn.

    Parameters
    ----------
    result
        What to draw.
    path
        Where to write it, as a picture of the kind that the suffix says; None: nowhere.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    shown = _shown(result)
    height = max(7.0, 2.2 + 0.24 * len(shown))
    figure = new_figure(17, height)
    grid = figure.add_gridspec(3, 3, width_ratios=(5, 4, 8))
    recalls, thresholds, sizes = (figure.add_subplot(grid[row, 0]) for row in range(3))
    curves = {number: result.curve(number) for number in shown}
    _recall_curves(recalls, result, curves)
    _f1_curves(thresholds, result, curves)
    _sizes(sizes, result)
    _bars(figure.add_subplot(grid[:, 1]), result, shown)
    _table(figure.add_subplot(grid[:, 2]), result, shown)
    figure.suptitle(_title(result, shown), fontsize=10)
    if path is not None:
        figure.savefig(os.fspath(path), dpi=110)
    return figure


def _title(result: MapResult, shown: list[int]) -> str:
    low, high = result.interval(samples=200)
    there = int((result.matches.objects > 0).sum())
    most = "" if len(shown) >= there else f"; of {there} classes the {len(shown)} with the most objects"
    return (
        f"{result.metric} mAP {result.map:.2%} ({low:.2%} to {high:.2%}) of {result.evidence.pictures} pictures; at "
        f"{result.thresh:g}: precision {result.precision:.2%}, recall {result.recall:.2%}, F1 {result.f1:.2%}{most}"
    )


def _shown(result: MapResult) -> list[int]:
    """Classes with objects, in order; of too many those with the most."""
    objects = result.matches.objects
    most = np.argsort(-objects, kind="stable")[:_MOST]
    return sorted(number for number in most.tolist() if objects[number])


def _short(name: str) -> str:
    return name if len(name) <= _LETTERS else name[: _LETTERS - 1] + "…"


def _recall_curves(axes: Axes, result: MapResult, curves: dict[int, Curve]) -> None:
    for curve in curves.values():
        axes.plot(curve.recall, curve.precision, color=_GREY, linewidth=0.6)
    together = result.curve()
    axes.plot(together.recall, together.precision, color=_BLUE, linewidth=2, label="all together; grey: classes")
    counted = "as darknet counts at the threshold" if in_box_order(result.rules) else "at the threshold"
    axes.plot([result.recall], [result.precision], "o", color=_RED, label=counted)
    axes.legend(fontsize=8, frameon=False, loc="upper right")
    _square(axes, "recall", "precision")


def _f1_curves(axes: Axes, result: MapResult, curves: dict[int, Curve]) -> None:
    for curve in curves.values():
        axes.plot(curve.confidence, curve.f1, color=_GREY, linewidth=0.6)
    together = result.curve()
    axes.plot(together.confidence, together.f1, color=_BLUE, linewidth=2)
    axes.axvline(result.thresh, color=_RED, linewidth=1)
    best, f1 = together.best
    if best == best:
        axes.annotate(f"best F1 {f1:.3f} at {best:.3f}", (best, f1), (0.5, 0.92), fontsize=8, color=_BLUE)
    _square(axes, "threshold", "F1")


def _square(axes: Axes, across: str, up: str) -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel(across, fontsize=8)
    axes.set_ylabel(up, fontsize=8)
    axes.tick_params(labelsize=8)


def _sizes(axes: Axes, result: MapResult) -> None:
    rows = result.sizes
    places = np.arange(len(rows))
    for shift, values, colour, label in (
        (-0.2, [row.map for row in rows], _BLUE, "mAP"),
        (0.2, [row.recall for row in rows], _GREY, "recall at the threshold"),
    ):
        axes.bar(places + shift, np.nan_to_num(values), 0.38, color=colour, label=label)
    axes.set_xticks(places, [f"{row.name} ({row.objects})" for row in rows], fontsize=8)
    axes.set_ylim(0, 1.02)
    axes.tick_params(axis="y", labelsize=8)
    axes.set_xlabel("size of the objects (how many)", fontsize=8)
    axes.legend(fontsize=8, frameon=False)


def _bars(axes: Axes, result: MapResult, shown: list[int]) -> None:
    ap, objects = result.ap[shown], result.matches.objects[shown]
    labels = [f"{_short(result.names[i])} ({n})" for i, n in zip(shown, objects, strict=True)]
    axes.barh(range(len(shown)), np.nan_to_num(ap), color=_BLUE)
    axes.set_yticks(range(len(shown)), labels, fontsize=8)
    axes.set_ylim(max(len(shown), 1) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    if result.map == result.map:
        axes.axvline(result.map, color=_RED, linewidth=1)
    axes.set_xlabel("average precision of the class (objects); red: mean of all", fontsize=8)
    axes.tick_params(axis="x", labelsize=8)


def _table(axes: Axes, result: MapResult, shown: list[int]) -> None:
    rows = [*shown, result.evidence.classes]
    table = result.confusion.counts[np.ix_(rows, rows)]
    shares = table / np.maximum(table.sum(1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.argwhere(table):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, str(table[row, column]), ha="center", va="center", fontsize=7, color=colour)
    names = [_short(result.names[i]) for i in shown]
    axes.set_xticks(range(len(rows)), [*names, "not found"], rotation=90, fontsize=8)
    axes.set_yticks(range(len(rows)), [*names, "nothing there"], fontsize=8)
    axes.set_xlabel("taken for, at the threshold", fontsize=8)
    axes.set_ylabel("what it is", fontsize=8)
