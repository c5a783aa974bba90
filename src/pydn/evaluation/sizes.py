"""Figures of small, medium and large objects, in COCO's sizes."""

from __future__ import annotations

from dataclasses import dataclass

from .average_precision import by_class, mean
from .counting import count_at, ratio
from .evidence import Evidence
from .matching import AreaRange, match
from .rules import Rules

SIZES: tuple[tuple[str, AreaRange], ...] = (
    ("small", (0.0, 32.0**2)),
    ("medium", (32.0**2, 96.0**2)),
    ("large", (96.0**2, 1e10)),
)
"""Names and areas in square pixels of the picture; as in COCO a border belongs to both neighbours."""


@dataclass(frozen=True, slots=True)
class SizeFigures:
    """Figures of the objects of one size.

    Attributes
    ----------
    objects
        How many there are.
    map
        Mean average precision over the classes that have such objects; NaN where there are none.
    tp, fp, recall
        At the threshold. Of false detections, those of this size.
    """

    name: str
    area: AreaRange
    objects: int
    map: float
    tp: int
    fp: int
    recall: float


def figures_by_size(evidence: Evidence, rules: Rules, thresh: float) -> list[SizeFigures]:
    """Return the figures of each of `SIZES`."""
    return [_figures(evidence, rules, thresh, name, area) for name, area in SIZES]


def _figures(evidence: Evidence, rules: Rules, thresh: float, name: str, area: AreaRange) -> SizeFigures:
    matches = match(evidence, rules, area)
    counts = count_at(evidence, matches, rules, thresh)
    per_class = by_class(evidence, matches, rules)[:, matches.objects > 0]
    tp, fp, objects = int(counts.tp.sum()), int(counts.fp.sum()), int(counts.objects.sum())
    average = mean(per_class, rules) if objects else float("nan")
    return SizeFigures(name, area, objects, average, tp, fp, ratio(tp, objects))
