"""[detection] against its oracle."""

from typing import Any

from .support import Case, Engine, Row, check, conv, row, table


def detection(side: int, num: int, classes: int, **keys: Any) -> list[Row]:
    outputs = side * side * (classes + num * 5)
    return [
        row("connected", output=outputs, activation="linear"),
        row("detection", side=side, num=num, classes=classes, coords=4, **keys),
    ]


CASES = {
    "one cell, one box, one class": Case(detection(1, 1, 1), (3, 2, 2)),
    "a copy of what comes": Case(
        [row("detection", side=2, num=1, classes=1, coords=4)], (24, 1, 1), exact=True, batch=3
    ),
    "7x7, two boxes, 20 classes, as in yolov1": Case(
        [conv(filters=4, size=3, pad=1), *detection(7, 2, 20, sqrt=1, rescore=1)], (3, 5, 5), batch=3
    ),
    "softmax": Case(detection(3, 2, 4, softmax=1), (3, 5, 7), batch=3),
    "softmax over one class: 1": Case(detection(2, 1, 1, softmax=1), (3, 4, 4)),
    "from an image, without a connected layer": Case(
        [conv(filters=13), row("detection", side=2, num=2, classes=3, coords=4, softmax=1)], (3, 2, 2), batch=3
    ),
    "coords other than 4": Case([row("detection", side=2, num=2, classes=3)], (7, 2, 2), exact=True),
    "pjreddie": Case(detection(3, 2, 4, softmax=1), (3, 5, 7), batch=3, dialect="pjreddie"),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
