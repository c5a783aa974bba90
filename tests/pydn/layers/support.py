"""From a table row to a verdict: cfg text, random parameters, the network's outputs beside the oracle's."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

import pydn

from ...reference import network as reference
from ...reference.network import Row as Row
from ...reference.types import Array

Engine = tuple[str, str | None]
Outputs = Literal["all", "heads"]
Prepare = Literal["none", "fuse"]
WAYS: list[tuple[Outputs, Prepare]] = [("all", "none"), ("heads", "fuse")]
TOLERANCE = 1e-10


def row(kind: str, **keys: Any) -> Row:
    """One section of a cfg."""
    return {"kind": kind, **keys}


def conv(**keys: Any) -> Row:
    """A [convolutional] whose values stay signed and of the size of its input's, unless told otherwise."""
    return row("convolutional", **{"activation": "linear", **keys})


COPY = row("maxpool", size=1, stride=1)  # a layer that changes nothing: something for route and others to refer to


@dataclass
class Case:
    """A network of a few layers, its input and its parameters."""

    rows: Sequence[Row]
    shape: tuple[int, int, int] = (3, 5, 7)  # channels, height, width
    batch: int = 1
    steps: int = 1  # time steps; the input has batch · steps rows
    dialect: Literal["alexeyab", "pjreddie"] = "alexeyab"
    files: Mapping[str, bytes] = field(default_factory=dict)
    exact: bool = False  # copies and maxima: equal to the last bit

    @property
    def cfg(self) -> bytes:
        """The network as a cfg file."""
        channels, height, width = self.shape
        rows = [row("net", width=width, height=height, channels=channels, time_steps=self.steps), *self.rows]
        sections = ["\n".join(f"{k}={v}" if k != "kind" else f"[{v}]" for k, v in keys.items()) for keys in rows]
        return "\n\n".join(sections).encode() + b"\n"

    @cached_property
    def x(self) -> NDArray[np.float32]:
        """The input."""
        return np.random.default_rng(1).normal(size=(self.batch * self.steps, *self.shape)).astype(np.float32)

    @cached_property
    def parameters(self) -> list[dict[str, NDArray[np.float32]]]:
        """Random parameters for every layer."""
        rng = np.random.default_rng(2)
        layers, setting = [], self.setting()
        x = self.x.astype(np.float64)
        for keys in self.rows:
            shapes = reference.parameter_shapes(keys, x.shape, self.dialect)
            layers.append({name: draw(rng, name, shape) for name, shape in shapes.items()})
            x = reference.step(keys, layers[reference.owner(keys, len(layers) - 1)], x, setting)
        return layers

    def setting(self, fused: bool = False) -> reference.Setting:
        """What stands around the layers."""
        return reference.Setting(self.dialect, fused, self.files, steps=self.steps)

    def expected(self, prepare: Prepare) -> list[Array]:
        """Output of every layer, from the oracles."""
        setting = self.setting(fused=prepare == "fuse")
        return reference.forward(self.rows, self.parameters, self.x.astype(np.float64), setting)

    def load(self, engine: Engine, outputs: Outputs, prepare: Prepare, batch: int = 0) -> pydn.Network:
        """The network, with its parameters written through their views."""
        device, isa = engine
        net = pydn.load(
            self.cfg,
            device=device,
            isa=isa,
            outputs=outputs,
            prepare=prepare,
            batch=batch or self.batch,
            dialect=self.dialect,
            files=self.files,
        )
        for layer, values in zip(net.layers, self.parameters, strict=True):
            assert layer.parameter_names == tuple(values)
            for name, value in values.items():
                view = net.weights[layer.index, name]
                assert view.shape == value.shape, f"layer {layer.index} {name}"
                view[...] = value
        return net


def draw(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Random values that keep outputs near the size of the inputs; variances are positive."""
    last = name.rpartition(".")[2]
    if last in ("scales", "rolling_variance"):
        values = rng.uniform(0.5, 2, shape)
    elif last == "weights" and len(shape) > 1:
        values = rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]))
    else:
        values = rng.normal(size=shape) * 0.5
    return values.astype(np.float32)


def nmse(ours: NDArray[Any], expected: NDArray[Any]) -> float:
    """Mean of the squared errors over the mean of the squares."""
    wanted = expected.astype(np.float64)
    error = np.square(ours - wanted).sum()
    return float(error / np.square(wanted).sum()) if error else float(error)  # 0/0 where all is 0 as it should be


def assert_same(ours: NDArray[np.float32], expected: Array, exact: bool, what: str) -> None:
    """Shape and values agree."""
    assert ours.shape == expected.shape, what
    if exact:
        np.testing.assert_array_equal(ours, expected.astype(np.float32), err_msg=what)
    else:
        assert nmse(ours, expected) <= TOLERANCE, what


def check(case: Case, engine: Engine) -> None:
    """Every layer with all outputs kept; the heads with buffers shared and batch norm folded."""
    for outputs, prepare in WAYS:
        expected = case.expected(prepare)
        net = case.load(engine, outputs, prepare)
        heads = net.forward(case.x)
        for index, head in zip(net.head_layers, heads, strict=True):
            assert_same(head, expected[index], case.exact, f"head {index} {outputs} {prepare}")
        for layer in net.layers:
            assert layer.output_shape == expected[layer.index].shape
            if outputs == "all":
                assert_same(layer.output, expected[layer.index], case.exact, f"layer {layer.index} [{layer.kind}]")


def check_calls(case: Case, engine: Engine) -> None:
    """Three calls whose states last, a fourth after `reset_state`; fewer sequences than there is room for."""
    inputs = np.random.default_rng(3).normal(size=(4, *case.x.shape)).astype(np.float32)
    for outputs, prepare in WAYS:
        for batch in (case.batch, case.batch + 2):
            setting = case.setting(fused=prepare == "fuse")
            net = case.load(engine, outputs, prepare, batch)
            for call, x in enumerate(inputs):
                if call == 3:
                    net.reset_state()
                    setting.states.clear()
                setting.outputs.clear()
                expected = reference.forward(case.rows, case.parameters, x.astype(np.float64), setting)
                heads = net.forward(x)
                for index, head in zip(net.head_layers, heads, strict=True):
                    assert_same(head, expected[index], case.exact, f"call {call} head {index} {outputs} {prepare}")
                for layer in net.layers if outputs == "all" else []:
                    what = f"call {call} layer {layer.index} [{layer.kind}] of {batch}"
                    assert_same(layer.output, expected[layer.index], case.exact, what)


def table(cases: Mapping[str, Case]) -> Callable[[Any], Any]:
    """Run a test once per row; its id is the reason why the row is there."""
    return pytest.mark.parametrize("case", list(cases.values()), ids=list(cases))


def twice(rows: Iterable[Row]) -> list[Row]:
    """The rows between two convolutions: fast kernels then see layouts other than the input's."""
    return [conv(filters=6, size=3, pad=1), *rows, conv(filters=4)]
