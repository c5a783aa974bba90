"""[rnn], [gru], [lstm], [crnn], [conv_lstm], [history]: one time step of each, and steps in order.

A part is an inner [connected] or [convolutional] layer: a function from its input to its output.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from .activations import activate
from .types import Array

Part: TypeAlias = Callable[[Array], Array]
Parts: TypeAlias = Mapping[str, Part]
States: TypeAlias = dict[str, Array]
Step: TypeAlias = Callable[[Array, States], Array]


def in_steps(x: Array, steps: int, states: States, step: Step) -> Array:
    """Rows of x are time steps of len(x) / steps sequences; `step` gets one after the other and changes the states."""
    return np.concatenate([step(rows, states) for rows in np.split(x, steps)])


def logistic(x: Array) -> Array:
    """1 / (1 + exp(−x))."""
    return activate("logistic", x)


def simple(x: Array, states: States, parts: Parts, shortcut: bool = False) -> Array:
    """s = input(x) + self(s) [+ s]; y = output(s)."""
    before = states["s"]
    states["s"] = parts["input"](x) + parts["self"](before) + (before if shortcut else 0)
    return parts["output"](states["s"])


def gru(x: Array, states: States, parts: Parts, candidate: str = "logistic") -> Array:
    """s = z·s + (1 − z)·n, z and r gates, n from x and r·s."""
    s = states["s"]
    z = logistic(parts["input_z"](x) + parts["state_z"](s))
    r = logistic(parts["input_r"](x) + parts["state_r"](s))
    n = activate(candidate, parts["input_h"](x) + parts["state_h"](r * s))
    states["s"] = z * s + (1 - z) * n
    return states["s"]


def lstm(x: Array, states: States, parts: Parts) -> Array:
    """c = f·c + i·g; h = o·tanh(c)."""
    h = states["h"]
    f, i, o = (logistic(parts["w" + gate](h) + parts["u" + gate](x)) for gate in "fio")
    states["c"] = f * states["c"] + i * np.tanh(parts["wg"](h) + parts["ug"](x))
    states["h"] = o * np.tanh(states["c"])
    return states["h"]


def conv_lstm(x: Array, states: States, parts: Parts, k: str, limit: float) -> Array:
    """As lstm, with k for tanh; where there are vf, vi, vo, these gates also look at c (o: at the new one)."""

    def seen(gate: str, c: Array) -> Array:
        inner = parts["w" + gate](states["h"]) + parts["u" + gate](x)
        return inner + parts["v" + gate](c) if "v" + gate in parts else inner

    f, i, g = logistic(seen("f", states["c"])), logistic(seen("i", states["c"])), activate(k, seen("g", states["c"]))
    c = f * states["c"] + i * g
    o = logistic(seen("o", c))
    states["h"] = o * activate(k, c)
    states["c"] = np.clip(c, -limit, limit) if limit else c
    return states["h"]


def conv_lstm_bottleneck(x: Array, states: States, parts: Parts, k: str, limit: float, shortcut: bool) -> Array:
    """The gates see only b = k(wf(h, x)); with a shortcut the first half of b's channels is added to what comes out."""
    b = activate(k, parts["wf"](np.concatenate([states["h"], x], axis=1)))

    def seen(gate: str, c: Array) -> Array:
        inner = parts["u" + gate](b)
        return inner + parts["v" + gate](c) if "v" + gate in parts else inner

    f, i, g = logistic(seen("f", states["c"])), logistic(seen("i", states["c"])), activate(k, seen("g", states["c"]))
    c = f * states["c"] + i * g
    states["h"] = logistic(seen("o", c)) * activate(k, c)
    states["c"] = np.clip(c, -limit, limit) if limit else c
    y = states["h"].copy()
    if shortcut:
        half = y.shape[1] // 2
        y[:, :half] += b[:, :half]
    return y


def history(x: Array, states: States) -> Array:
    """The image, then those before it, the newest first; as many as the state has room for."""
    y = np.concatenate([x, states["before"]], axis=1)
    states["before"] = y[:, : states["before"].shape[1]]
    return y


# ---- what a section's keys mean

KINDS = {"rnn", "gru", "lstm", "crnn", "conv_lstm", "history"}
SPATIAL = {"crnn", "conv_lstm"}
Row: TypeAlias = Mapping[str, Any]


