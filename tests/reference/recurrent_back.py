"""Backward through time of [rnn], [gru], [lstm], [crnn], [conv_lstm] and [history].

A step's rule gets the delta of what the step gave out, its input, the states before it and the deltas of the states
after it; it computes the step again and gives the deltas of its input and of the states before. Those of the states
before the first step lead nowhere: what lasts from one mini-batch to the next is a constant.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from . import backward_layers as layers
from . import recurrent as unrolled
from .activations import activate, activate_back
from .network import Float64s, Row, Setting, connected, convolutional
from .recurrent import States, logistic
from .types import Array

StepBack: TypeAlias = Callable[["Parts", Array, Array, States, States], tuple[Array, States]]


class Parts:
    """The inner layers; gradients of their parameters add up over the steps."""

    def __init__(self, row: Row, p: Float64s, setting: Setting) -> None:
        self.row, self.p, self.setting = row, p, setting
        self.names = unrolled.part_names(row, setting.dialect)
        self.spatial = row["kind"] in unrolled.SPATIAL
        self.gradients: dict[str, Array] = {}

    def _of(self, name: str) -> tuple[Row, Float64s]:
        own = {key.partition(".")[2]: values for key, values in self.p.items() if key.startswith(name + ".")}
        return unrolled.part_row(self.row, name, self.setting.dialect), own

    def forward(self, name: str, x: Array) -> Array:
        """Output of a part."""
        return (convolutional if self.spatial else connected)(x, *self._of(name), self.setting)

    def back(self, name: str, delta: Array, x: Array) -> Array:
        """Delta of a part's input."""
        (dx,), gradients = (layers.convolutional if self.spatial else layers.connected)(
            delta, [x], *self._of(name), self.setting
        )
        for key, gradient in gradients.items():
            self.gradients[f"{name}.{key}"] = self.gradients.get(f"{name}.{key}", 0) + gradient
        return dx


def logistic_back(delta: Array, y: Array) -> Array:
    """Delta of x, from that of y = logistic(x)."""
    return delta * y * (1 - y)


def simple_back(parts: Parts, delta: Array, x: Array, before: States, after: States) -> tuple[Array, States]:
    shortcut, s = bool(parts.row.get("shortcut", 0)), before["s"]
    new = parts.forward("input", x) + parts.forward("self", s) + (s if shortcut else 0)
    ds = after["s"] + parts.back("output", delta, new)
    return parts.back("input", ds, x), {"s": parts.back("self", ds, s) + (ds if shortcut else 0)}


def gru_back(parts: Parts, delta: Array, x: Array, before: States, after: States) -> tuple[Array, States]:
    candidate = "tanh" if parts.row.get("tanh", 0) and parts.setting.dialect == "pjreddie" else "logistic"
    s = before["s"]
    z, r = (logistic(parts.forward("input_" + k, x) + parts.forward("state_" + k, s)) for k in "zr")
    inner = parts.forward("input_h", x) + parts.forward("state_h", r * s)
    ds = after["s"] + delta
    dn = activate_back(candidate, ds * (1 - z), inner)
    dz = logistic_back(ds * (s - activate(candidate, inner)), z)
    kept = parts.back("state_h", dn, r * s)  # delta of r · s
    dr = logistic_back(kept * s, r)
    dx = parts.back("input_h", dn, x) + parts.back("input_z", dz, x) + parts.back("input_r", dr, x)
    return dx, {"s": ds * z + kept * r + parts.back("state_z", dz, s) + parts.back("state_r", dr, s)}


class Gates:
    """The gates of an lstm; the candidate and what is seen of the cell go through the activation `k`."""

    def __init__(self, parts: Parts, k: str, c: Array, terms: Callable[[str], Array]) -> None:
        self.parts, self.k, self.before = parts, k, c
        self.peephole = "vf" in parts.names

        def seen(gate: str, cell: Array) -> Array:
            return terms(gate) + (parts.forward("v" + gate, cell) if self.peephole else 0)

        self.f, self.i = logistic(seen("f", c)), logistic(seen("i", c))
        self.inner = terms("g")
        self.c = self.f * c + self.i * activate(k, self.inner)
        self.o = logistic(seen("o", self.c))

    def back(self, dh: Array, dc: Array) -> tuple[dict[str, Array], Array]:
        """Deltas of what f, i, g, o add up, and of the cell before; from those of h and of the cell after."""
        parts = self.parts
        deltas = {"o": logistic_back(dh * activate(self.k, self.c), self.o)}
        dc = dc + activate_back(self.k, dh * self.o, self.c)
        if self.peephole:
            dc = dc + parts.back("vo", deltas["o"], self.c)
        deltas["f"] = logistic_back(dc * self.before, self.f)
        deltas["i"] = logistic_back(dc * activate(self.k, self.inner), self.i)
        deltas["g"] = activate_back(self.k, dc * self.i, self.inner)
        before = dc * self.f
        if self.peephole:
            before = before + parts.back("vf", deltas["f"], self.before) + parts.back("vi", deltas["i"], self.before)
        return deltas, before


