"""The rules by which boxes are compared with truth, and the sets of rules that have names."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal, TypeAlias

Metric: TypeAlias = Literal["darknet", "voc07", "voc12", "coco"]
_COCO_IOUS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))


@dataclass(frozen=True, slots=True)
class Rules:
    """How average precision is measured. Two figures by equal rules, of the same boxes, are equal.

    Attributes
    ----------
    floor
        Detections have a score above it.
    nms
        Of two boxes of a class whose overlap is larger, the better one stays.
    clipped
        Boxes are cut off at the edges of the picture.
    geometry
        ``"relative"``: overlap in units of the picture, in single precision. ``"pixels"``: in pixels.
        ``"inclusive"``: in pixels, a box from 3 to 5 being 3 wide.
    ious
        Overlaps of a detection with its object that are asked for; average precision is the mean over them.
    touching
        An overlap equal to the one asked for suffices.
    taken
        A detection whose best object is taken by a better detection is ``"false"``, or takes the ``"next"`` best one.
    difficult
        What objects marked as difficult do. ``"leftover"``: a detection that fits no other object but one of them
        does not count. ``"best"``: nor does one that fits one of them best. ``"absorb"``: nor does one that fits no
        free object, where the overlap is measured by the detection's own area (COCO's crowds).
    limit
        Detections that count per class and picture, the best ones; None: all.
    points
        Average precision is the mean of the precision at so many recalls from 0 to 1; 0: the area under the curve.
    rounded
        Recalls are compared as rounded numbers, as pycocotools does, else exactly.
    absent
        A class without objects counts as ``"zero"``, or is ``"skipped"``.
    """

    floor: float = 0.005
    nms: float = 0.45
    clipped: bool = False
    geometry: Literal["relative", "pixels", "inclusive"] = "relative"
    ious: tuple[float, ...] = (0.5,)
    touching: bool = False
    taken: Literal["false", "next"] = "false"
    difficult: Literal["leftover", "best", "absorb"] = "leftover"
    limit: int | None = None
    points: int = 0
    rounded: bool = False
    absent: Literal["zero", "skipped"] = "zero"

    def __post_init__(self) -> None:
        if self.points < 0 or self.points == 1:
            raise ValueError(
                f"points must be 0 (area under the curve) or at least 2, usually 11 or 101, not {self.points}"
            )
        if not self.ious or not all(0 <= iou < 1 for iou in self.ious):
            raise ValueError(f"the overlap asked for must be at least 0 and below 1, not {self.ious}")

    def changes(self, other: Rules) -> list[tuple[str, object, object]]:
        """Return the names of the rules that differ, with both values."""
        pairs = ((field.name, getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        return [(name, mine, theirs) for name, mine, theirs in pairs if mine != theirs]


_VOC = Rules(
    floor=0.001, nms=0.6, clipped=True, geometry="inclusive", touching=True, difficult="best", absent="skipped"
)
_PRESETS = {
    "darknet": Rules(),
    "voc07": replace(_VOC, points=11),
    "voc12": _VOC,
    "coco": Rules(
        floor=0.001,
        nms=0.6,
        clipped=True,
        geometry="pixels",
        ious=_COCO_IOUS,
        touching=True,
        taken="next",
        difficult="absorb",
        limit=100,
        points=101,
        rounded=True,
        absent="skipped",
    ),
}


def rules_of(metric: Metric | Rules, iou: float = 0.5, points: int = 0) -> Rules:
    """Return the rules that a name stands for.

    Parameters
    ----------
    metric
        ``"darknet"``: `detector map`. ``"voc07"``, ``"voc12"``: PASCAL VOC's development kit of that year, on the
        files that `detector valid` writes. ``"coco"``: pycocotools, on such a file. Rules are returned as they are.
    iou
        The overlap asked for, which ``"coco"`` does not let choose.
    points
        The recalls, which ``"darknet"`` alone lets choose.
    """
    if isinstance(metric, Rules):
        return metric
    if metric not in _PRESETS:
        raise ValueError(f"metric must be one of {', '.join(_PRESETS)} or Rules, not {metric!r}")
    rules = _PRESETS[metric]
    if metric == "darknet":
        return replace(rules, ious=(iou,), points=points)
    if points not in (0, rules.points):
        raise ValueError(f"{metric} has its own recalls: leave points={points} out, or take metric='darknet'")
    if metric == "coco" and iou != 0.5:
        raise ValueError(f"coco has its own ten overlaps: leave iou={iou} out, or take another metric")
    return rules if metric == "coco" else replace(rules, ious=(iou,))
