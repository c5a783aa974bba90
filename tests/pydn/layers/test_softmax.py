"""[softmax] against its oracle."""

from typing import Any

import numpy as np

from .support import Case, Engine, Row, check, conv, row, table

TREE = b"animal -1\nvehicle -1\ncat 0\ndog 0\nbird 0\ncar 1\nbus 1\nterrier 3\nhound 3\npug 3\n"


def softmax(**keys: Any) -> Row:
    return row("softmax", **keys)


CASES = {
    "over all values of an image": Case([softmax()], batch=3),
    "a single value: 1": Case([softmax()], (1, 1, 1)),
    "1000 classes": Case([softmax()], (1000, 1, 1), batch=3),
    "temperature above 1 flattens": Case([softmax(temperature=2.5)], (17, 1, 1)),
    "temperature below 1 sharpens": Case([softmax(temperature=0.1)], (17, 1, 1), batch=3),
    "groups": Case([softmax(groups=3)], (3, 5, 7), batch=3),
    "groups across channels": Case([softmax(groups=5)], (2, 1, 10)),
    "groups with temperature": Case([softmax(groups=4, temperature=3)], (32, 1, 1)),
    "tree": Case([softmax(tree="classes.tree")], (10, 1, 1), batch=3, files={"classes.tree": TREE}),
    "tree with temperature": Case(
        [softmax(tree="classes.tree", temperature=2)], (10, 1, 1), files={"classes.tree": TREE}
    ),
    "spatial: over the channels at every place": Case([softmax(spatial=1)], (5, 3, 4), batch=3),
    "spatial, 17 channels, temperature": Case([softmax(spatial=1, temperature=0.5)], (17, 3, 4)),
    "spatial is not acted upon by pjreddie": Case([softmax(spatial=1)], (5, 3, 4), dialect="pjreddie"),
    "after a classifier's layers": Case(
        [conv(filters=17, size=3, pad=1), row("avgpool"), softmax()], (3, 6, 6), batch=3
    ),
    "after a connected layer": Case([row("connected", output=33, activation="linear"), softmax(groups=3)], batch=3),
    "after a convolution, spatial": Case([conv(filters=20), softmax(spatial=1)], batch=3),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)


def test_large_values(engine: Engine) -> None:
    """Values whose exponential is no float give a plain answer."""
    net = Case([softmax()], (4, 1, 1)).load(engine, "all", "none")
    x = np.array([1000, -1000, 1000, 500], np.float32).reshape(1, 4, 1, 1)
    np.testing.assert_array_equal(net.forward(x)[0].ravel(), [0.5, 0, 0.5, 0])
