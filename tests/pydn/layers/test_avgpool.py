"""[avgpool] against its oracle."""

from .support import Case, Engine, check, conv, row, table

AVERAGE = row("avgpool")
CASES = {
    "1x1 image: nothing to average": Case([AVERAGE], (5, 1, 1), exact=True),
    "odd sides": Case([AVERAGE], (3, 5, 7), batch=3),
    "17 channels": Case([AVERAGE], (17, 4, 4)),
    "32 channels, many places": Case([AVERAGE], (32, 19, 23), batch=3),
    "one row": Case([AVERAGE], (3, 1, 31)),
    "between convolutions": Case([conv(filters=33, size=3, pad=1), AVERAGE, conv(filters=5)], batch=3),
    "twice": Case([AVERAGE, AVERAGE], (3, 6, 6)),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
