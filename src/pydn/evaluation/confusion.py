"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .evidence import Evidence
from .overlaps import Pairs, overlapping
from .rules import Rules


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """Counts of objects and detections.

    Attributes
    ----------
    counts
        (classes + 1, classes + 1) int64: `counts[a, b]` objects of class a were found as class b. The last column has
        the objects that were not found, the last row the detections where there was nothing.
    names
        Of the classes.
    """

    counts: NDArray[np.int64]
    names: Sequence[str]

    def most(self, count: int = 10) -> list[tuple[str, str, int]]:
        """Return the classes that are taken for others most often: what it is, what it was taken for, how often."""
        mistakes = self.counts[:-1, :-1] * (1 - np.eye(len(self.names), dtype=np.int64))
        best = np.argsort(-mistakes, axis=None, kind="stable")[:count]
        pairs = (np.unravel_index(place, mistakes.shape) for place in best)
        return [(self.names[a], self.names[b], int(mistakes[a, b])) for a, b in pairs if mistakes[a, b]]


def confusion_matrix(evidence: Evidence, rules: Rules, thresh: float) -> Confusion:
    """Pair boxes whatever their classes: of all detections and objects, those that overlap most come together first."""
    found, objects = evidence.found, evidence.objects
    above = np.flatnonzero(found.score > np.float32(thresh))
    plain = replace(rules, difficult="best")  # overlaps with single objects
    few = replace_found(evidence, above)
    pairs = overlapping(few, plain, least=rules.ious[0], touching=rules.touching, any_class=True)
    mine, theirs = _closest(pairs, len(above), len(objects))
    counts = np.zeros((evidence.classes + 1, evidence.classes + 1), np.int64)
    hard = objects.difficult
    rows = mine[~hard[theirs]], theirs[~hard[theirs]]
    np.add.at(counts, (objects.class_id[rows[1]], few.found.class_id[rows[0]]), 1)
    missed = ~hard
    missed[theirs] = False
    counts[:, -1] += np.bincount(objects.class_id[missed], minlength=evidence.classes + 1)
    false = np.ones(len(above), np.bool_)
    false[mine] = False
    counts[-1] += np.bincount(few.found.class_id[false], minlength=evidence.classes + 1)
    return Confusion(counts, evidence.names)


def replace_found(evidence: Evidence, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Evidence:
    """Return the evidence with some of the detections only."""
    return replace(evidence, found=evidence.found[rows])


def _closest(pairs: Pairs, detections: int, objects: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return detections and objects that belong together; each is there once."""
    mine, theirs = np.zeros(detections, np.bool_), np.zeros(objects, np.bool_)
    kept = []
    for row in np.argsort(-pairs.iou, kind="stable"):
        detection, truth = pairs.detection[row], pairs.truth[row]
        if not (mine[detection] or theirs[truth]):
            mine[detection] = theirs[truth] = True
            kept.append(row)
    return pairs.detection[kept].astype(np.intp), pairs.truth[kept].astype(np.intp)
