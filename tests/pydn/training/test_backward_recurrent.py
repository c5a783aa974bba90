"""Backward through time of a first mini-batch: oracle beside central differences, every engine beside the oracle.

test_recurrent.py has what lasts from one mini-batch to the next."""

from typing import Any

from .backward import Backward, Engine, backward_table, check_differences, check_engine, conv, row


def through(*rows: Any, steps: int = 3, shape: tuple[int, int, int] = (2, 2, 3), **keys: Any) -> Backward:
    return Backward(rows, shape, steps=steps, steps_per_unit=64, **keys)


LSTM: dict[str, Any] = {"size": 3, "pad": 1, "output": 2, "lstm_activation": "tanh"}
CRNN: dict[str, Any] = {"size": 3, "pad": 1, "activation": "tanh"}
CASES = {
    "rnn": through(row("rnn", output=3, hidden=2, activation="tanh")),
    "rnn, logistic": through(row("rnn", output=3, hidden=4, activation="leaky", logistic=1)),
    "rnn, loggy": through(row("rnn", output=2, hidden=3, activation="tanh", logistic=2)),
    "rnn, shortcut": through(row("rnn", output=3, hidden=2, activation="logistic", shortcut=1)),
    "rnn, pjreddie": through(row("rnn", output=3, activation="tanh"), dialect="pjreddie"),
    "rnn, two": through(row("rnn", output=3, hidden=2, activation="tanh"), row("rnn", output=2, hidden=3)),
    "rnn, one step": through(row("rnn", output=3, hidden=2, activation="tanh"), steps=1),
    "crnn": through(row("crnn", output=3, hidden=2, **CRNN)),
    "crnn, shortcut": through(row("crnn", output=2, hidden=3, shortcut=1, **CRNN)),
    "crnn, batch norm": through(row("crnn", output=2, hidden=3, batch_normalize=1, **CRNN), batch=4),
    "crnn, pjreddie": through(row("crnn", output_filters=2, hidden_filters=3, activation="tanh"), dialect="pjreddie"),
    "gru": through(row("gru", output=3)),
    "gru, pjreddie": through(row("gru", output=3, tanh=1), dialect="pjreddie"),
    "lstm": through(row("lstm", output=3)),
    "lstm, pjreddie": through(row("lstm", output=2), row("lstm", output=3), dialect="pjreddie"),
    "conv_lstm": through(row("conv_lstm", **LSTM)),
    "conv_lstm, batch norm": through(row("conv_lstm", **LSTM, batch_normalize=1), batch=4),
    "conv_lstm, peephole": through(row("conv_lstm", **LSTM, peephole=1, activation="tanh")),
    "conv_lstm, leaky": through(row("conv_lstm", **{**LSTM, "lstm_activation": "leaky"}, peephole=1)),
    "conv_lstm, bottleneck": through(row("conv_lstm", **LSTM, bottleneck=1)),
    "conv_lstm, bottleneck, shortcut, peephole": through(
        row("conv_lstm", **LSTM, bottleneck=1, shortcut=1, peephole=1)
    ),
    "conv_lstm, held": through(row("conv_lstm", **{**LSTM, "lstm_activation": "linear"}, state_constrain=1)),
    "history": through(row("history", history_size=3), conv(filters=2, size=3, pad=1, activation="tanh")),
    "history of few steps": through(row("history", history_size=4), conv(filters=2, size=1), steps=2),
    "history, then lstm": through(row("history", history_size=2), row("lstm", output=2)),
}  # fmt: skip


@backward_table(CASES)
def test_oracle(case: Backward) -> None:
    check_differences(case)


@backward_table(CASES)
def test_backward(case: Backward, engine: Engine) -> None:
    check_engine(case, engine)