def held_back(parts: Parts, dc: Array, c: Array) -> Array:
    """Nothing goes back where state_constrain cut the cell."""
    limit = parts.row.get("state_constrain", 32 * parts.setting.steps) if parts.spatial else 0
    return np.where(np.abs(c) <= limit, dc, 0) if limit else dc


def lstm_back(parts: Parts, delta: Array, x: Array, before: States, after: States) -> tuple[Array, States]:
    """Of [lstm], and of [conv_lstm] without a bottleneck."""
    k = parts.row.get("lstm_activation", "tanh") if parts.spatial else "tanh"
    h = before["h"]
    gates = Gates(parts, k, before["c"], lambda gate: parts.forward("w" + gate, h) + parts.forward("u" + gate, x))
    deltas, dc = gates.back(delta + after["h"], held_back(parts, after["c"], gates.c))
    dx = sum((parts.back("u" + gate, of, x) for gate, of in deltas.items()), start=np.zeros_like(x))
    dh = sum((parts.back("w" + gate, of, h) for gate, of in deltas.items()), start=np.zeros_like(h))
    return dx, {"h": dh, "c": dc}


def bottleneck_back(parts: Parts, delta: Array, x: Array, before: States, after: States) -> tuple[Array, States]:
    k, h = parts.row.get("lstm_activation", "tanh"), before["h"]
    both = np.concatenate([h, x], axis=1)
    inner = parts.forward("wf", both)
    b = activate(k, inner)
    gates = Gates(parts, k, before["c"], lambda gate: parts.forward("u" + gate, b))
    deltas, dc = gates.back(delta + after["h"], held_back(parts, after["c"], gates.c))
    db = sum((parts.back("u" + gate, of, b) for gate, of in deltas.items()), start=np.zeros_like(b))
    if parts.row.get("shortcut", 0):
        half = delta.shape[1] // 2
        db[:, :half] += delta[:, :half]
    back = parts.back("wf", activate_back(k, db, inner), both)
    return back[:, h.shape[1] :], {"h": back[:, : h.shape[1]], "c": dc}


def history_back(parts: Parts, delta: Array, x: Array, before: States, after: States) -> tuple[Array, States]:
    whole = delta.copy()
    whole[:, : after["before"].shape[1]] += after["before"]
    return whole[:, : x.shape[1]], {"before": whole[:, x.shape[1] :]}


STEPS: dict[str, StepBack] = {
    "rnn": simple_back,
    "crnn": simple_back,
    "gru": gru_back,
    "lstm": lstm_back,
    "conv_lstm": lstm_back,
    "history": history_back,
}


def through_time(
    delta: Array, x: Array, row: Row, p: Float64s, setting: Setting, states: Mapping[str, Array]
) -> tuple[Array, Mapping[str, Array]]:
    """Deltas of all inputs and gradients of the parts; `states`: before the first step."""
    parts = Parts(row, p, setting)
    limit = row.get("state_constrain", 32 * setting.steps)
    step = unrolled.step_of(row, {name: _forward(parts, name) for name in parts.names}, setting.dialect, limit)
    step_back = bottleneck_back if row.get("bottleneck", 0) else STEPS[row["kind"]]
    inputs, now, before = np.split(x, setting.steps), dict(states), []
    for rows in inputs:
        before.append(dict(now))
        step(rows, now)
    carried = {name: np.zeros_like(value) for name, value in now.items()}
    dx = []
    for rows, of, old in zip(reversed(inputs), reversed(np.split(delta, setting.steps)), reversed(before), strict=True):
        one, carried = step_back(parts, of, rows, old, carried)
        dx.append(one)
    return np.concatenate(dx[::-1]), parts.gradients


def _forward(parts: Parts, name: str) -> unrolled.Part:
    return lambda x: parts.forward(name, x)


def recurrent(
    delta: Array, inputs: Sequence[Array], row: Row, p: Float64s, setting: Setting
) -> tuple[Sequence[Array], Mapping[str, Array]]:
    """The rule of a first mini-batch, whose states begin with zeros."""
    shapes = unrolled.state_shapes(row, inputs[0].shape, setting.steps, setting.dialect)
    states = {name: np.zeros(shape) for name, shape in shapes.items()}
    dx, gradients = through_time(delta, inputs[0], row, p, setting, states)
    return [dx], gradients


RULES = dict.fromkeys(unrolled.KINDS, recurrent)
