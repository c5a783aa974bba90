"""[lstm] against its oracle."""

from .support import Case, Engine, check_calls, conv, row, table

CASES = {
    "defaults: one output": Case([row("lstm")], (5, 1, 1), batch=4, steps=2),
    "one step, one sequence": Case([row("lstm", output=5)]),
    "three steps, one sequence": Case([row("lstm", output=5)], steps=3),
    "one step, three sequences": Case([row("lstm", output=16)], batch=3),
    "three steps, three sequences": Case([row("lstm", output=33)], batch=3, steps=3),
    "batch norm": Case([row("lstm", output=6, batch_normalize=1)], batch=2, steps=3),
    "pjreddie": Case([row("lstm", output=6, batch_normalize=1)], batch=2, steps=3, dialect="pjreddie"),
    "two, between layers that know no steps": Case(
        [
            conv(filters=17, size=3, pad=1),
            row("lstm", output=6),
            row("lstm", output=7),
            row("connected", output=4, activation="linear"),
        ],
        batch=2,
        steps=3,
    ),
}


@table(CASES)
def test_calls(case: Case, engine: Engine) -> None:
    check_calls(case, engine)
