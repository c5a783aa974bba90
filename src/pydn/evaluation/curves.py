"""Precision, recall and F1 for every threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .evidence import Doubles, Evidence
from .matching import Matches


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A row for every score that a detection has, from the best one down.

    Attributes
    ----------
    confidence
        With the threshold just below this score,
    precision, recall
        are these. Recall is NaN where there are no objects.
    """

    confidence: Doubles
    precision: Doubles
    recall: Doubles

    @property
    def f1(self) -> Doubles:
        """Harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return np.divide(2 * self.precision * self.recall, total, out=np.zeros_like(total), where=total > 0)

    @property
    def best(self) -> tuple[float, float]:
        """Confidence with the best F1, and this F1; NaN where there are no detections."""
        if not len(self.confidence):
            return float("nan"), float("nan")
        row = int(np.argmax(self.f1))
        return float(self.confidence[row]), float(self.f1[row])


def curve_of(evidence: Evidence, matches: Matches, class_id: int | None = None, column: int = 0) -> Curve:
    """Return the curve of a class, or of all together.

    Parameters
    ----------
    evidence, matches
        The detections and what became of them.
    class_id
        None: all classes.
    column
        Number of the overlap asked for.
    """
    rows = matches.order[~matches.left_out[column][matches.order]]
    objects = matches.objects.sum()
    if class_id is not None:
        rows, objects = rows[evidence.found.class_id[rows] == class_id], matches.objects[class_id]
    score = evidence.found.score[rows].astype(np.float64)
    true = np.cumsum(matches.true[column][rows])
    last = np.flatnonzero(np.diff(score, append=-1.0))  # equal scores pass a threshold together
    precision, hits = true[last] / (last + 1), true[last]
    recall = hits / objects if objects else np.full(len(last), np.nan)
    return Curve(score[last], precision, recall)
