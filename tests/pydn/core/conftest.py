"""Small networks whose results numpy can say: 1×1 convolutions are matrix products."""

from __future__ import annotations

import struct
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from pydn._core.network import Network

TWO_CONVOLUTIONS = b"""
[net]
width=6
height=4
channels=2

[convolutional]
filters=3
size=1
stride=1
pad=0
activation=linear

[convolutional]
filters=5
size=1
stride=1
pad=0
activation=linear
"""


def weights_file(*arrays: np.ndarray, seen: int = 0) -> bytes:
    """A version 0.2.5 file."""
    return struct.pack("<iiiQ", 0, 2, 5, seen) + b"".join(np.asarray(a, "<f4").tobytes() for a in arrays)


def expected(x: np.ndarray, parameters: list[np.ndarray]) -> np.ndarray:
    """The two convolutions on (n, 2, h, w), in float64."""
    y = x.astype(np.float64)
    for biases, weights in zip(parameters[::2], parameters[1::2], strict=True):
        y = np.einsum("oi,nihw->nohw", weights.reshape(weights.shape[:2]), y) + biases[:, None, None]
    return y


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture(params=["ref", "cpu"])
def device(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def parameters(rng: np.random.Generator) -> list[np.ndarray]:
    shapes = [(3,), (3, 2, 1, 1), (5,), (5, 3, 1, 1)]
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


@pytest.fixture
def make(device: str, parameters: list[np.ndarray]) -> Callable[..., Network]:
    """A new network of the two convolutions, with `parameters`."""

    def build(**options: object) -> Network:
        return Network(TWO_CONVOLUTIONS, weights_file(*parameters, seen=640), device=device, **options)

    return build


@pytest.fixture
def two() -> SimpleNamespace:
    """The cfg, the writer of weights files and the oracle, for tests that need them apart."""
    return SimpleNamespace(cfg=TWO_CONVOLUTIONS, weights_file=weights_file, expected=expected)
