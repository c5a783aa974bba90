"""`Network.profile`: every layer is listed, times are real, and nothing else changes."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import pydn
from pydn._core.threads import peak_flops
from pydn.profile import LayerTime, Profile

CFG = b"""
[net]
width=32
height=32
channels=3
[convolutional]
filters=32
size=3
pad=1
activation=leaky
[convolutional]
filters=32
size=3
pad=1
groups=32
activation=relu
[convolutional]
filters=64
size=1
activation=linear
[dropout]
[maxpool]
size=2
stride=2
[connected]
output=10
activation=linear
[softmax]
"""


def test_layers_and_algorithms() -> None:
    profile = pydn.load(CFG, batch=2).profile(3)
    kinds = ["convolutional"] * 3 + ["dropout", "maxpool", "connected", "softmax"]
    assert [(row.layer, row.kind) for row in profile.layers] == list(enumerate(kinds))
    algorithms = [row.algorithm for row in profile.layers]
    assert algorithms[1:3] == ["depthwise", "direct 1x1"]
    assert algorithms[3] == ""  # passes on what it is given
    assert all(algorithm for index, algorithm in enumerate(algorithms) if index != 3)
    assert profile.layers[3].seconds == 0
    assert profile.images == 2
    assert profile.layers[2].flops == 2 * 2 * 64 * 32 * 32 * 32  # two images, a multiplication and an addition
    assert profile.slowest(1)[0].seconds == max(row.seconds for row in profile.layers)


def test_times_fit_into_the_time_that_passed() -> None:
    net = pydn.load(pydn.cfg_template("yolov3-tiny", size=128).encode())
    net.step_times()
    shares: list[float] = []
    while max(shares, default=0) <= 0.5 and len(shares) < 500:  # those of a busy machine are interrupted
        start = time.perf_counter()
        steps = net.step_times()
        shares.append(sum(taken for _, _, taken in steps) / (time.perf_counter() - start))
    assert max(shares) <= 1.01
    assert max(shares) > 0.5


def test_it_is_a_forward(rng: np.random.Generator) -> None:
    net = pydn.load(CFG)
    net.input[...] = rng.random(net.input.shape, dtype=np.float32)
    (expected,) = net.forward()
    net.input[...] *= 0.5
    net.step_times()
    assert not np.array_equal(net.layers[-1].output, expected)
    net.input[...] *= 2
    net.step_times()
    np.testing.assert_array_equal(net.layers[-1].output, expected)


def test_table_and_figures() -> None:
    rows = (LayerTime(0, "convolutional", "direct", 0.003, 6e9), LayerTime(1, "route", "", 0.0, 0.0),
            LayerTime(2, "maxpool", "pool2d", 0.001, 0.0))  # fmt: skip
    profile = Profile(rows, 1, 2, 4e12)
    assert profile.seconds == pytest.approx(0.004)
    assert rows[0].gflops == pytest.approx(2000)
    assert profile.share(rows[0]) == pytest.approx(0.5)
    lines = str(profile).splitlines()
    assert re.fullmatch(r"   0 convolutional +direct +3\.000 +75% +2000\.0 +50%", lines[1])
    assert re.fullmatch(r"   1 route +0\.000 +0%", lines[2])
    assert lines[4] == "4.000 ms for 1 image on 2 threads; 1500.0 GFLOP/s of at most 4000.0"


def test_the_limit_is_measured() -> None:
    narrow, wide = peak_flops("portable"), peak_flops()
    assert 1e8 < narrow < 3 * wide  # others may use the processor meanwhile
    assert pydn.load(CFG).profile(1, peak=5e12).peak == 5e12


def test_plot(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pydn.load(CFG).profile(1).plot(tmp_path / "profile.png")
    assert (tmp_path / "profile.png").read_bytes()[:4] == b"\x89PNG"


def test_threads_wait_for_each_other(rng: np.random.Generator) -> None:
    net = pydn.load(CFG)
    x = rng.random(net.input.shape, dtype=np.float32)
    (expected,) = net.forward(x)
    wrong: list[int] = []

    def run() -> None:
        wrong.extend(number for number in range(50) if not np.array_equal(net.forward(x)[0], expected))

    thread = threading.Thread(target=run)
    thread.start()
    net.profile(50, peak=1.0)
    thread.join()
    assert not wrong


def test_what_is_refused() -> None:
    net = pydn.load(CFG)
    with pytest.raises(ValueError, match="count must be 1 or more, not 0"):
        net.profile(0)
    with pytest.raises(ValueError, match="peak must be above 0, not 0"):
        net.profile(peak=0)
    with pytest.raises(pydn.UnsupportedError, match='"ref" does not time its steps; use "cpu"'):
        pydn.load(CFG, device="ref").profile()
    net.close()
    with pytest.raises(ValueError, match="closed"):
        net.profile()
