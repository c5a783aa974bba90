"""[implicit] against its oracle."""

from typing import Any

from .support import Case, Engine, Row, check, conv, row, table


def implicit(**keys: Any) -> Row:
    return row("implicit", **keys)


CASES = {
    "defaults: 128 filters of one atom": Case([implicit()]),
    "one value": Case([implicit(filters=1)], batch=3),
    "atoms": Case([implicit(filters=5, atoms=3)], batch=3),
    "as in yolor: factors of channels": Case(
        [conv(filters=6), implicit(filters=6), row("scale_channels", **{"from": 0}), conv(filters=3)], batch=3
    ),
    "joined with another": Case([implicit(filters=3), implicit(filters=2), row("route", layers="0,1")], batch=3),
    "before a connected layer": Case([implicit(filters=4, atoms=2), row("connected", output=3)], batch=3),
    "start values": Case([implicit(filters=4, mean=1, std=0.02)]),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
