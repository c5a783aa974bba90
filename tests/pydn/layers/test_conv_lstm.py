"""[conv_lstm] against its oracle."""

from typing import Any

from .support import Case, Engine, Row, check_calls, conv, row, table, twice


def lstm(**keys: Any) -> Row:
    return row("conv_lstm", **{"size": 3, "pad": 1, "output": 4, **keys})


CASES = {
    "one channel": Case([row("conv_lstm", pad=1)], (1, 3, 4)),
    "one step, one sequence": Case([lstm()]),
    "three steps, one sequence": Case([lstm()], steps=3),
    "one step, three sequences": Case([lstm(output=17)], batch=3),
    "three steps, three sequences": Case([lstm(output=16)], batch=3, steps=3),
    "inner activation": Case([lstm(activation="leaky")], batch=2, steps=3),
    "lstm_activation": Case([lstm(lstm_activation="relu")], batch=2, steps=3),
    "batch norm": Case([lstm(batch_normalize=1)], batch=2, steps=3),
    "size 1": Case([lstm(size=1)], batch=2, steps=2),
    "groups and dilation": Case([lstm(groups=2, dilation=2)], (6, 5, 7), batch=2, steps=2),
    "peephole": Case([lstm(peephole=1, batch_normalize=1, activation="leaky")], batch=2, steps=3),
    "state_constrain: c is held after h was made": Case(
        [lstm(state_constrain=1, lstm_activation="linear")], batch=2, steps=3
    ),
    "state_constrain=0: c is free": Case([lstm(state_constrain=0)], batch=2, steps=3),
    "bottleneck": Case([lstm(bottleneck=1, activation="leaky")], (4, 5, 7), batch=2, steps=3),
    "bottleneck with peephole and batch norm": Case(
        [lstm(bottleneck=1, peephole=1, batch_normalize=1)], (4, 5, 7), batch=2, steps=2
    ),
    "bottleneck with shortcut: the first half of the channels": Case(
        [lstm(bottleneck=1, shortcut=1, output=5)], (5, 5, 7), batch=2, steps=3
    ),
    "bottleneck with shortcut, one channel has no half": Case(
        [lstm(bottleneck=1, shortcut=1, output=1)], (1, 5, 7), steps=2
    ),
    "shortcut alone changes nothing": Case([lstm(shortcut=1)], batch=2, steps=2),
    "between convolutions": Case(twice([lstm(output=16), lstm(peephole=1)]), batch=2, steps=3),
    "bottlenecks between convolutions": Case(
        twice([conv(filters=16), lstm(output=16, bottleneck=1, shortcut=1)]), batch=2, steps=3
    ),
}


@table(CASES)
def test_calls(case: Case, engine: Engine) -> None:
    check_calls(case, engine)
