"""[logistic] against its oracle."""

import pydn

from .support import Case, Engine, check, conv, row, table

CASES = {
    "1x1 image": Case([row("logistic")], (5, 1, 1)),
    "one channel": Case([row("logistic")], (1, 3, 4), batch=3),
    "17 channels": Case([row("logistic")], (17, 5, 7), batch=3),
    "pjreddie": Case([row("logistic")], dialect="pjreddie"),
    "after a classifier's layers": Case([conv(filters=17, size=3, pad=1), row("avgpool"), row("logistic")], batch=3),
    "after a connected layer": Case([row("connected", output=9), row("logistic")], batch=3),
    "before a cost": Case([conv(filters=4), row("logistic"), row("cost")], batch=3),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)


def test_it_is_a_head() -> None:
    """A layer of probabilities is a result, wherever it stands."""
    net = pydn.load(Case([row("logistic"), row("route", layers=0), conv(filters=2)]).cfg)
    assert net.head_layers == (0,)
