"""[crnn] against its oracle."""

from typing import Any

from .support import Case, Engine, Row, check_calls, row, table, twice


def crnn(**keys: Any) -> Row:
    return row("crnn", **{"size": 3, "pad": 1, "output": 4, "hidden": 5, "activation": "tanh", **keys})


CASES = {
    "one channel": Case([row("crnn", pad=1)], (1, 3, 4)),
    "one step, one sequence": Case([crnn()]),
    "three steps, one sequence": Case([crnn()], steps=3),
    "one step, three sequences": Case([crnn(output=17, hidden=16)], batch=3),
    "three steps, three sequences": Case([crnn(output=16, hidden=17)], batch=3, steps=3),
    "batch norm": Case([crnn(batch_normalize=1)], batch=2, steps=3),
    "shortcut: the old state stays": Case([crnn(shortcut=1)], batch=2, steps=3),
    "size 1": Case([crnn(size=1)], batch=2, steps=2),
    "size 5, by padding": Case([crnn(size=5, pad=0, padding=2)], batch=2, steps=2),
    "dilation": Case([crnn(dilation=2)], batch=2, steps=2),
    "groups": Case([crnn(groups=2, hidden=6)], (4, 5, 7), batch=2, steps=2),
    "xnor": Case([crnn(xnor=1, activation="linear")], batch=2, steps=2),
    "pjreddie: two keys of its own, always 3 by 3": Case(
        [row("crnn", output_filters=4, hidden_filters=6, activation="relu", batch_normalize=1)],
        batch=2,
        steps=3,
        dialect="pjreddie",
    ),
    "between convolutions": Case(twice([crnn(output=16, hidden=16), crnn()]), batch=2, steps=3),
}


@table(CASES)
def test_calls(case: Case, engine: Engine) -> None:
    check_calls(case, engine)
