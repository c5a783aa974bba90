"""The lines about heads against what the reference's format strings make of the same numbers."""

from typing import Any

import pytest

from pydn._core.training import Figures
from pydn.training.head_lines import boxes_line, yolo_line

NONE = Figures(*[0.0] * len(Figures._fields))
SOME = NONE._replace(
    cost=30.0, matched=4, iou=2.5, giou=1.5, objectness=1.0, recall_50=3, recall_75=1, class_count=4, class_score=3.0,
    boxes=48, no_objectness=12.0, class_loss=18.0, iou_loss=6.0, rewritten=1, assigned=8,
)  # fmt: skip
FACTS: dict[str, Any] = {
    "iou_loss": "ciou", "iou_normalizer": 0.07, "obj_normalizer": 1.0, "cls_normalizer": 0.5, "show_details": 1.0,
}  # fmt: skip
START = "Normalizer: (iou: 0.07, obj: 1.00, cls: 0.50) Region 82 Avg (IOU: 0.625000), count: 4, "
REGION = (
    "Region 82 Avg IOU: {}, Class: 0.750000, Obj: 0.250000, No Obj: 0.250000, .5R: 0.750000, .75R: 0.250000,  count: 4"
)


@pytest.mark.parametrize(("kind", "shown"), [("mse", "mse"), ("iou", "iou"), ("giou", "giou"), ("ciou", "iou")])
def test_v4(kind: str, shown: str) -> None:
    line = yolo_line(82, "yolo", {**FACTS, "iou_loss": kind}, SOME, 2)
    losses = "class_loss = 9.000000, iou_loss = 3.000000, total_loss = 12.000000 "
    assert line == f"v3 ({shown} loss, {START}{losses}"


def test_v4_without_details() -> None:
    line = yolo_line(82, "yolo", {**FACTS, "show_details": 0.0}, SOME, 2)
    assert line == f"v3 (iou loss, {START}total_loss = 12.000000 "


def test_v3_of_pjreddie() -> None:
    assert yolo_line(82, "yolo", {}, SOME, 2, dialect="pjreddie") == REGION.format("0.625000")


def test_nothing_matched() -> None:
    empty = NONE._replace(boxes=48, no_objectness=12.0)
    line = yolo_line(3, "yolo", {}, empty, 2, dialect="pjreddie")
    assert line == "Region 3 Avg IOU: -nan, Class: -nan, Obj: -nan, No Obj: 0.250000, .5R: -nan, .75R: -nan,  count: 0"
    assert "Avg (IOU: 0.000000), count: 0, " in yolo_line(3, "yolo", FACTS, empty, 2)


@pytest.mark.parametrize(("kind", "overlap"), [("mse", "0.625000"), ("giou", "0.375000")])
def test_gaussian(kind: str, overlap: str) -> None:
    line = yolo_line(82, "Gaussian_yolo", {**FACTS, "iou_loss": kind}, SOME, 2)
    losses = "class_loss = 9.00, iou_loss = 3.00, uc_loss = 3.00, total_loss = 15.00 "
    assert line == f"{REGION.format(overlap)}, {losses}"


def test_boxes() -> None:
    assert boxes_line(SOME) == " total_bbox = 8, rewritten_bbox = 12.500000 % "
    assert boxes_line(NONE) == ""
