"""Backward of layers that join several others: [shortcut], [route], [sam], [scale_channels]; and [implicit]."""

from typing import Any

from ..layers.support import Engine, Row, conv, row
from .backward import Backward, backward_table, check_differences, check_engine


def shortcut(*sources: int, **keys: Any) -> Row:
    return row("shortcut", **{"from": ",".join(map(str, sources))}, **keys)


def weighted(kind: str, normalization: str = "none", **keys: Any) -> Row:
    return shortcut(-2, -3, weights_type=kind, weights_normalization=normalization, **keys)


def scaled(*rows: Row, alpha: float = 0.5, beta: float = -2, shape: tuple[int, int, int] = (3, 4, 6)) -> Backward:
    """pjreddie's factors."""
    return Backward([*rows, shortcut(-2, alpha=alpha, beta=beta)], shape, dialect="pjreddie")


THREE = [conv(filters=5, size=3, pad=1)] * 3
UNEQUAL = [conv(filters=3), conv(filters=9), conv(filters=5)]
A_LAYER = [0.3, -0.7, 1.2]
A_CHANNEL = [[0.3, -0.2, 0.9, 0.1, -0.6], [-0.7, 0.4, 0.2, -0.3, -0.1], [1.2, 0.5, -1.1, 0.6, -0.4]]

CASES = {
    "shortcut": Backward([conv(filters=5), conv(filters=5), shortcut(-2)]),
    "shortcut, activation, 17 channels": Backward(
        [conv(filters=17), conv(filters=17), shortcut(-2, activation="leaky")]
    ),
    "shortcut of a residual block": Backward(
        [
            conv(filters=18, size=3, pad=1, batch_normalize=1, activation="leaky"),
            conv(filters=6, batch_normalize=1, activation="leaky"),
            conv(filters=18, size=3, pad=1, batch_normalize=1, activation="leaky"),
            shortcut(-3),
            conv(filters=3),
        ],
        (3, 4, 5),
    ),
    "shortcut with itself: twice the delta": Backward([conv(filters=5), shortcut(-1)]),
    "shortcut of four": Backward([*THREE, THREE[0], shortcut(-2, -3, -4)]),
    "shortcut, fewer channels": Backward([conv(filters=3), conv(filters=8), shortcut(-2)]),
    "shortcut, more channels": Backward([conv(filters=20), conv(filters=6), shortcut(-2)]),
    "shortcut, unequal channels, three": Backward([*UNEQUAL, shortcut(-2, -3), conv(filters=4)]),
    "shortcut read twice": Backward(
        [conv(filters=5), conv(filters=5), shortcut(-2), conv(filters=5), shortcut(-2), row("route", layers="-1,-3")]
    ),
    "weights, a layer": Backward([*THREE, weighted("per_feature")]),
    "weights, a channel": Backward([*THREE, weighted("per_channel")]),
    "weights, a channel, unequal channels": Backward([*UNEQUAL, weighted("per_channel", activation="leaky")]),
    "weights, relu, a layer": Backward([*THREE, weighted("per_layer", "relu")], fixed={(4, "weights"): A_LAYER}),
    "weights, relu, a channel; the last without any share": Backward(
        [*THREE, weighted("per_channel", "avg_relu")], fixed={(4, "weights"): A_CHANNEL}
    ),
    "weights, softmax, a layer": Backward(
        [*THREE, weighted("per_feature", "softmax")], fixed={(4, "weights"): A_LAYER}
    ),
    "weights, softmax, a channel": Backward(
        [*THREE, weighted("per_channel", "softmax")], fixed={(4, "weights"): A_CHANNEL}
    ),
    "weights, softmax, unequal channels": Backward([*UNEQUAL, weighted("per_channel", "softmax")]),
    "alpha and beta": scaled(conv(filters=5), conv(filters=5)),
    "alpha and beta, unequal channels": scaled(conv(filters=3), conv(filters=5)),
    "alpha and beta, the other is wider": scaled(conv(filters=4), conv(filters=3, size=3, stride=2, pad=1)),
    "alpha and beta, the other is narrower": scaled(conv(filters=4), row("upsample")),
    "alpha and beta of one layer twice": Backward([shortcut(-1, alpha=0.5, beta=-2)], dialect="pjreddie"),
    "pjreddie, the other is wider": scaled(conv(filters=4), conv(filters=3, size=3, stride=2, pad=1), alpha=1, beta=1),
    "pjreddie, the other is narrower": scaled(conv(filters=4), row("upsample"), alpha=1, beta=1),
    "route to one layer": Backward([conv(filters=5), conv(filters=4), row("route", layers="-2"), conv(filters=2)]),
    "route of three": Backward([*UNEQUAL, row("route", layers="-1,-3,-2")]),
    "route of whole blocks": Backward(
        [conv(filters=16), conv(filters=32), row("route", layers="-1,-2"), conv(filters=3)]
    ),
    "route twice of one layer": Backward([conv(filters=5), row("route", layers="-1,-1")]),
    "route, groups 2, the second": Backward([conv(filters=6), row("route", layers=-1, groups=2, group_id=1)]),
    "route, groups 3 of several layers": Backward(
        [conv(filters=24), conv(filters=6), row("route", layers="-1,-2", groups=3, group_id=1), conv(filters=2)]
    ),
    "route, both halves": Backward(
        [
            conv(filters=8),
            row("route", layers=-1, groups=2, group_id=0),
            conv(filters=3),
            row("route", layers=-3, groups=2, group_id=1),
            row("route", layers="-1,-2"),
        ]
    ),
    "route of unequal sides: flat": Backward(
        [conv(filters=3), conv(filters=4, stride=2), row("route", layers="-1,-2"), row("connected", output=3)]
    ),
    "sam": Backward([conv(filters=5), conv(filters=5, activation="logistic"), row("sam", **{"from": -2})]),
    "sam, activation, 17 channels": Backward(
        [conv(filters=17), conv(filters=17), row("sam", **{"from": -2}, activation="leaky"), conv(filters=2)]
    ),
    "scale_channels": Backward(
        [
            conv(filters=5),
            row("avgpool"),
            conv(filters=5, activation="logistic"),
            row("scale_channels", **{"from": -3}, activation="tanh"),
        ]
    ),
    "scale_channels, 18 channels": Backward(
        [conv(filters=18), row("avgpool"), conv(filters=18), row("scale_channels", **{"from": -3}), conv(filters=2)]
    ),
    "scale_channels, scale_wh": Backward(
        [conv(filters=5), conv(filters=1), row("scale_channels", **{"from": -2}, scale_wh=1)]
    ),
    "implicit": Backward([row("implicit", filters=6, atoms=3), conv(filters=2)]),
    "implicit, added to a layer": Backward(
        [conv(filters=5), row("implicit", filters=5), row("scale_channels", **{"from": -2})], batch=3
    ),
}  # fmt: skip


@backward_table(CASES)
def test_differences(case: Backward) -> None:
    check_differences(case)


@backward_table(CASES)
def test_engine(case: Backward, engine: Engine) -> None:
    check_engine(case, engine)
