"""Why two figures differ: from the rules of one to those of the other, one rule at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .average_precision import by_class, mean
from .evidence import Evidence
from .matching import match
from .rules import Rules

if TYPE_CHECKING:
    from .map_result import MapResult

_ABOUT = {
    "floor": "detections have a score above {}",
    "nms": "boxes of a class overlap at most {}",
    "clipped": "boxes are cut off at the picture's edges: {}",
    "geometry": "overlap is measured in {}",
    "ious": "overlap with the object is at least {}",
    "touching": "an overlap equal to that suffices: {}",
    "taken": "a detection whose object is taken: {}",
    "difficult": "difficult objects: {}",
    "limit": "detections per class and picture: {}",
    "points": "recalls at which precision is taken: {}",
    "rounded": "recalls are compared as rounded numbers: {}",
    "absent": "a class without objects: {}",
}
_VALUES = {
    ("taken", "false"): "false",
    ("taken", "next"): "takes the next best one",
    ("points", 0): "all (area under the curve)",
    ("limit", None): "all",
    ("absent", "zero"): "counts as 0",
    ("absent", "skipped"): "is left out",
    ("geometry", "relative"): "units of the picture",
    ("geometry", "inclusive"): "pixels, the last one included",
    ("difficult", "leftover"): "spare detections that fit nothing else",
    ("difficult", "best"): "spare detections that fit them best",
    ("difficult", "absorb"): "are crowds",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One rule that differs.

    Attributes
    ----------
    rule
        Its name in `Rules`, or ``"detections"``: the boxes themselves are others.
    before, after
        Its two values.
    map
        The figure with this rule and those of the steps before changed.
    share
        How much this step changes it.
    """

    rule: str
    before: Any
    after: Any
    map: float
    share: float

    def __str__(self) -> str:
        return f"{100 * self.share:+8.3f}  {_words(self.rule, self.before)} -> {_said(self.rule, self.after)}"


@dataclass(frozen=True, slots=True)
class Difference:
    """Two figures and the steps from one to the other; the shares add up to the difference.

    Attributes
    ----------
    first, second
        Mean average precision, 0..1.
    steps
        In order. A share depends on what was changed before: another order would give others.
    """

    first: float
    second: float
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        head = (
            f"mAP {100 * self.first:.3f} % -> {100 * self.second:.3f} %: {100 * (self.second - self.first):+.3f} points"
        )
        if not self.steps:
            return f"{head}\nno rule differs"
        return "\n".join([head, *map(str, self.steps)])


def explain(first: MapResult, second: MapResult) -> Difference:
    """Go from the rules of `first` to those of `second`.

    The steps that concern which boxes there are come in the order that needs no forward: a higher floor is applied
    before the boxes are replaced by those of `second`, a lower one afterwards.
    """
    steps: list[Step] = []
    rules, evidence, value = first.rules, first.evidence, first.map
    for rule, after, next_rules, next_evidence in _path(first, second):
        now = _measure(next_evidence, next_rules)
        before = getattr(rules, rule) if rule in _ABOUT else _origin(evidence)
        steps.append(Step(rule, before, after, now, now - value))
        rules, evidence, value = next_rules, next_evidence, now
    return Difference(first.map, second.map, tuple(steps))


def _path(first: MapResult, second: MapResult) -> Iterator[tuple[str, Any, Rules, Evidence]]:
    """Yield rule, new value, and rules and boxes after each step."""
    rules, target = first.rules, second.rules
    evidence = first.evidence
    if target.floor > rules.floor:
        rules = replace(rules, floor=target.floor)
        yield "floor", target.floor, rules, evidence
    if target.nms != rules.nms or not _same_boxes(evidence, second.evidence, rules.floor):
        name = "nms" if target.nms != rules.nms else "detections"
        rules, evidence = replace(rules, nms=target.nms), second.evidence
        yield name, target.nms if name == "nms" else _origin(evidence), rules, evidence
    for name, _, after in rules.changes(target):
        rules = replace(rules, **{name: after})  # type: ignore[arg-type]  # the value is of another Rules
        yield name, after, rules, evidence


def _same_boxes(first: Evidence, second: Evidence, floor: float) -> bool:
    return above(first, floor).found.same(above(second, floor).found) and len(first.objects) == len(second.objects)


def above(evidence: Evidence, floor: float) -> Evidence:
    """Return the evidence without detections of a score up to `floor`."""
    return (
        evidence
        if floor <= evidence.floor
        else replace(evidence, found=evidence.found[evidence.found.score > np.float32(floor)])
    )


def _measure(evidence: Evidence, rules: Rules) -> float:
    evidence = above(evidence, rules.floor)
    return mean(by_class(evidence, match(evidence, rules), rules), rules)


def _origin(evidence: Evidence) -> str:
    how = "letterboxed" if evidence.letterbox else "stretched"
    return f"{len(evidence.found)} detections in {evidence.pictures} {how} pictures"


def _words(rule: str, value: Any) -> str:
    return _ABOUT[rule].format(_said(rule, value)) if rule in _ABOUT else f"other boxes: {_said(rule, value)}"


def _said(rule: str, value: Any) -> str:
    if rule == "ious":
        return f"{value[0]:g}" if len(value) == 1 else f"{value[0]:g} to {value[-1]:g}, the mean of {len(value)}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _VALUES.get((rule, value), str(value))
