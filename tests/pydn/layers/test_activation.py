"""[activation] against its oracle; test_activations.py looks at the formulas more closely."""

from typing import Any

from .support import Case, Engine, Row, check, conv, row, table, twice


def activation(name: str) -> Row:
    return row("activation", activation=name)


NAMES = """
linear logistic loggy relu relu6 elu selu gelu relie ramp tanh plse leaky stair hardtan lhtan swish mish hard_mish
revleaky normalize_channels_softmax normalize_channels_softmax_maxval
""".split()
CASES: dict[str, Any] = {
    "default: linear": Case([row("activation")], exact=True),
    **{name: Case([activation(name)], (17, 3, 4), batch=3) for name in NAMES},
    "shares of channels": Case([activation("logistic"), activation("normalize_channels")], (5, 3, 4), batch=3),
    "1x1 image": Case([activation("leaky")], (5, 1, 1)),
    "one channel": Case([activation("mish")], (1, 3, 5)),
    "after a connected layer": Case([row("connected", output=9), activation("tanh")], batch=3),
    "after an activation": Case([conv(filters=6, activation="leaky"), activation("logistic")], batch=3),
    "between convolutions": Case(twice([activation("swish")]), batch=3),
    "of an output that others read too": Case([conv(filters=6), activation("relu"), row("route", layers="-1,-2")]),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
