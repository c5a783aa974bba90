"""[shortcut] against its oracle."""

from typing import Any

from .support import COPY, Case, Engine, Row, check, conv, row, table


def shortcut(*sources: int, **keys: Any) -> Row:
    return row("shortcut", **{"from": ",".join(map(str, sources))}, **keys)


def weighted(kind: str, normalization: str = "none", **keys: Any) -> Row:
    return shortcut(-2, -3, weights_type=kind, weights_normalization=normalization, **keys)


CONVS = [conv(filters=5, size=3, pad=1)] * 3
CASES = {
    "two layers": Case([conv(filters=5), conv(filters=5), shortcut(-2)], batch=3),
    "1x1 image": Case([conv(filters=3), conv(filters=3), shortcut(-2)], (3, 1, 1)),
    "an absolute number, 17 channels": Case([conv(filters=17), conv(filters=17), shortcut(0)]),
    "a residual block of 32 channels": Case(
        [
            conv(filters=32, size=3, pad=1, batch_normalize=1, activation="leaky"),
            conv(filters=16, batch_normalize=1, activation="leaky"),
            conv(filters=32, size=3, pad=1, batch_normalize=1, activation="leaky"),
            shortcut(-3),
            conv(filters=7),
        ],
        (3, 8, 9),
        batch=3,
    ),
    "activation after the sum": Case([conv(filters=5), conv(filters=5), shortcut(-2, activation="leaky")]),
    "activation before and after": Case(
        [conv(filters=5, activation="relu"), conv(filters=5, activation="mish"), shortcut(-2, activation="swish")]
    ),
    "the convolution is the second term": Case([conv(filters=5), conv(filters=5), COPY, shortcut(-2)]),
    "both terms are pooled": Case([COPY, row("maxpool", size=3, stride=1), shortcut(-2)], (17, 5, 5), batch=3),
    "the next layer reads the sum, a route the term": Case(
        [conv(filters=5), conv(filters=5), shortcut(-2), row("route", layers="-1,-2"), conv(filters=2)]
    ),
    "with itself: twice the value": Case([conv(filters=5), shortcut(-1)]),
    "four terms": Case([*CONVS, *CONVS[:1], shortcut(-2, -3, -4)], batch=3),
    "fewer channels: they add to the first ones": Case([conv(filters=3), conv(filters=8), shortcut(-2)], batch=3),
    "more channels: the first ones are added": Case([conv(filters=20), conv(filters=6), shortcut(-2)], batch=3),
    "unequal channels, three terms": Case(
        [conv(filters=33), conv(filters=2), conv(filters=17), shortcut(-2, -3), conv(filters=4)]
    ),
    "the sum is read twice": Case(
        [conv(filters=5), conv(filters=5), shortcut(-2), conv(filters=5), shortcut(-2), row("route", layers="-1,-3")]
    ),
    "one weight a layer": Case([*CONVS, weighted("per_feature")], batch=3),
    "one weight a layer, by its other name": Case([*CONVS, weighted("per_layer")]),
    "one weight a channel": Case([*CONVS, weighted("per_channel")], batch=3),
    "weights, 17 channels, activation": Case(
        [*[conv(filters=17)] * 3, weighted("per_channel", activation="leaky"), conv(filters=3)]
    ),
    "relu, a layer": Case([*CONVS, weighted("per_feature", "relu")], batch=3),
    "relu, a channel": Case([*CONVS, weighted("per_channel", "relu")], batch=3),
    "relu by its other name": Case([*CONVS, weighted("per_channel", "avg_relu")]),
    "softmax, a layer": Case([*CONVS, weighted("per_feature", "softmax")], batch=3),
    "softmax, a channel": Case([*CONVS, weighted("per_channel", "softmax")], batch=3),
    "softmax, unequal channels": Case(
        [conv(filters=3), conv(filters=9), conv(filters=5), weighted("per_channel", "softmax")]
    ),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
