"""The shape of a test of backward: oracle beside central differences, then every engine beside the oracle.

A case is a network of a few layers, the first of which (`Backward` puts it there) is a convolution of size 1 whose
weights are the identity: what the next layer reads is the case's input to the last bit, and the delta of that
convolution is the delta of what the layer read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pydn._core.training import TrainingNetwork

from ...reference import backward as oracle
from ...reference import network
from ...reference.differences import apart, directions, slope
from ...reference.network import Parameters, Setting
from ...reference.types import Array
from ..layers.support import Case, Engine, Row, conv, row

DIFFERENCE = 1e-6
"""Of a slope by central differences: its error is 1e-10 by the square of the step, and as much by float64's digits."""

ROUNDING = 5e-6
"""Of an engine's value, in units of the largest value of the tensor. A value is a sum of up to 2000 products of factors
that are sums themselves; float32 rounds each to 6e-8 of itself, and such errors add up as the root of their number:
6e-8 · √2000 = 3e-6."""


@dataclass
class Backward(Case):
    """A case whose last layer's output is pulled at: its delta is given, all others follow."""

    batch: int = 2
    steps_per_unit: int = 32  # the input reaches as far as its values, so far apart, need
    rounding: float = ROUNDING
    fixed: Mapping[tuple[int, str], Any] = field(default_factory=dict)  # parameters that are not by chance

    def __post_init__(self) -> None:
        """Put the identity before the layers."""
        self.rows = [conv(filters=self.shape[0]), *self.rows]

    @property
    def cfg(self) -> bytes:
        """The network as a cfg file, with its mini-batch."""
        return super().cfg.replace(b"[net]", f"[net]\nbatch={self.batch}".encode(), 1)

    @cached_property
    def x(self) -> NDArray[np.float32]:
        """The input: no two values are equal, none is at the corner of a formula."""
        return apart((self.batch * self.steps, *self.shape), self.steps_per_unit).astype(np.float32)

    @cached_property
    def parameters(self) -> list[dict[str, NDArray[np.float32]]]:
        """By chance, but for the first layer and what is fixed."""
        layers: list[dict[str, NDArray[np.float32]]] = Case.parameters.func(self)  # type: ignore[attr-defined]
        layers[0]["biases"][...] = 0
        layers[0]["weights"][...] = np.eye(self.shape[0])[:, :, None, None]
        for (layer, name), value in self.fixed.items():
            layers[layer][name][...] = value
        return layers

    def setting(self, fused: bool = False) -> Setting:
        """What stands around the layers of the oracle in training."""
        return Setting(self.dialect, fused, self.files, steps=self.steps, training=True)

    def delta_of(self, shape: tuple[int, ...]) -> Array:
        """Minus the gradient of the loss by the last output."""
        return np.random.default_rng(6).normal(size=shape).astype(np.float32).astype(np.float64)

    def forward(self, x: Array, parameters: list[Parameters]) -> Array:
        """The oracle's last output."""
        return network.forward(self.rows, parameters, x, self.setting())[-1]

    def backward(self, *, as_darknet: bool) -> oracle.Gradients:
        """What the oracle carries back."""
        setting = self.setting()
        setting.as_darknet = as_darknet
        x = self.x.astype(np.float64)
        y = network.forward(self.rows, self.parameters, x, setting)[-1]
        return oracle.backward(self.rows, self.parameters, x, self.delta_of(y.shape), setting)

    @cached_property
    def carried(self) -> oracle.Gradients:
        """What engines carry back."""
        return self.backward(as_darknet=True)

    @cached_property
    def read_again(self) -> "Backward":
        """The same layers, and a last one that reads their output and, once more, what they read.

        Whatever carries deltas to the first layer finds something there already, and must add to it.
        """
        return replace(self, rows=[*self.rows[1:], row("route", layers="-1,0")])


def backward_table(cases: Mapping[str, Backward]) -> Callable[[Any], Any]:
    """Run a test once per row; its id is the reason why the row is there."""
    return pytest.mark.parametrize("case", list(cases.values()), ids=list(cases))


