"""`MapResult`: mean average precision and everything that can be told from the same detections."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..formats import write_text
from .average_precision import by_class, mean
from .bootstrap import map_interval
from .coco import CocoSummary, summarize
from .confusion import Confusion, confusion_matrix
from .counting import Counts, count_at, f1_score, ratio
from .curves import Curve, curve_of
from .evidence import Doubles, Evidence
from .listing import Problem
from .map_files import to_csv, to_json
from .map_text import lines
from .matching import Matches, match
from .pictures import Picture, worst_pictures
from .rules import Rules
from .sizes import SizeFigures, figures_by_size

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .differences import Difference


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Figures of one class; those that would be divided by nothing are NaN.

    Attributes
    ----------
    ap
        Average precision, 0..1; NaN where there are no objects.
    objects, detections
        How many objects there are, and detections with any score.
    tp, fp, fn, precision, recall, f1, average_iou
        At the threshold.
    """

    class_id: int
    name: str
    ap: float
    objects: int
    detections: int
    tp: int
    fp: int
    fn: int
    precision: float
    recall: float
    f1: float
    average_iou: float


@dataclass(frozen=True, eq=False, repr=False)
class MapResult:
    """What `Network.map` found out. `str` gives the lines that darknet prints.

    Attributes
    ----------
    evidence
        All detections and objects.
    rules
        How they were compared.
    thresh
        Counts are of the detections with a score above it.
    metric
        Name of the rules, "" for own ones.
    problems
        What was wrong with label files and pictures.
    listed
        Pictures in the list; more than in `evidence` where some cannot be read or Ctrl-C was pressed.
    complete
        False where Ctrl-C was pressed.
    seconds
        What the network took.
    """

    evidence: Evidence
    rules: Rules
    thresh: float = 0.25
    metric: str = "darknet"
    problems: Sequence[Problem] = field(default_factory=list)
    listed: int = 0
    complete: bool = True
    seconds: float = 0.0

    @cached_property
    def matches(self) -> Matches:
        """What became of each detection."""
        return match(self.evidence, self.rules)

    @cached_property
    def counts(self) -> Counts:
        """Detections at the threshold."""
        return count_at(self.evidence, self.matches, self.rules, self.thresh)

    @cached_property
    def ap_by_iou(self) -> Doubles:
        """(ious, classes) average precision; NaN where a class has no objects."""
        return by_class(self.evidence, self.matches, self.rules)

    @property
    def ap(self) -> Doubles:
        """(classes,) average precision, the mean over the overlaps asked for; NaN where a class has no objects."""
        return np.asarray(self.ap_by_iou.mean(axis=0))

    @cached_property
    def map(self) -> float:
        """Mean average precision, 0..1."""
        return mean(self.ap_by_iou, self.rules)

    @property
    def names(self) -> Sequence[str]:
        """Names of the classes."""
        return self.evidence.names

    @property
    def iou(self) -> float:
        """The overlap from which on a detection counts as true at the threshold."""
        return self.rules.ious[0]

    @property
    def tp(self) -> int:
        """Detections over the threshold that found an object."""
        return int(self.counts.tp.sum())

    @property
    def fp(self) -> int:
        """Detections over the threshold that found none."""
        return int(self.counts.fp.sum())

    @property
    def fn(self) -> int:
        """Objects that no detection over the threshold found."""
        return self.truth_count - self.tp

    @property
    def precision(self) -> float:
        """Share of the detections that are true."""
        return ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share of the objects that were found."""
        return ratio(self.tp, self.truth_count)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return f1_score(self.precision, self.recall)

    @property
    def average_iou(self) -> float:
        """Mean overlap of the detections over the threshold with their objects, 0..1; that of a false one is 0."""
        return ratio(float(self.counts.overlap.sum()), self.tp + self.fp)

    @property
    def detections_count(self) -> int:
        """Detections with any score that count."""
        return int((~self.matches.left_out[0]).sum())

    @property
    def truth_count(self) -> int:
        """Objects that count."""
        return int(self.counts.objects.sum())

    @cached_property
    def classes(self) -> list[ClassFigures]:
        """Figures of each class."""
        counts, ap = self.counts, self.ap
        found = np.bincount(self.evidence.found.class_id, minlength=self.evidence.classes)
        return [self._class(number, float(ap[number]), int(found[number]), counts) for number in range(len(ap))]

    def _class(self, number: int, ap: float, detections: int, counts: Counts) -> ClassFigures:
        tp, fp, objects = (int(column[number]) for column in (counts.tp, counts.fp, counts.objects))
        precision, recall = ratio(tp, tp + fp), ratio(tp, objects)
        iou = ratio(float(counts.overlap[number]), tp + fp)
        return ClassFigures(
            number, self.names[number], ap, objects, detections, tp, fp, objects - tp, precision, recall,
            f1_score(precision, recall), iou,
        )  # fmt: skip

    def curve(self, class_id: int | str | None = None) -> Curve:
        """Precision, recall and F1 over the threshold.

        Parameters
        ----------
        class_id
            Number or name of a class; None: all classes together.
        """
        number = self.names.index(class_id) if isinstance(class_id, str) else class_id
        return curve_of(self.evidence, self.matches, number)

    @cached_property
    def confusion(self) -> Confusion:
        """Which classes are taken for which, at the threshold."""
        return confusion_matrix(self.evidence, self.rules, self.thresh)

    @cached_property
    def sizes(self) -> list[SizeFigures]:
        """Figures of small, medium and large objects."""
        return figures_by_size(self.evidence, self.rules, self.thresh)

    @cached_property
    def coco(self) -> CocoSummary:
        """COCO's twelve figures by these rules."""
        return summarize(self.evidence, self.rules)

    def worst(self, count: int = 10) -> list[Picture]:
        """Return the pictures with the most mistakes at the threshold, the worst first."""
        return worst_pictures(self.evidence, self.counts, self.matches)[:count]

    def interval(self, *, share: float = 0.95, samples: int = 1000, seed: int = 0) -> tuple[float, float]:
        """Bootstrap interval of `map`: how far other pictures of the same kind would move it.

        Parameters
        ----------
        share
            Share of the resampled sets inside of the interval.
        samples
            How many sets are drawn, each as large as this one, with repetition.
        seed
            Of the random numbers.

        Returns
        -------
        (float, float)
            The lowest and the highest; NaN where there is nothing to measure.
        """
        return map_interval(self.evidence, self.matches, self.rules, share, samples, seed)

    def at(self, *, thresh: float | None = None, iou: float | None = None, points: int | None = None) -> MapResult:
        """Return the figures of the same detections at another threshold, overlap or number of recalls."""
        rules = self.rules if iou is None else replace(self.rules, ious=(iou,))
        rules = rules if points is None else replace(rules, points=points)
        return replace(self, rules=rules, thresh=self.thresh if thresh is None else thresh)

    def explain_difference(self, other: MapResult) -> Difference:
        """Say which rules make this `map` differ from another one, and the share of each."""
        from .differences import explain

        return explain(self, other)

    def to_json(self) -> str:
        """Return all figures as a JSON object; a figure that there is none of is null."""
        return to_json(self)

    def to_csv(self) -> str:
        """Return a table with a line a class."""
        return to_csv(self)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Draw curves, classes, sizes and confusions; see `map_plot.plot`."""
        from .map_plot import plot

        return plot(self, path)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file: ``.json`` `to_json`, ``.csv`` `to_csv`, ``.txt`` `str`, any other a picture by `plot`."""
        suffix = Path(path).suffix.lower()
        if suffix == ".json":
            write_text(path, self.to_json() + "\n")
        elif suffix == ".csv":
            write_text(path, self.to_csv())
        elif suffix == ".txt":
            write_text(path, f"{self}\n")
        else:
            self.plot(path)

    def __iter__(self) -> Iterator[ClassFigures]:
        return iter(self.classes)

    def __str__(self) -> str:
        return lines(self)

    def __repr__(self) -> str:
        return (
            f"MapResult(map={self.map:.6f}, precision={self.precision:.2f}, recall={self.recall:.2f}, "
            f"f1={self.f1:.2f}, tp={self.tp}, fp={self.fp}, fn={self.fn}, images={self.evidence.pictures})"
        )
