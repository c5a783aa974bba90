"""[scale_channels] against its oracle."""

from typing import Any

from .support import Case, Engine, Row, check, conv, row, table


def scale(source: int, **keys: Any) -> Row:
    return row("scale_channels", **{"from": source}, **keys)


def squeeze_and_excite(filters: int, **keys: Any) -> list[Row]:
    return [
        conv(filters=filters, size=3, pad=1, activation="swish"),
        row("avgpool"),
        conv(filters=4, activation="relu"),
        conv(filters=filters, activation="logistic"),
        scale(-4, **keys),
    ]


def by_place(filters: int, **keys: Any) -> list[Row]:
    return [conv(filters=filters), conv(filters=1, activation="logistic"), scale(0, scale_wh=1, **keys)]


CASES = {
    "channels, one": Case(squeeze_and_excite(1)),
    "channels, 17": Case(squeeze_and_excite(17), batch=3),
    "channels, 32, more layers after": Case([*squeeze_and_excite(32), conv(filters=3)], batch=3),
    "channels, activation": Case(squeeze_and_excite(5, activation="leaky")),
    "channels, 1x1 image": Case(squeeze_and_excite(5), (3, 1, 1)),
    "places, one channel": Case(by_place(1)),
    "places, 17 channels": Case(by_place(17), batch=3),
    "places, 32 channels, more layers after": Case([*by_place(32), conv(filters=3)], batch=3),
    "places, activation": Case(by_place(5, activation="relu"), (3, 1, 33)),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
