"""Backward of [batchnorm] in training, and of [connected].

The oracle of batch norm has two backwards: the derivative, which central differences say it is, and darknet's, which
divides by a slightly other spread and by N in place of N − 1. Engines compute darknet's; the more values a channel has,
the closer the two are.
"""

from typing import Any

import numpy as np

from ...reference.batchnorm import normalize_back
from ..layers.support import Engine, Row, conv, row
from .backward import Backward, backward_table, check_differences, check_engine


def connected(**keys: Any) -> Row:
    return row("connected", **{"activation": "linear", **keys})


CASES = {
    "batchnorm": Backward([row("batchnorm")], batch=3),
    "batchnorm, pjreddie: no biases": Backward([row("batchnorm")], batch=3, dialect="pjreddie"),
    "batchnorm, 17 channels": Backward([row("batchnorm"), conv(filters=3)], (17, 3, 4)),
    "batchnorm of a layer that others read too": Backward(
        [conv(filters=6), row("batchnorm"), row("route", layers="-1,-2")]
    ),
    "batchnorm of a plane": Backward([row("batchnorm")], (2, 5, 4), batch=1),
    "batchnorm of values that are nearly equal": Backward([row("batchnorm")], (2, 5, 4), steps_per_unit=4096),
    "connected": Backward([connected(output=7)]),
    "connected, 33 of 17": Backward([connected(output=33, activation="leaky")], (17, 1, 1), batch=3),
    "connected to connected": Backward([connected(output=19, activation="tanh"), connected(output=3)]),
    "connected, batch norm": Backward([connected(output=7, batch_normalize=1, activation="leaky")], batch=5),
    "connected, batch norm, pjreddie": Backward(
        [connected(output=18, batch_normalize=1, activation="tanh"), connected(output=2)], batch=4, dialect="pjreddie"
    ),
}


@backward_table(CASES)
def test_differences(case: Backward) -> None:
    check_differences(case)


@backward_table(CASES)
def test_engine(case: Backward, engine: Engine) -> None:
    check_engine(case, engine)


def test_darknets_batch_norm_comes_near_the_derivative() -> None:
    """With many values that are not nearly equal."""
    rng = np.random.default_rng(4)
    x, delta = rng.normal(size=(2, 8, 3, 20, 20))
    scales = rng.uniform(0.5, 2, 3)
    for pjreddie in (False, True):
        exact, near = (normalize_back(delta, x, scales, pjreddie, as_darknet)[0] for as_darknet in (False, True))
        np.testing.assert_allclose(near, exact, rtol=1e-4, atol=1e-4)
        assert np.abs(near - exact).max() > 1e-9
