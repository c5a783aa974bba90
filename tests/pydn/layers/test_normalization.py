"""[normalization] against its oracle."""

from typing import Any

from .support import Case, Engine, Row, check, row, table, twice


def lrn(**keys: Any) -> Row:
    return row("normalization", **{"alpha": 0.1, **keys})


CASES = {
    "defaults": Case([row("normalization")], (9, 4, 5), batch=3),
    "1x1 image": Case([lrn()], (9, 1, 1)),
    "as in alexnet": Case([lrn(alpha=0.0001, beta=0.75, kappa=2)], (32, 5, 4), batch=3),
    "size 1: the first channel only is missing": Case([lrn(size=1, kappa=9)], (5, 3, 4)),
    "size 2": Case([lrn(size=2, kappa=3)], (5, 3, 4)),
    "size 3": Case([lrn(size=3, beta=0.5, kappa=2)], (17, 3, 4), batch=3),
    "size 4: one channel more after than before": Case([lrn(size=4, kappa=3)], (9, 3, 4)),
    "as many channels as size": Case([lrn(size=5, kappa=3)], (5, 3, 4)),
    "fewer channels than size": Case([lrn(size=9)], (5, 3, 4), batch=3),
    "fewer channels than size/2": Case([lrn(size=9)], (2, 3, 4), batch=3),
    "one channel": Case([lrn()], (1, 3, 4)),
    "beta 0: nothing changes": Case([lrn(beta=0)], (7, 3, 4), exact=True),
    "between convolutions": Case(twice([lrn(kappa=3)]), batch=3),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
