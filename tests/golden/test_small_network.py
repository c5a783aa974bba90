"""A small network from its two files to its heads: a cfg drawn up for it, weights from a seeded generator.

Nothing here was computed by the engine: the weights file is put together byte by byte, and the oracles say what every
layer gives.
"""

import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import pydn

from ..pydn.layers.support import Engine, Outputs, Prepare, assert_same, draw
from ..reference import network as reference
from ..reference.types import Array

CFG = Path(__file__).with_name("small.cfg")
SHAPE = (2, 3, 24, 32)


@pytest.fixture(scope="module")
def x() -> NDArray[np.float32]:
    return np.random.default_rng(3).uniform(size=SHAPE).astype(np.float32)


@pytest.fixture(scope="module")
def content(x: NDArray[np.float32]) -> tuple[bytes, list[Array]]:
    """The weights file, and the output of every layer."""
    rng = np.random.default_rng(4)
    setting = reference.Setting()
    values, y = [], x.astype(np.float64)
    for row in reference.parse(CFG.read_text(encoding="utf-8")):
        shapes = reference.parameter_shapes(row, y.shape)
        parameters = {name: draw(rng, name, shape) for name, shape in shapes.items()}
        values += [array.astype("<f4").tobytes() for array in parameters.values()]
        y = reference.step(row, parameters, y, setting)
    return struct.pack("<iiiQ", 0, 2, 5, 0) + b"".join(values), setting.outputs


@pytest.mark.parametrize(
    ("outputs", "prepare"), [("all", "none"), ("all", "fuse"), ("heads", "none"), ("heads", "fuse")]
)
def test_outputs(
    tmp_path: Path,
    engine: Engine,
    x: NDArray[np.float32],
    content: tuple[bytes, list[Array]],
    outputs: Outputs,
    prepare: Prepare,
) -> None:
    weights, expected = content
    file = tmp_path / "small.weights"
    file.write_bytes(weights)
    net = pydn.load(CFG, file, device=engine[0], isa=engine[1], outputs=outputs, prepare=prepare, batch=len(x))
    heads = net.forward(x)
    assert net.head_layers == (18, 24)
    for index, head in zip(net.head_layers, heads, strict=True):
        assert_same(head, expected[index], False, f"head {index}")
    if outputs == "all":
        for layer in net.layers:
            assert_same(layer.output, expected[layer.index], False, f"layer {layer.index} [{layer.kind}]")


def test_weights_come_back(tmp_path: Path, content: tuple[bytes, list[Array]]) -> None:
    """What is saved is what was loaded, byte for byte."""
    net = pydn.load(CFG, content[0])
    net.save(tmp_path / "again.weights")
    assert (tmp_path / "again.weights").read_bytes() == content[0]
