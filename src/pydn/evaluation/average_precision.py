"""Average precision of ranked detections.

With the detections of a class from the best score down, after k of them: precision P(k) = TP/(TP+FP), recall
R(k) = TP/objects. P*(r), the best precision at a recall of at least r, is averaged: over all recalls (points 0), which
is Σ P*(R(k))·(R(k) − R(k−1)); or over N of them, 0, 1/(N−1), … 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .evidence import Doubles, Evidence, Mask
from .matching import Matches
from .rules import Rules


def average_precision(true: Mask, objects: int, points: int = 0, *, rounded: bool = False) -> float:
    """Average precision of one class.

    Parameters
    ----------
    true
        For each detection that counts, from the best to the worst, whether it found an object.
    objects
        How many there were to find.
    points
        Number of recalls; 0: the area under the curve.
    rounded
        Compare recalls as rounded numbers, as pycocotools does; else exactly.

    Returns
    -------
    float
        0..1; NaN where there was nothing to find.

    Examples
    --------
    >>> average_precision(np.array([True, False, True]), 2)
    0.8333333333333333
    """
    return average_of(*precisions(true), objects, points, rounded=rounded)


def precisions(true: Mask, weight: NDArray[np.int64] | None = None) -> tuple[Doubles, NDArray[np.int64]]:
    """Return the best precision from each true detection on, and how many true ones there are up to it.

    `weight` says how often each detection is there.
    """
    often = np.ones(len(true), np.int64) if weight is None else weight
    rows = np.flatnonzero(true & (often > 0))
    hits: NDArray[np.int64] = np.cumsum(often[rows])
    seen = np.cumsum(often)[rows]
    return np.asarray(np.maximum.accumulate((hits / seen)[::-1])[::-1]), hits


def average_of(best: Doubles, hits: NDArray[np.int64], objects: int, points: int, *, rounded: bool = False) -> float:
    """`average_precision` of what `precisions` returns."""
    if objects == 0:
        return float("nan")
    if points == 0:
        return float(np.dot(best, np.diff(hits, prepend=0)) / objects)
    if rounded:
        place = np.searchsorted(hits / objects, np.linspace(0.0, 1.0, points), side="left")
    else:  # recall hits/objects reaches i/(points − 1)
        place = np.searchsorted(hits * (points - 1), np.arange(points) * objects, side="left")
    return float(np.append(best, 0.0)[place].sum() / points)


def by_class(evidence: Evidence, matches: Matches, rules: Rules) -> Doubles:
    """Average precision for every overlap asked for and every class.

    Returns
    -------
    (ious, classes) float64
        NaN for a class without objects.
    """
    classes = evidence.classes
    result = np.full((len(rules.ious), classes), np.nan)
    class_id = evidence.found.class_id[matches.order]
    grouped = matches.order[np.argsort(class_id, kind="stable")]
    edges = np.searchsorted(evidence.found.class_id[grouped], np.arange(classes + 1))
    for column in range(len(rules.ious)):
        counts, true = ~matches.left_out[column], matches.true[column]
        for number in np.flatnonzero(matches.objects):
            rows = grouped[edges[number] : edges[number + 1]]
            result[column, number] = average_precision(
                true[rows[counts[rows]]], int(matches.objects[number]), rules.points, rounded=rules.rounded
            )
    return result


def mean(per_class: Doubles, rules: Rules) -> float:
    """Mean over all classes and overlaps; NaN where no class has objects and such are skipped."""
    if rules.absent == "zero":
        return float(np.nan_to_num(per_class).mean()) if per_class.size else 0.0
    there = per_class[~np.isnan(per_class)]
    return float(there.mean()) if there.size else float("nan")
