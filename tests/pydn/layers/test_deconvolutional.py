"""[deconvolutional] against its oracle."""

from typing import Any

from .support import Case, Engine, Row, check, conv, row, table, twice


def deconv(**keys: Any) -> Row:
    return row("deconvolutional", **{"activation": "linear", **keys})


CASES = {
    "defaults: one filter of 1x1, logistic": Case([row("deconvolutional")]),
    "1x1 image": Case([deconv(filters=3, size=3)], (2, 1, 1)),
    "one channel to one filter": Case([deconv(size=3)], (1, 4, 5)),
    "stride as wide as the window: no overlap": Case([deconv(filters=4, size=2, stride=2)], (3, 4, 5), batch=3),
    "overlap": Case([deconv(filters=4, size=4, stride=2, padding=1)], (3, 4, 5), batch=3),
    "stride above size: holes keep the bias": Case([deconv(filters=2, size=2, stride=3)], (3, 4, 5)),
    "stride 1": Case([deconv(filters=5, size=3)], (3, 6, 4)),
    "pad 1: size/2 on every side": Case([deconv(filters=5, size=5, stride=2, pad=1)], (3, 6, 4)),
    "pad 1 outweighs padding": Case([deconv(filters=5, size=3, stride=2, pad=1, padding=0)], (3, 6, 4)),
    "padding above size: whole stamps are lost": Case([deconv(filters=2, size=2, stride=2, padding=3)], (3, 6, 7)),
    "one row": Case([deconv(filters=2, size=3, stride=2)], (3, 1, 9)),
    "batch norm": Case([deconv(filters=6, size=2, stride=2, batch_normalize=1, activation="leaky")], batch=3),
    "batch norm of pjreddie": Case(
        [deconv(filters=6, size=2, stride=2, batch_normalize=1, activation="relu")], dialect="pjreddie"
    ),
    "17 channels to 20 filters": Case([deconv(filters=20, size=3, stride=2, activation="mish")], (17, 4, 3), batch=3),
    "channels normalised": Case([deconv(filters=4, size=2, stride=2, activation="normalize_channels_softmax")]),
    "between convolutions": Case(twice([deconv(filters=7, size=2, stride=2, batch_normalize=1)]), batch=3),
    "output that others read too": Case([deconv(filters=4, size=3, pad=1), conv(), row("route", layers="-1,-2")]),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