def widths(row: Row, dialect: str) -> tuple[int, int]:
    """Channels of the output and of the state."""
    names = (
        ("output_filters", "hidden_filters")
        if row["kind"] == "crnn" and dialect == "pjreddie"
        else ("output", "hidden")
    )
    outputs = int(row.get(names[0], 1))
    has_hidden = row["kind"] == "crnn" or (row["kind"] == "rnn" and dialect == "alexeyab")
    return outputs, int(row.get(names[1], 1)) if has_hidden else outputs


def part_names(row: Row, dialect: str) -> list[str]:
    """The inner layers in the order of the weights file."""
    kind, pjreddie = row["kind"], dialect == "pjreddie"
    if kind in ("rnn", "crnn"):
        return ["input", "self", "output"]
    if kind == "gru":
        return [f"{of}_{gate}" for of in (("state", "input") if pjreddie else ("input", "state")) for gate in "zrh"]
    if kind == "lstm":
        return [of + gate for of in "wu" for gate in ("ifog" if pjreddie else "figo")]
    if kind == "history":
        return []
    peephole = ["vf", "vi", "vo"] if row.get("peephole", 0) else []
    return [*peephole, *(["wf"] if row.get("bottleneck", 0) else ["wf", "wi", "wg", "wo"]), "uf", "ui", "ug", "uo"]


def part_sizes(row: Row, x: tuple[int, ...], dialect: str) -> list[tuple[str, int, int]]:
    """Name, inputs (channels, or values of a row) and outputs of every inner layer; x is the shape of the input."""
    inputs = x[1] if row["kind"] in SPATIAL else int(np.prod(x[1:]))
    outputs, hidden = widths(row, dialect)
    wide = 2 * outputs if row.get("bottleneck", 0) else outputs
    if row["kind"] in ("rnn", "crnn"):
        return [("input", inputs, hidden), ("self", hidden, hidden), ("output", hidden, outputs)]
    first = {"i": inputs, "u": inputs, "s": outputs, "w": wide, "v": outputs}
    return [(name, first[name[0]], outputs) for name in part_names(row, dialect)]


def part_row(row: Row, name: str, dialect: str) -> Row:
    """An inner layer's own section."""
    kind = row["kind"]
    activation = {"rnn": "logistic", "crnn": "logistic"}.get(kind, "linear")
    if kind not in ("gru", "lstm"):
        activation = row.get("activation", activation)
    if kind == "rnn" and name == "self" and dialect == "alexeyab":
        activation = {1: "logistic", 2: "loggy"}.get(row.get("logistic", 0), activation)
    window = {key: row[key] for key in ("size", "pad", "padding", "dilation", "groups", "xnor") if key in row}
    fixed = {"size": 3, "pad": 1} if kind == "crnn" and dialect == "pjreddie" else {"size": 3, **window}
    return {"activation": activation, "batch_normalize": row.get("batch_normalize", 0), **fixed}


def state_shapes(row: Row, x: tuple[int, ...], steps: int, dialect: str) -> dict[str, tuple[int, ...]]:
    """The states, which are zero at first."""
    sequences, kind = x[0] // steps, row["kind"]
    if kind == "history":
        return {"before": (sequences, (row.get("history_size", 4) - 1) * x[1], *x[2:])}
    shape = (sequences, widths(row, dialect)[1], *(x[2:] if kind in SPATIAL else (1, 1)))
    return dict.fromkeys({"rnn": "s", "crnn": "s", "gru": "s"}.get(kind, "hc"), shape)


def step_of(row: Row, parts: Parts, dialect: str, limit: float) -> Step:
    """What one time step computes."""
    kind, k, shortcut = row["kind"], row.get("lstm_activation", "tanh"), bool(row.get("shortcut", 0))
    candidate = "tanh" if row.get("tanh", 0) and dialect == "pjreddie" else "logistic"
    if kind == "conv_lstm" and row.get("bottleneck", 0):
        return lambda x, states: conv_lstm_bottleneck(x, states, parts, k, limit, shortcut)
    steps: dict[str, Step] = {
        "rnn": lambda x, states: simple(x, states, parts, shortcut),
        "crnn": lambda x, states: simple(x, states, parts, shortcut),
        "gru": lambda x, states: gru(x, states, parts, candidate),
        "lstm": lambda x, states: lstm(x, states, parts),
        "conv_lstm": lambda x, states: conv_lstm(x, states, parts, k, limit),
        "history": history,
    }
    return steps[kind]
