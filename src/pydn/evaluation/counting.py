"""Counts at one threshold: what a user of the network sees who shows boxes with a score above it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .evidence import Doubles, Evidence, Mask
from .matching import Matches, first_to_point
from .overlaps import overlaps_of
from .rules import Rules


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Detections with a score above the threshold.

    Attributes
    ----------
    true, false
        (detections,) bool: it found an object; it found none, or one that was found already.
    tp, fp, objects
        (classes,) int64: of these, how many of each class; and how many there were to find.
    overlap
        (classes,) float64: sum of the IoU of the true ones.
    """

    true: Mask
    false: Mask
    tp: NDArray[np.int64]
    fp: NDArray[np.int64]
    objects: NDArray[np.int64]
    overlap: Doubles


def count_at(evidence: Evidence, matches: Matches, rules: Rules, thresh: float, column: int = 0) -> Counts:
    """Count true and false detections.

    By darknet's rules the first box of a picture that points at an object has found it, in the order in which the
    suppression leaves the boxes, whatever its score; only then the threshold is looked at. By others it is the one
    with the best score.
    """
    found, truth, left_out = evidence.found, matches.truth[column], matches.left_out[column]
    true = matches.true[column]
    if in_box_order(rules):
        true = first_to_point(truth, np.arange(len(found))) & ~left_out
    above = found.score > np.float32(thresh)
    true, false = true & above, ~true & ~left_out & above
    rows = np.flatnonzero(true)
    iou = overlaps_of(evidence, rules, rows, truth[rows])

    def per_class(mask: Mask) -> NDArray[np.int64]:
        return np.bincount(found.class_id[mask], minlength=evidence.classes).astype(np.int64)

    overlap = np.bincount(found.class_id[rows], weights=iou, minlength=evidence.classes).astype(np.float64)
    return Counts(true, false, per_class(true), per_class(false), matches.objects, overlap)


def in_box_order(rules: Rules) -> bool:
    """Whether the rules count at a threshold as darknet does."""
    return rules.taken == "false" and rules.difficult == "leftover"


def ratio(part: float, whole: float) -> float:
    """`part` of `whole`; NaN of nothing."""
    return part / whole if whole else float("nan")


def f1_score(precision: float, recall: float) -> float:
    """Harmonic mean."""
    return ratio(2 * precision * recall, precision + recall) if precision + recall else float("nan")
