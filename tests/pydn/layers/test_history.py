"""[history] against its oracle."""

from .support import Case, Engine, check_calls, conv, row, table, twice

CASES = {
    "four images": Case([row("history")], exact=True),
    "one image: nothing changes": Case([row("history", history_size=1)], batch=2, steps=2, exact=True),
    "three steps, three sequences": Case([row("history", history_size=3)], batch=3, steps=3, exact=True),
    "longer than a call": Case([row("history", history_size=6)], batch=2, steps=2, exact=True),
    "values without rows and columns": Case(
        [row("connected", output=5, activation="linear"), row("history", history_size=2)], batch=2, steps=3
    ),
    "between convolutions": Case(twice([conv(filters=16), row("history", history_size=3)]), batch=2, steps=3),
}


@table(CASES)
def test_calls(case: Case, engine: Engine) -> None:
    check_calls(case, engine)
