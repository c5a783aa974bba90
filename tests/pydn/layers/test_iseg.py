"""[iseg] against its oracle."""

from typing import Any

from .support import Case, Engine, Row, check, conv, row, table


def iseg(**keys: Any) -> Row:
    return row("iseg", **keys)


CASES = {
    "defaults: 20 classes, 32 ids": Case([iseg()], (52, 3, 4)),
    "1x1 image": Case([iseg(classes=3, ids=2)], (5, 1, 1)),
    "classes only": Case([iseg(classes=5, ids=0)], (5, 3, 4), batch=3),
    "one class, one id": Case([iseg(classes=1, ids=1)], (2, 5, 7), batch=3),
    "pjreddie": Case([iseg(classes=2, ids=3)], (5, 5, 7), dialect="pjreddie"),
    "after a convolution": Case([conv(filters=17, size=3, pad=1), iseg(classes=9, ids=8)], batch=3),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
