"""[batchnorm] against its oracle."""

from .support import Case, Engine, check, conv, row, table, twice

NORM = row("batchnorm")
CASES = {
    "1x1 image": Case([NORM], (5, 1, 1)),
    "one channel": Case([NORM], (1, 5, 7)),
    "17 channels": Case([NORM], (17, 5, 7), batch=3),
    "32 channels": Case([NORM], (32, 4, 4), batch=3),
    "pjreddie: no biases, another epsilon": Case([NORM], (5, 4, 3), dialect="pjreddie"),
    "after a convolution that has its own": Case([conv(filters=6, batch_normalize=1), NORM]),
    "between convolutions": Case(twice([NORM]), batch=3),
    "of an output that others read too": Case([conv(filters=6), NORM, row("route", layers="-1,-2")]),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
