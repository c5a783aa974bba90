"""[sam] against its oracle."""

from typing import Any

from .support import Case, Engine, Row, check, conv, row, table


def attend(filters: int, **keys: Any) -> list[Row]:
    return [
        conv(filters=filters, size=3, pad=1, activation="leaky"),
        conv(filters=filters, activation="logistic"),
        row("sam", **{"from": -2}, **keys),
    ]


CASES = {
    "one channel, 1x1 image": Case(attend(1), (1, 1, 1)),
    "17 channels": Case(attend(17), batch=3),
    "32 channels, more layers after": Case([*attend(32), conv(filters=5)], batch=3),
    "activation": Case(attend(5, activation="mish")),
    "with itself: squares": Case([conv(filters=5), row("sam", **{"from": -1})]),
    "twice in a row": Case([*attend(5), conv(filters=5, activation="logistic"), row("sam", **{"from": 0})]),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
