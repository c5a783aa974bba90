"""Activations, value by value, and in the places where layers apply them."""

import numpy as np
import pytest

from ...reference.activations import FORMULAS, activate
from .support import Case, Engine, check, conv, row, table

VALUES = np.concatenate(
    [
        np.linspace(-12, 12, 1009),
        np.arange(-8, 9),  # where the pieces of plse, stair, hardtan, lhtan, relu6 meet
        [0.0, -1e-6, 1e-6, -1e-30, 1e-30, -60, 60, -88, 88, -200, 200],
    ]
).astype(np.float32)
ACROSS_CHANNELS = [name for name in FORMULAS if name.startswith("normalize_channels")]


@pytest.mark.parametrize("name", [name for name in FORMULAS if name not in ACROSS_CHANNELS])
def test_every_value(name: str, engine: Engine) -> None:
    """Each value for itself, so that small ones count as much as large ones."""
    case = Case([conv(filters=1, activation=name)], (1, 1, len(VALUES)))
    net = case.load(engine, "all", "none")
    net.layers[0].weights[...] = 1
    net.layers[0].biases[...] = 0
    y = net.forward(VALUES.reshape(1, 1, 1, -1))[0].ravel()
    expected = activate(name, VALUES.astype(np.float64))
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


def places(name: str) -> dict[str, Case]:
    """An activation after a bias, after batch norm, in a small output, and in a connected layer."""
    cases = {
        "bias": Case([conv(filters=17, size=3, pad=1, activation=name)], batch=3),
        "batch norm": Case([conv(filters=5, batch_normalize=1, activation=name), conv(filters=3)]),
        "1x1": Case([conv(filters=3, activation=name)], (5, 1, 1)),
    }
    if name not in ACROSS_CHANNELS:
        cases["connected"] = Case([row("connected", output=19, activation=name)], batch=3)
        cases["shortcut"] = Case(
            [conv(filters=5), conv(filters=5), row("shortcut", **{"from": -2, "activation": name})], batch=3
        )
    return {f"{name}: {place}": case for place, case in cases.items()}


@table({reason: case for name in FORMULAS for reason, case in places(name).items()})
def test_places(case: Case, engine: Engine) -> None:
    check(case, engine)
