"""[rnn] against its oracle."""

from .support import Case, Engine, check_calls, conv, row, table

CASES = {
    "defaults: one output, one hidden value": Case([row("rnn")], (5, 1, 1), batch=4, steps=2),
    "one step, one sequence": Case([row("rnn", output=5, hidden=4, activation="tanh")]),
    "three steps, one sequence": Case([row("rnn", output=5, hidden=4, activation="tanh")], steps=3),
    "one step, three sequences": Case([row("rnn", output=5, hidden=4, activation="leaky")], batch=3),
    "three steps, three sequences": Case([row("rnn", output=17, hidden=33, activation="tanh")], batch=3, steps=3),
    "batch norm": Case([row("rnn", output=6, hidden=16, activation="tanh", batch_normalize=1)], batch=2, steps=3),
    "shortcut: the old state stays": Case([row("rnn", output=4, hidden=5, activation="tanh", shortcut=1)], steps=3),
    "linear": Case([row("rnn", output=4, hidden=5, activation="linear")], batch=2, steps=2),
    "logistic=1 is for the state alone": Case(
        [row("rnn", output=4, hidden=5, activation="linear", logistic=1)], batch=2, steps=2
    ),
    "logistic=2 is loggy": Case([row("rnn", output=4, hidden=5, activation="linear", logistic=2)], steps=2),
    "pjreddie: as many hidden values as outputs": Case(
        [row("rnn", output=4, hidden=9, activation="tanh", batch_normalize=1)], batch=3, steps=3, dialect="pjreddie"
    ),
    "pjreddie: no key logistic": Case(
        [row("rnn", output=4, activation="linear", shortcut=1)], batch=2, steps=2, dialect="pjreddie"
    ),
    "two, between layers that know no steps": Case(
        [
            conv(filters=17, size=3, pad=1),
            row("rnn", output=6, hidden=5, activation="tanh"),
            row("rnn", output=9, hidden=16, activation="relu"),
            row("connected", output=4, activation="linear"),
            row("softmax"),
        ],
        batch=2,
        steps=3,
    ),
}


@table(CASES)
def test_calls(case: Case, engine: Engine) -> None:
    check_calls(case, engine)
