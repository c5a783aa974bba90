"""[local] against its oracle."""

from typing import Any

from .support import Case, Engine, Row, check, conv, row, table, twice


def local(**keys: Any) -> Row:
    return row("local", **{"activation": "linear", **keys})


CASES = {
    "defaults: one filter of 1x1, logistic": Case([row("local")]),
    "1x1 image": Case([local(filters=3, size=3, pad=1)], (2, 1, 1)),
    "one channel": Case([local(filters=2, size=3, pad=1)], (1, 4, 5)),
    "as in yolov1": Case([local(filters=4, size=3, pad=1, activation="leaky")], (17, 4, 3), batch=3),
    "without pad": Case([local(filters=4, size=3)], (3, 5, 6), batch=3),
    "window as wide as the image": Case([local(filters=4, size=5)], (3, 5, 5)),
    "stride 2, odd sides": Case([local(filters=3, size=3, stride=2, pad=1)], (3, 7, 9), batch=3),
    "stride 2, even sides": Case([local(filters=3, size=3, stride=2, pad=1)], (3, 8, 6)),
    "stride 2 without pad: the rest is lost": Case([local(filters=3, size=3, stride=2)], (3, 8, 9)),
    "stride above size": Case([local(filters=3, size=2, stride=3)], (3, 8, 9)),
    "5x5 padded by 2": Case([local(filters=3, size=5, pad=1)], (2, 6, 7)),
    "2x2 padded by 1 before": Case([local(filters=3, size=2, pad=1)], (2, 5, 4)),
    "1x1, pad changes nothing": Case([local(filters=3, pad=1)], (2, 5, 4)),
    "window wider than the padded image": Case([local(filters=2, size=7, pad=1)], (1, 2, 3)),
    "twice": Case([local(filters=4, size=3, pad=1), local(filters=2, size=3)], batch=3),
    "between convolutions": Case(twice([local(filters=5, size=3, pad=1, activation="mish")]), batch=3),
    "before a connected layer": Case([conv(filters=8), local(filters=3, size=3), row("connected", output=5)], batch=3),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
