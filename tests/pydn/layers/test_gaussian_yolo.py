"""[Gaussian_yolo] against its oracle."""

from typing import Any

from .support import Case, Engine, Row, check, conv, row, table


def gaussian_yolo(classes: int, mask: str = "0,1,2", **keys: Any) -> Row:
    anchors = "10,14, 23,27, 37,58, 81,82, 135,169, 344,319"
    return row("Gaussian_yolo", classes=classes, num=6, mask=mask, anchors=anchors, **keys)


CASES = {
    "one anchor, one class, 1x1 image": Case([gaussian_yolo(1, mask="3")], (10, 1, 1)),
    "three anchors": Case([gaussian_yolo(4)], (39, 3, 5), batch=3),
    "two anchors, not the first": Case([gaussian_yolo(1, mask="1,4")], (20, 3, 5)),
    "80 classes after a convolution": Case([conv(filters=267), gaussian_yolo(80)], (17, 4, 3), batch=3),
    "scale_x_y": Case([gaussian_yolo(3, scale_x_y=1.05)], (36, 4, 4), batch=3),
    "scale_x_y below 1": Case([gaussian_yolo(3, scale_x_y=0.5)], (36, 4, 4)),
    "the point says nothing about the output": Case([gaussian_yolo(3, yolo_point="left_top")], (36, 4, 4)),
    "beside a yolo": Case(
        [
            conv(filters=36, size=3, stride=2, pad=1),
            gaussian_yolo(3, mask="3,4,5"),
            row("route", layers="0"),
            conv(filters=24),
            row("yolo", classes=3, num=3, anchors="1,1,2,2,3,3"),
        ],
        (3, 8, 12),
        batch=3,
    ),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
