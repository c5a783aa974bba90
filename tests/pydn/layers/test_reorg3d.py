"""[reorg3d] against its oracle; it moves values, so that results are exact."""

from typing import Any

from .support import Case, Engine, Row, check, row, table, twice


def reorg(**keys: Any) -> Row:
    return row("reorg3d", **keys)


CASES = {
    "default stride 1: nothing moves": Case([reorg()], exact=True),
    "stride 2": Case([reorg(stride=2)], (5, 6, 8), exact=True, batch=3),
    "one channel": Case([reorg(stride=2)], (1, 4, 6), exact=True),
    "stride 3": Case([reorg(stride=3)], (2, 6, 9), exact=True),
    "stride as wide as the image": Case([reorg(stride=4)], (3, 4, 4), exact=True),
    "reverse": Case([reorg(stride=2, reverse=1)], (8, 3, 5), exact=True, batch=3),
    "reverse to one channel": Case([reorg(stride=3, reverse=1)], (9, 1, 2), exact=True),
    "between convolutions": Case([*twice([]), reorg(stride=2), *twice([])], (3, 6, 8), batch=3),
}
BACK = Case([reorg(stride=2), reorg(stride=2, reverse=1)], (5, 4, 6), batch=3)


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)


def test_reverse_is_the_way_back(engine: Engine) -> None:
    net = BACK.load(engine, "heads", "none")
    assert (net.forward(BACK.x)[0] == BACK.x).all()
