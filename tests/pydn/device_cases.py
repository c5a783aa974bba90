"""A network for tests of devices, and what they share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import pydn
from pydn import DeviceError

CFG = b"""[net]
batch=4
subdivisions=2
width=16
height=16
channels=3
learning_rate=0.01
[convolutional]
filters=6
size=3
pad=1
batch_normalize=1
activation=leaky
[maxpool]
size=2
stride=2
[convolutional]
filters=8
size=3
pad=1
activation=mish
[avgpool]
[connected]
output=5
activation=linear
[softmax]
"""


def load(where: str = "cuda", **options: Any) -> pydn.Network:
    net = pydn.load(CFG, device=where, **{"batch": 4, **options})
    for name, value in {"rolling_mean": 0.25, "rolling_variance": 1.5, "biases": 0.125}.items():
        getattr(net.layers[0], name)[...] = value  # start values have no statistics: outputs would be thousands
    return net


def refusal(said: str, call: Callable[[], object], error: type[Exception] = DeviceError) -> None:
    with pytest.raises(error, match=said) as caught:
        call()
    assert type(caught.value) is error
    assert str(caught.value).isprintable()


class Interface:
    """An array as numba has them: `__cuda_array_interface__` and nothing else."""

    def __init__(self, address: int, shape: tuple[int, ...], **more: Any) -> None:
        self.__cuda_array_interface__ = {
            "data": (address, False), "shape": shape, "typestr": "<f4", "strides": None, "version": 3, "stream": None
        } | more  # fmt: skip
