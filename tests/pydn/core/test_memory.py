"""Nothing grows: many networks loaded and closed, many forwards, views kept and dropped."""

import gc
from pathlib import Path

import numpy as np
import pytest

import pydn

CFG = b"""
[net]
width=32
height=32
channels=3
[convolutional]
batch_normalize=1
filters=24
size=3
pad=1
activation=leaky
[maxpool]
size=2
stride=2
[convolutional]
filters=40
size=3
pad=1
activation=mish
[avgpool]
[connected]
output=1000
[softmax]
"""
# What the C library's allocator and the interpreter keep for themselves varies by less than this; one leaked network
# of CFG has 250 kB, a thousand 250 MB; one leaked result 4 kB, ten thousand 40 MB.
SLACK = 8 << 20

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident size is read from /proc")


def resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_a_thousand_networks() -> None:
    x = np.zeros((1, 3, 32, 32), "f4")

    def cycle(times: int) -> None:
        for i in range(times):
            net = pydn.load(CFG)
            view, (head,) = net.layers[0].weights, net.forward(x)
            if i % 2:
                net.close()
            del net, view, head

    cycle(50)
    before = resident()
    cycle(1000)
    assert resident() - before < SLACK


def test_ten_thousand_forwards() -> None:
    net = pydn.load(CFG)
    x = np.random.default_rng(0).random((1, 3, 32, 32), dtype="f4")

    def forwards(times: int) -> None:
        kept = []
        for i in range(times):
            kept.append(net.forward(x)[0])
            if i % 7 == 0:
                kept.clear()

    forwards(100)
    before = resident()
    forwards(10_000)
    assert resident() - before < SLACK


def test_resizing() -> None:
    net = pydn.load(CFG.replace(b"[connected]\noutput=1000\n", b""))

    def resizes(times: int) -> None:
        for i in range(times):
            net.resize(32 + 16 * (i % 3), 32)
            net.forward()

    resizes(30)
    before = resident()
    resizes(600)
    assert resident() - before < SLACK
