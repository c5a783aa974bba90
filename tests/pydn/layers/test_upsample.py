"""[upsample] against its oracle; without a scale it copies, so that results are exact."""

from typing import Any

from .support import Case, Engine, Row, check, row, table, twice


def upsample(**keys: Any) -> Row:
    return row("upsample", **keys)


CASES = {
    "default stride 2": Case([upsample()], exact=True, batch=3),
    "1x1 image": Case([upsample(stride=2)], (5, 1, 1), exact=True),
    "stride 1": Case([upsample(stride=1)], exact=True),
    "stride 3, 17 channels": Case([upsample(stride=3)], (17, 3, 4), exact=True, batch=3),
    "stride above both sides": Case([upsample(stride=5)], (3, 2, 3), exact=True),
    "scale": Case([upsample(stride=2, scale=0.5)], exact=True),
    "scale of three": Case([upsample(stride=2, scale=3)], batch=3),
    "twice": Case([upsample(), upsample(stride=3)], (1, 2, 3), exact=True),
    "reverse: sums of 2x2": Case([upsample(stride=-2)], (3, 6, 8), batch=3),
    "reverse: sides that 3 does not divide": Case([upsample(stride=-3)], (3, 7, 11)),
    "reverse with scale: means": Case([upsample(stride=-2, scale=0.25)], (17, 4, 4)),
    "between convolutions": Case(twice([upsample(stride=2)]), batch=3),
    "reverse between convolutions": Case(twice([upsample(stride=-2)]), (3, 6, 6), batch=3),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
