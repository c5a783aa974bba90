"""[l2norm] against its oracle."""

import numpy as np

from .support import Case, Engine, check, row, table, twice

CASES = {
    "1x1 image": Case([row("l2norm")], (5, 1, 1)),
    "one channel: the sign": Case([row("l2norm")], (1, 3, 4), batch=3),
    "17 channels": Case([row("l2norm")], (17, 5, 7), batch=3),
    "pjreddie": Case([row("l2norm")], (3, 5, 7), dialect="pjreddie"),
    "after a connected layer": Case([row("connected", output=9, activation="linear"), row("l2norm")], batch=3),
    "between convolutions": Case(twice([row("l2norm")]), batch=3),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)


def test_zeros_stay_zeros(engine: Engine) -> None:
    net = Case([row("l2norm")], (3, 2, 2)).load(engine, "all", "none")
    x = np.zeros((1, 3, 2, 2), np.float32)
    x[0, :, 0, 0] = 3, 0, -4
    np.testing.assert_allclose(net.forward(x)[0], x / 5, rtol=1e-6)