def check_differences(case: Backward) -> None:
    """The oracle's backward is the derivative of its forward, by the input and by every parameter."""
    found, x = case.backward(as_darknet=False), case.x.astype(np.float64)
    delta = case.delta_of(case.forward(x, case.parameters).shape)  # type: ignore[arg-type]
    if found.input is not None:
        compare(lambda values: case.forward(values, case.parameters), x, delta, found.input, "the input")  # type: ignore[arg-type]
    assert found.parameters
    for (layer, name), gradient in found.parameters.items():
        values = case.parameters[layer][name].astype(np.float64)

        def output(changed: Array, layer: int = layer, name: str = name) -> Array:
            others: list[Parameters] = [*case.parameters]
            others[layer] = {**others[layer], name: changed}
            return case.forward(x, others)

        compare(output, values, delta, gradient, f"layer {layer} {name}")


def compare(function: Callable[[Array], Array], values: Array, delta: Array, gradient: Array, what: str) -> None:
    """The gradient's product with a direction is the slope in that direction."""
    assert gradient.shape == values.shape, what
    y = function(values)
    for direction in directions(values.shape):
        expected = slope(function, y, values, delta, direction)
        size = float(np.abs(gradient * direction).sum()) + float(np.abs(delta).sum()) * 1e-3
        assert abs(float((gradient * direction).sum()) - expected) <= DIFFERENCE * size, what


def plain(keys: Row) -> bool:
    """Whether the delta that a layer shows is that of its output."""
    return (
        keys["kind"] == "convolutional"
        and keys.get("activation") == "linear"
        and not keys.get("batch_normalize", 0)
        and not keys.get("antialiasing", 0)
    )


def check_engine(case: Backward, engine: Engine) -> None:
    """Deltas and gradients of a mini-batch are the oracle's, and those of a second one are added to the gradients.

    Once with the buffers of deltas shared and layers fused, once with all outputs kept and deltas added to others.
    """
    check_mini_batches(case, engine, "heads")
    check_mini_batches(case.read_again, engine, "all")


def check_mini_batches(case: Backward, engine: Engine, outputs: str) -> None:
    """Deltas, where `outputs` keeps them, and gradients of two mini-batches."""
    expected = case.carried
    net = training_network(case, engine, outputs)
    for times in (1, 2):
        mini_batch(net, case)
        for (layer, name), gradient in expected.parameters.items():
            found = net.gradient(layer, name)
            assert found is not None, f"layer {layer} {name} does not learn"
            what, size = f"{outputs}: layer {layer} {name}", size_of(case, layer, name)
            assert_close(found, times * gradient, case.rounding, what, size)
        for layer, delta in expected.deltas.items() if outputs == "all" else ():
            if plain(case.rows[layer]):
                found = net.delta(layer)
                assert found is not None, f"layer {layer}"
                assert_close(found, delta, case.rounding, f"delta of layer {layer}")


def mini_batch(net: TrainingNetwork, case: Backward) -> None:
    """Forward from states of zeros, the case's delta into the last layer, backward."""
    net.reset_state()
    y = net.forward(case.x)[-1]
    last = net.delta(len(net.layers) - 1)
    assert last is not None
    last[...] = case.delta_of(y.shape).reshape(last.shape)
    net.backward()


def training_network(case: Backward, engine: Engine, outputs: str) -> TrainingNetwork:
    """In training form, with the case's parameters."""
    device, isa = engine
    net = TrainingNetwork(
        case.cfg,
        batch=0,
        training=True,
        device=device,
        isa=isa,
        outputs=outputs,
        dialect=case.dialect,
        files=case.files,
    )
    for index, of in enumerate(case.parameters):
        for name, value in of.items():
            net.weights[index, name][...] = value
    return net


def size_of(case: Backward, layer: int, name: str) -> float:
    """What a gradient is summed up from, where the sum may be 0: biases before a batch norm change nothing."""
    delta = case.carried.deltas[layer]
    summed = name == "biases" and plain(case.rows[layer])
    return float(np.abs(delta).sum(axis=(0, 2, 3)).max()) if summed else 0


def assert_close(found: NDArray[np.float32], expected: Array, rounding: float, what: str, size: float = 0) -> None:
    """Equal but for float32's roundings."""
    assert found.size == expected.size, what
    error = float(np.abs(found.ravel() - expected.ravel()).max())
    largest = max(float(np.abs(expected).max()), size)
    assert error <= rounding * largest, f"{what}: off by {error:.3g}, the largest is {largest:.3g}"


__all__ = ["Backward", "Row", "backward_table", "check_differences", "check_engine", "conv", "row"]
