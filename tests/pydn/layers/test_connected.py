"""[connected] against its oracle."""

from typing import Any

from .support import Case, Engine, Row, check, conv, row, table


def connected(**keys: Any) -> Row:
    return row("connected", **{"activation": "linear", **keys})


CASES = {
    "defaults: one output, logistic": Case([row("connected")]),
    "one input, one output": Case([connected(output=1)], (1, 1, 1)),
    "one input, 17 outputs": Case([connected(output=17)], (1, 1, 1), batch=3),
    "33 inputs, 32 outputs": Case([connected(output=32)], (33, 1, 1), batch=3),
    "32 inputs, 33 outputs": Case([connected(output=33)], (32, 1, 1)),
    "an image, in the order channel, row, column": Case([connected(output=5)], (3, 5, 7), batch=3),
    "leaky": Case([connected(output=20, activation="leaky")], batch=3),
    "batch norm": Case([connected(output=20, batch_normalize=1)], batch=3),
    "batch norm and relu": Case([connected(output=9, batch_normalize=1, activation="relu")]),
    "batch norm of pjreddie": Case([connected(output=9, batch_normalize=1)], dialect="pjreddie"),
    "after a convolution of 17 filters: blocks are unfolded": Case(
        [conv(filters=17, size=3, pad=1), connected(output=10)], batch=3
    ),
    "three in a row": Case(
        [connected(output=33, activation="relu"), connected(output=17, activation="tanh"), connected(output=4)], batch=3
    ),
    "batch of 9": Case([connected(output=13)], (3, 4, 4), batch=9),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
