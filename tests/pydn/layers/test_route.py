"""[route] against its oracle; it copies, so that results are exact where its inputs are."""

from typing import Any

from .support import COPY, Case, Engine, Row, check, conv, row, table


def route(layers: str, **keys: Any) -> Row:
    return row("route", layers=layers, **keys)


HALVED = row("maxpool", size=2, stride=2)
CASES = {
    "one layer": Case([COPY, route("-1")], exact=True),
    "an absolute number": Case([COPY, HALVED, route("0")], exact=True, batch=3),
    "two layers, in the order named": Case([COPY, row("maxpool", size=3, stride=1), route("-1,0")], exact=True),
    "the same layer twice": Case([COPY, route("0,0")], (5, 4, 3), exact=True, batch=3),
    "four layers of 1, 2, 4 and 8 channels": Case(
        [COPY, route("0,0"), route("1,1"), route("2,2"), route("0,1,2,3")], (1, 3, 5), exact=True, batch=3
    ),
    "1x1 image": Case([COPY, route("0,-1")], (3, 1, 1), exact=True),
    "blocks of 17 and 32 channels": Case(
        [conv(filters=17), conv(filters=32), route("-1,-2"), conv(filters=5)], batch=3
    ),
    "blocks of 16 channels": Case([conv(filters=16), conv(filters=16), route("-1,-2"), conv(filters=16)], batch=3),
    "groups: first half": Case([COPY, route("-1", groups=2)], (4, 5, 3), exact=True, batch=3),
    "groups: second half, as in yolov4-tiny": Case(
        [conv(filters=32), route("-1", groups=2, group_id=1), conv(filters=16), route("-1,-2"), conv(filters=3)]
    ),
    "groups: third quarter, one channel": Case([COPY, route("-1", groups=4, group_id=2)], (4, 3, 3), exact=True),
    "groups of two layers": Case([COPY, HALVED, route("0,0", groups=3, group_id=1)], (6, 4, 4), exact=True, batch=3),
    "groups that cut through blocks": Case([conv(filters=18), route("-1", groups=3, group_id=1), conv(filters=4)]),
    "unequal sides: flat": Case([COPY, HALVED, route("0,1")], (3, 6, 6), exact=True, batch=3),
    "unequal sides, same number of values": Case(
        [COPY, row("reorg", stride=2), route("1,0")], (4, 4, 6), exact=True, batch=3
    ),
    "a route of a route": Case([COPY, route("0,0"), route("-1"), route("-1,0")], (1, 4, 4), exact=True),
    "an output that both a route and the next layer read": Case(
        [conv(filters=5, activation="leaky"), conv(filters=5, activation="relu"), route("-1,-2"), conv(filters=2)]
    ),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
