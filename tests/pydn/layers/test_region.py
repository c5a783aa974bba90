"""[region] against its oracle."""

from typing import Any

from .support import Case, Engine, Row, check, conv, row, table

TREE = b"animal -1\nvehicle -1\ncat 0\ndog 0\nbird 0\ncar 1\nbus 1\nterrier 3\nhound 3\npug 3\n"


def region(num: int, classes: int, **keys: Any) -> Row:
    anchors = ",".join(f"{0.5 + k},{0.7 + k}" for k in range(num))
    return row("region", num=num, classes=classes, anchors=anchors, **keys)


CASES = {
    "one anchor, one class, 1x1 image": Case([region(1, 1)], (6, 1, 1)),
    "classes as they are": Case([region(2, 3)], (16, 3, 5), batch=3),
    "softmax over the classes": Case([region(3, 4, softmax=1)], (27, 3, 5), batch=3),
    "softmax over one class: 1": Case([region(2, 1, softmax=1)], (12, 3, 2)),
    "tree": Case([region(2, 10, softmax=1, tree="t")], (30, 3, 4), batch=3, files={"t": TREE}),
    "tree, without the word softmax": Case([region(1, 10, tree="t")], (15, 3, 4), files={"t": TREE}),
    "pjreddie: logistic classes": Case([region(2, 3)], (16, 3, 5), batch=3, dialect="pjreddie"),
    "pjreddie: softmax": Case([region(2, 3, softmax=1)], (16, 3, 5), dialect="pjreddie"),
    "pjreddie: tree": Case(
        [region(1, 10, softmax=1, tree="t")], (15, 3, 4), files={"t": TREE}, dialect="pjreddie", batch=3
    ),
    "20 classes, five anchors, as in yolov2": Case([conv(filters=125), region(5, 20, softmax=1)], (17, 4, 4), batch=3),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
