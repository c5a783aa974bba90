"""The names, numbers and connections that OpenCV's importer gives to the parts of a darknet network.

The importer cuts a darknet layer into steps: ``[convolutional]`` with batch norm and leaky becomes ``conv_0``,
``bn_0``, ``leaky_1``. The number in a name counts the layers that are finished; an activation therefore carries the
number of the next layer. Identifiers count the steps from 1; 0 is the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .._core.layer import Layer as DarknetLayer
from ..errors import UnsupportedError

# What of a darknet layer a step shows: its output; what enters its activation; that without batch norm; the input of a
# head, channels last; the rows of a head; or a value that the engine never has.
Value = Literal["output", "linear", "raw", "permuted", "rows", "none"]

_ACTIVATIONS = {
    "leaky": "ReLU",
    "relu": "ReLU",
    "swish": "Swish",
    "mish": "Mish",
    "logistic": "Sigmoid",
    "tanh": "TanH",
}
_PLAIN = {
    "maxpool": ("pool", "Pooling"),
    "avgpool": ("avgpool", "Pooling"),
    "softmax": ("softmax", "Softmax"),
    "reorg": ("reorg", "Reorg"),
    "upsample": ("upsample", "Resize"),
    "shortcut": ("shortcut", "Eltwise"),
    "sam": ("sam", "Eltwise"),
    "scale_channels": ("scale_channels", "Scale"),
    "dropout": ("identity", "Identity"),
    "cost": ("identity", "Identity"),
}
_KEEPS_DIMENSIONS = ("dropout", "softmax", "cost", "activation")


@dataclass(slots=True)
class Step:
    """One of OpenCV's layers.

    Attributes
    ----------
    name, kind
        As OpenCV says them, kind for example ``"Convolution"``.
    layer
        Index of the darknet layer.
    value
        What of that layer it shows.
    flat
        Whether its output is (n, values) rather than (n, channels, height, width).
    used
        Whether another step reads it.
    """

    name: str
    kind: str
    layer: int
    value: Value
    flat: bool = False
    used: bool = False


@dataclass(slots=True)
class Graph:
    """Steps in the importer's order, for the layers of a network."""

    steps: list[Step] = field(default_factory=list)
    _number: int = 0
    _last: list[Step] = field(default_factory=list)  # of each darknet layer, the step that later layers read

    @classmethod
    def of(cls, layers: Sequence[DarknetLayer]) -> Graph:
        """Make the steps of all layers.

        Raises
        ------
        UnsupportedError
            If OpenCV's importer has no name for a layer.
        """
        graph = cls()
        for layer in layers:
            graph._add_layer(layer.index, layer.kind, layer.facts, layer.options.get("activation", "linear"))
        return graph

    @property
    def leaves(self) -> list[Step]:
        """Steps that no other one reads."""
        return [step for step in self.steps if not step.used]

    def find(self, name: str) -> Step:
        """Return the step of a name; of two equal ones the last."""
        for step in reversed(self.steps):
            if step.name == name:
                return step
        raise KeyError(f"there is no layer {name!r}; getLayerNames() lists them, the last is {self.steps[-1].name!r}")

    def source(self, step: Step, layers: Sequence[DarknetLayer]) -> int:
        """Index of the darknet layer whose output is that of `step`: identities only pass on another one's."""
        index = step.layer
        while step.value == "output":
            kind, facts = layers[index].kind, layers[index].facts
            if kind in ("dropout", "cost") and index > 0:
                index -= 1
            elif kind == "route" and len(_listed(facts["layers"])) == 1 and facts["groups"] == 1:
                index = _listed(facts["layers"])[0]
            else:
                break
        return index

    def _add_layer(self, index: int, kind: str, facts: dict[str, Any], activation: str) -> None:
        before = self._last[-1] if self._last else None
        first = len(self.steps)
        flat = kind == "connected" or (kind in _KEEPS_DIMENSIONS and before is not None and before.flat)
        if kind in ("convolutional", "connected"):
            self._add("conv" if kind == "convolutional" else "fullyConnected", _MATRIX[kind], index, "raw")
            if facts["batch_normalize"]:
                self._add("bn", "BatchNorm", index, "linear")
            self._number += 1
        elif kind in ("yolo", "region"):
            self._add("permute", "Permute", index, "permuted")
            self._add(f"yolo_{self._number}" if kind == "yolo" else "detection_out", "Region", index, "rows", True)
            self._number += 1
        elif kind == "route":
            flat = self._add_route(index, facts)
        elif kind == "crop":
            self._add_crop(index, bool(facts.get("noadjust")))
        elif kind in _PLAIN:
            self._add(*_PLAIN[kind], index, "linear")
            self._number += 1
        else:
            raise UnsupportedError(
                f"OpenCV's importer has no [{kind}]: load the network with pydn.load, which runs it", layer=index
            )
        if before is not None and kind != "route":
            before.used = True
        for name in ("from",) if kind in ("shortcut", "sam", "scale_channels") else ():
            for other in _listed(facts[name]):
                self._last[other].used = True
        if activation != "linear":
            self._add_activation(index, activation)
        self._close(first, flat)

    def _add(self, prefix: str, kind: str, index: int, value: Value, named: bool = False) -> None:
        self.steps.append(Step(prefix if named else f"{prefix}_{self._number}", kind, index, value))

    def _add_activation(self, index: int, activation: str) -> None:
        if activation not in _ACTIVATIONS:
            raise UnsupportedError(
                f"OpenCV's importer has no activation={activation}: load the network with pydn.load, which runs it",
                layer=index,
            )
        self._add(activation, _ACTIVATIONS[activation], index, "output")

    def _add_route(self, index: int, facts: dict[str, Any]) -> bool:
        inputs = _listed(facts["layers"])
        for other in inputs:
            self._last[other].used = True
        if facts["groups"] > 1:
            for _ in inputs:
                self._add("slice", "Slice", index, "none")
                self._number += 1
        if len(inputs) > 1:
            self._add("concat", "Concat", index, "output")
            self._number += 1
        elif facts["groups"] == 1:
            self._add("identity", "Identity", index, "output")
            self._number += 1
        return len(inputs) == 1 and self._last[inputs[0]].flat

    def _add_crop(self, index: int, as_it_is: bool) -> None:
        self._add("crop", "Slice", index, "none")
        self._number += 1
        if not as_it_is:
            self._add("adjust_crop", "Scale", index, "output")
            self._number += 1

    def _close(self, first: int, flat: bool) -> None:
        """Connect the steps of a layer: each reads the one before, later layers read the last."""
        added = self.steps[first:]
        for step in added:
            step.flat = flat
            step.used = step is not added[-1]
        if added[-1].value not in ("permuted", "rows"):
            added[-1].value = "output"
        self._last.append(added[-1])


_MATRIX = {"convolutional": "Convolution", "connected": "InnerProduct"}


def _listed(value: Any) -> list[int]:
    """Facts of one value are numbers, of several tuples."""
    return list(value) if isinstance(value, tuple) else [int(value)]
