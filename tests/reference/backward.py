"""Backward of a whole network, last layer first: from the delta of its output to those of all outputs, and gradients.

A rule gets the delta of a layer's output and gives a delta for everything that the layer read, in the order of
`sources`, and the gradients of its parameters. Batch norm works in its training form: `Setting.training` is set.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from . import backward_layers as layers
from . import backward_others as others
from . import recurrent_back as through_time
from .network import Float64s, Parameters, Row, Setting, numbers, owner
from .types import Array

Rule: TypeAlias = Callable[
    [Array, Sequence[Array], Row, Float64s, Setting], tuple[Sequence[Array], Mapping[str, Array]]
]

RULES: dict[str, Rule] = {**layers.RULES, **others.RULES, **through_time.RULES}


@dataclass
class Gradients:
    """What backward finds. Deltas and gradients are None, or missing, where nothing reaches."""

    input: Array | None = None
    deltas: dict[int, Array] = field(default_factory=dict)  # of every layer's output
    parameters: dict[tuple[int, str], Array] = field(default_factory=dict)  # shared ones: of the layer that has them

    def add(self, layer: int, delta: Array) -> None:
        """Add to the delta of a layer's output; layer −1 is the network's input."""
        if layer < 0:
            self.input = delta if self.input is None else self.input + delta
        else:
            self.deltas[layer] = self.deltas[layer] + delta if layer in self.deltas else delta


def sources(row: Row, index: int) -> list[int]:
    """The layers whose outputs a layer reads; −1 is the network's input."""
    key = {"route": "layers", "shortcut": "from", "sam": "from", "scale_channels": "from"}.get(row["kind"])
    named = [] if key is None else [k if k >= 0 else index + k for k in numbers(row[key])]
    own = [] if row["kind"] in ("route", "implicit") else [index - 1]
    return own + named


def backward(
    rows: Sequence[Row], parameters: Sequence[Parameters], x: Array, delta: Array, setting: Setting
) -> Gradients:
    """Carry the delta of the last layer's output back, after `network.forward` with the same setting."""
    found = Gradients()
    found.add(len(rows) - 1, delta)
    for index in reversed(range(len(rows))):
        if index not in found.deltas:
            continue
        row, before = rows[index], sources(rows[index], index)
        inputs = [setting.outputs[k] if k >= 0 else x for k in before]
        of = owner(row, index)
        p = {name: np.asarray(values, np.float64) for name, values in parameters[of].items()}
        deltas, gradients = RULES[row["kind"]](found.deltas[index], inputs, row, p, setting)
        for k, value in zip(before, deltas, strict=True):
            found.add(k, value)
        for name, gradient in gradients.items():
            found.parameters[of, name] = found.parameters.get((of, name), 0) + gradient
    return found
