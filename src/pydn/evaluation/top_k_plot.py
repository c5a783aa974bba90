"""A picture of a classifier's accuracy: the classes it knows best and worst, and what it takes for what."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..figure import new_figure
from ..names import fill_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .top_k import TopKResult

_MOST = 30
"""Classes, and mistakes, that fit onto a picture with readable names."""
_LETTERS = 18
"""Names are cut to this length."""


def plot(result: TopKResult, path: str | os.PathLike[str] | None = None) -> Figure:
    """Draw the accuracy of the classes beside their confusions.

    With more classes than fit, those with the lowest accuracy are drawn, and what they are most often taken for.

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
    table = result.confusion[:-1]
    shown = _shown(result)
    figure = new_figure(6 + 0.24 * len(shown), 2.4 + 0.24 * len(shown))
    left, right = figure.subplots(1, 2, width_ratios=(1, 2))
    names = [name if len(name) <= _LETTERS else name[: _LETTERS - 1] + "…" for name in _names(result)]
    _bars(left, result, shown, names)
    columns = sorted(np.argsort(-table[shown].sum(0), kind="stable")[:_MOST]) if len(table) > _MOST else shown
    _table(right, table[np.ix_(shown, columns)])
    right.set_yticks(range(len(shown)), [names[i] for i in shown], fontsize=8)
    right.set_xticks(range(len(columns)), [names[i] for i in columns], rotation=90, fontsize=8)
    low, high = result.interval()
    most = "" if len(shown) == int((table.sum(1) > 0).sum()) else f", the {len(shown)} classes with the lowest accuracy"
    figure.suptitle(
        f"top 1 {result.top1:.2%} ({low:.2%} to {high:.2%}), top {result.k} {result.topk:.2%} of {result.count} "
        f"pictures{most}",
        fontsize=10,
    )
    if path is not None:
        figure.savefig(os.fspath(path), dpi=120)
    return figure


def _names(result: TopKResult) -> list[str]:
    return fill_names(result.labels, len(result.labels))


def _shown(result: TopKResult) -> list[int]:
    """Classes with pictures, in order; of too many those with the lowest accuracy."""
    accuracy = result.class_accuracy
    there = np.flatnonzero(~np.isnan(accuracy))
    lowest = there[np.argsort(accuracy[there], kind="stable")[:_MOST]]
    return sorted(lowest.tolist())


def _bars(axes: Axes, result: TopKResult, shown: list[int], names: list[str]) -> None:
    accuracy = result.class_accuracy[shown]
    counts = result.confusion[shown].sum(1)
    axes.barh(range(len(shown)), accuracy, color="#4878a8")
    axes.set_yticks(range(len(shown)), [f"{names[i]} ({n})" for i, n in zip(shown, counts, strict=True)], fontsize=8)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.axvline(result.top1, color="#b04040", linewidth=1)
    axes.set_xlabel("accuracy of the class (pictures); red: of all", fontsize=8)
    axes.tick_params(axis="x", labelsize=8)


def _table(axes: Axes, table: NDArray[np.int64]) -> None:
    shares = table / np.maximum(table.sum(1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.argwhere(table):
        colour = "white" if shares[row, column] > 0.5 else "black"
        text = str(table[row, column])
        axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
    axes.set_xlabel("taken for", fontsize=8)
    axes.set_ylabel("class", fontsize=8)
