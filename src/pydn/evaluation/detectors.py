"""Evaluation of detectors: `Network.map` and `Network.recall`."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, cast

from ..preprocess import Dialect
from .detecting import check_detector, collect
from .listing import DataSource
from .map_result import MapResult
from .recall import RecallResult, measure_recall
from .rules import Metric, Rules, rules_of
from .truth import TruthSet

if TYPE_CHECKING:
    from ..network import Network


def map_of(
    net: Network,
    data: DataSource | TruthSet,
    *,
    iou: float = 0.5,
    thresh: float = 0.25,
    points: int = 0,
    metric: Metric | Rules = "darknet",
    letterbox: bool | None = None,
    strict: bool = False,
) -> MapResult:
    """Evaluate a network: see `Network.map`. Ctrl-C ends it with what was evaluated so far."""
    rules = rules_of(metric, iou, points)
    if not 0 <= thresh <= 1:
        raise ValueError(f"thresh must be 0 to 1, not {thresh}")
    check_detector(net, "map")
    truth = truth_of(net, data, strict=strict)
    start = perf_counter()
    evidence, complete = collect(net, truth, floor=rules.floor, nms=rules.nms, letterbox=letterbox)
    name = metric if isinstance(metric, str) else ""
    seconds = perf_counter() - start
    return MapResult(evidence, rules, thresh, name, truth.problems, len(truth), complete, seconds)


def recall_of(
    net: Network,
    data: DataSource | TruthSet,
    *,
    thresh: float = 0.001,
    iou: float = 0.5,
    letterbox: bool = False,
    strict: bool = False,
) -> RecallResult:
    """Measure recall: see `Network.recall`. Ctrl-C ends it with what was measured so far."""
    check_detector(net, "recall")
    return measure_recall(net, truth_of(net, data, strict=strict), thresh=thresh, iou=iou, letterbox=letterbox)


def truth_of(net: Network, data: DataSource | TruthSet, *, strict: bool) -> TruthSet:
    """Return the pictures with their labels, checked against the network's classes."""
    if isinstance(data, TruthSet):
        if data.classes is None or data.classes > net.class_count:
            raise ValueError(f"labels of {net.class_count} classes are needed: TruthSet(…, classes={net.class_count})")
        return data
    dialect = cast("Dialect", net.dialect)
    return TruthSet(data, dialect=dialect, classes=net.class_count, strict=strict)
