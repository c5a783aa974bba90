"""[reorg] against its oracle; it moves values, so that results are exact."""

from typing import Any

from .support import Case, Engine, Row, check, row, table, twice


def reorg(**keys: Any) -> Row:
    return row("reorg", **keys)


CASES = {
    "stride 1: nothing moves": Case([reorg(stride=1)], (4, 3, 5), exact=True),
    "stride 2": Case([reorg(stride=2)], (4, 6, 8), exact=True, batch=3),
    "stride 2, 64 channels, as in yolov2": Case([reorg(stride=2)], (64, 6, 4), exact=True),
    "stride 3": Case([reorg(stride=3)], (9, 6, 9), exact=True),
    "stride as wide as the image": Case([reorg(stride=4)], (16, 4, 4), exact=True),
    "reverse": Case([reorg(stride=2, reverse=1)], (8, 3, 5), exact=True, batch=3),
    "reverse to one channel": Case([reorg(stride=2, reverse=1)], (4, 1, 1), exact=True),
    "there and back is not the same values": Case([reorg(stride=2), reorg(stride=2, reverse=1)], (8, 4, 6), exact=True),
    "flatten": Case([reorg(flatten=1)], (4, 3, 5), exact=True, batch=2, dialect="pjreddie"),
    "flatten, stride 2": Case([reorg(flatten=1, stride=2)], (4, 6, 8), exact=True, dialect="pjreddie"),
    "flatten, reverse": Case([reorg(flatten=1, reverse=1)], (4, 3, 5), exact=True, batch=2, dialect="pjreddie"),
    "extra": Case([reorg(extra=5)], (4, 3, 5), exact=True, batch=2, dialect="pjreddie"),
    "AlexeyAB knows neither": Case([reorg(flatten=1, extra=5)], (4, 3, 5), exact=True),
    "between convolutions": Case([*twice([]), reorg(stride=2), *twice([])], (3, 6, 8), batch=3),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
