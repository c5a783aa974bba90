"""[dropout] against its oracle: it does nothing outside of training."""

from .support import Case, Engine, check, conv, row, table

CASES = {
    "default probability": Case([row("dropout")], exact=True),
    "everything would be dropped": Case([row("dropout", probability=1)], exact=True, batch=3),
    "between layers": Case([conv(filters=17), row("dropout", probability=0.9), conv(filters=3)], batch=3),
    "after a connected layer": Case(
        [row("connected", output=9, activation="relu"), row("dropout"), row("connected", output=4)], batch=3
    ),
    "what an earlier layer gave stays available": Case([conv(filters=5), row("dropout"), row("route", layers="-1,-2")]),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
