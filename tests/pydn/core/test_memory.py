"""Nothing grows: many networks loaded and closed, many forwards, views kept and dropped."""

import gc
import json
import subprocess
import sys
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


def test_many_forwards(thorough: bool) -> None:
    """Ten thousand; a hundred thousand with --thorough."""
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
    forwards(100_000 if thorough else 10_000)
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


# Loads in a process that may have 4 GiB of addresses; says how that was refused and how much memory was touched.
_ASK = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
import pydn
text, arguments = json.load(sys.stdin)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    net = pydn.load(text.encode(), **arguments)
    found = "loaded"
except pydn.Error as error:
    found = type(error).__name__
print(json.dumps([found, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10]))
"""


@pytest.mark.parametrize(
    ("text", "batch", "error"),
    [
        # 340 images of 3 x 1440 x 1440 values, 8.5 GB, twelve times
        pytest.param(
            "[upsample]\nstride=45\n" + "[activation]\nactivation=mish\n" * 11, 340, "OutOfMemoryError", id="outputs"
        ),
        # 600000 · 3072 and 600000 · 3000 values, 7 GB each
        pytest.param("[connected]\noutput=600000\n[connected]\noutput=3000\n" * 7, 1, "OutOfMemoryError", id="weights"),
        pytest.param("[upsample]\nstride=160\n", 340, "ShapeError", id="one tensor"),  # 107 GB
    ],
)
@pytest.mark.parametrize("device", ["ref", "cpu"])
def test_a_hundred_gigabytes(text: str, batch: int, error: str, device: str) -> None:
    """What cannot be had is refused before any of it is touched."""
    net = "[net]\nwidth=32\nheight=32\nchannels=3\n"
    asked = json.dumps([net + text, {"device": device, "batch": batch, "outputs": "all"}])
    done = subprocess.run(
        [sys.executable, "-c", _ASK], input=asked, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found, touched = json.loads(done.stdout)
    assert found == error
    assert touched < 64 << 20
