"""[yolo] against its oracle."""

from typing import Any

import numpy as np

import pydn

from .support import Case, Engine, Row, check, conv, row, table


def yolo(classes: int, mask: str = "0,1,2", **keys: Any) -> Row:
    anchors = "10,14, 23,27, 37,58, 81,82, 135,169, 344,319"
    return row("yolo", classes=classes, num=6, mask=mask, anchors=anchors, **keys)


CASES = {
    "one anchor, one class, 1x1 image": Case([yolo(1, mask="3")], (6, 1, 1)),
    "three anchors": Case([yolo(4)], (27, 3, 5), batch=3),
    "two anchors, not the first": Case([yolo(1, mask="1,4")], (12, 3, 5)),
    "80 classes after a convolution, as in yolov3": Case([conv(filters=255), yolo(80)], (17, 4, 3), batch=3),
    "scale_x_y": Case([yolo(3, scale_x_y=1.05)], (24, 4, 4), batch=3),
    "scale_x_y below 1": Case([yolo(3, scale_x_y=0.5)], (24, 4, 4)),
    "new_coords: logistic before": Case(
        [conv(filters=24, activation="logistic"), yolo(3, new_coords=1, scale_x_y=2.0)], (5, 4, 4), batch=3
    ),
    "new_coords without scale: a copy": Case([yolo(3, new_coords=1)], (24, 4, 4), exact=True),
    "two heads": Case(
        [
            conv(filters=12, size=3, stride=2, pad=1),
            conv(filters=24),
            yolo(3, mask="3,4,5"),
            row("route", layers="0"),
            row("upsample", stride=2),
            conv(filters=24),
            yolo(3, scale_x_y=1.2),
        ],
        (3, 8, 12),
        batch=3,
    ),
    "pjreddie": Case([yolo(4)], (27, 3, 5), dialect="pjreddie"),
}


def test_pjreddie_knows_neither_scale_nor_new_coords() -> None:
    cfg = b"[net]\nwidth=8\nheight=8\nchannels=24\n[yolo]\nclasses=3\nnum=3\nanchors=1,2,3,4,5,6\nmask=0,1,2\n"
    x = np.random.default_rng(1).normal(size=(1, 24, 8, 8)).astype("f4")
    net = pydn.load(cfg + b"scale_x_y=1.5\nnew_coords=1\n", dialect="pjreddie")
    np.testing.assert_array_equal(net.forward(x)[0], pydn.load(cfg, dialect="pjreddie").forward(x)[0])
    assert {row[1] for row in net.unused_options} == {"scale_x_y", "new_coords"}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
