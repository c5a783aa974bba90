"""COCO's summary: average precision and recall, by overlap, by size, and by how many detections count."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields, replace

import numpy as np

from .average_precision import by_class, mean
from .evidence import Doubles, Evidence, Mask
from .matching import ANY_SIZE, AreaRange, Matches, match
from .rules import Rules
from .sizes import SIZES

_LIMITS = (1, 10)


@dataclass(frozen=True, slots=True)
class CocoSummary:
    """The twelve figures, 0..1; NaN where there is nothing to measure.

    Attributes
    ----------
    ap, ap50, ap75
        Average precision: the mean over overlaps of .5 to .95, at .5, at .75.
    ap_small, ap_medium, ap_large
        Of objects of a size.
    ar1, ar10, ar100
        Recall, mean over overlaps and classes, with so many detections per class and picture.
    ar_small, ar_medium, ar_large
        Of objects of a size.
    """

    ap: float
    ap50: float
    ap75: float
    ap_small: float
    ap_medium: float
    ap_large: float
    ar1: float
    ar10: float
    ar100: float
    ar_small: float
    ar_medium: float
    ar_large: float

    def __str__(self) -> str:
        return "\n".join(
            f" {field.name:<9} = {value:.4f}" for field, value in zip(fields(self), astuple(self), strict=True)
        )


def summarize(evidence: Evidence, rules: Rules) -> CocoSummary:
    """Measure all twelve figures; sizes are handled one by one, which needs less memory."""
    rules = replace(rules, limit=100 if rules.limit is None else rules.limit)
    matches = match(evidence, rules, ANY_SIZE)
    all_of = by_class(evidence, matches, rules)
    recalls = [_recall(evidence, matches, limit) for limit in (*_LIMITS, rules.limit or 100)]
    del matches
    sizes = [_of_size(evidence, rules, area) for _, area in SIZES]
    return CocoSummary(
        mean(all_of, rules),
        _at(all_of, rules, 0.5),
        _at(all_of, rules, 0.75),
        *(precision for precision, _ in sizes),
        *recalls,
        *(recall for _, recall in sizes),
    )


def _of_size(evidence: Evidence, rules: Rules, area: AreaRange) -> tuple[float, float]:
    matches = match(evidence, rules, area)
    return mean(by_class(evidence, matches, rules), rules), _recall(evidence, matches, rules.limit or 100)


def _at(per_class: Doubles, rules: Rules, iou: float) -> float:
    rows = [row for row, value in enumerate(rules.ious) if abs(value - iou) < 1e-9]
    return mean(per_class[rows], rules) if rows else float("nan")


def _recall(evidence: Evidence, matches: Matches, limit: int) -> float:
    """Mean, over overlaps and classes that have objects, of the share that is found by the `limit` best detections."""
    early: Mask = matches.rank < limit
    there = matches.objects > 0
    if not there.any():
        return float("nan")
    class_id = evidence.found.class_id
    hits = np.array([np.bincount(class_id[row & early], minlength=evidence.classes) for row in matches.true])
    return float((hits[:, there] / matches.objects[there]).mean())
