"""Malformed inputs for the Python API, made of valid ones; a program of its own, so that a crash, a hang or too much
memory ends only it.

    python hostile.py KIND COUNT SEED FOLDER

Each input depends on seed and number alone. Anything but a result, a `pydn.Error` or the errors that KIND allows is
reported as a line "number, error" and makes the exit status 1; the number being worked on is in FOLDER/number.
"""

from __future__ import annotations

import random
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np

import pydn

CFG = b"""[net]
width=16
height=16
channels=3
batch=2
[convolutional]
batch_normalize=1
filters=4
size=3
pad=1
activation=mish
[maxpool]
size=2
stride=2
[route]
layers=-1,-1
[convolutional]
filters=14
size=1
activation=linear
[yolo]
mask=0,1
anchors=1,2,3,4
num=2
classes=2
"""
CLASSIFIER = b"""[net]
width=8
height=8
channels=3
[convolutional]
filters=5
size=3
stride=2
pad=1
activation=leaky
[avgpool]
[softmax]
tree=the.tree
"""
RECURRENT = b"[net]\ninputs=4\ntime_steps=2\n[lstm]\noutput=3\n[gru]\noutput=2\n[rnn]\nhidden=2\noutput=5\n[softmax]\n"
CFGS = [CFG, CLASSIFIER, RECURRENT]
TREE = b"animal -1\nthing -1\ndog 0\ncat 0\ncar 1\n"
NAMES = "person\nAmpel\nÖl\n".encode()
DATA = b"classes = 2\ntrain = list.txt\nvalid = list.txt\nnames = the.names\nbackup = .\n# done\n"
LABELS = b"0 0.5 0.5 0.25 0.25\n1 0.1 0.9 0.2 0.1\n"
NUMBERS = [
    b"0",
    b"-1",
    b"1",
    b"7",
    b"65537",
    b"2147483648",
    b"99999999999999999999",
    b"0.5",
    b"1e39",
    b"nan",
    b"inf",
    b"",
]
SECONDS = 20
"""A picture, a cfg, a file: none of those here takes longer, unless it hangs."""


def mutated(source: random.Random, valid: bytes) -> bytes:
    """Change up to six places."""
    data = bytearray(valid)
    for _ in range(source.choice([1, 1, 1, 2, 3, 6])):
        at = source.randrange(len(data) + 1)
        match source.randrange(7):
            case 0:
                data[at : at + 1] = bytes([source.randrange(256)])
            case 1:
                del data[at : at + source.randint(1, 40)]
            case 2:
                data[at:at] = data[: source.randint(0, 200)][source.randint(0, 100) :]
            case 3:
                data[at:at] = bytes(source.randrange(256) for _ in range(source.randint(1, 12)))
            case 4:
                del data[at:]
            case _:
                places = [i for i, byte in enumerate(data) if byte in b"= ,"]
                start = source.choice(places or [0]) + 1
                end = start
                while end < len(data) and data[end] not in b"\n ,":
                    end += 1
                data[start:end] = source.choice(NUMBERS)
    return bytes(data)


def run(net: pydn.Network) -> None:
    """Forward what is small, and everything that may be asked afterwards."""
    values = sum(int(np.prod(layer.output_shape)) for layer in net.layers)
    if values > 200_000 or sum(layer.flops for layer in net.layers) > 2e7:
        return
    shape = net.input.shape
    net.forward(np.random.default_rng(0).random(shape, "f4"))
    net.summary()
    if any(layer.kind == "yolo" for layer in net.layers):
        net.decode()


@cache
def detector() -> pydn.Network:
    """Make one network for all pictures."""
    return pydn.load(CFG)


def cfg(source: random.Random, _folder: Path) -> None:
    """A cfg, on one of the backends and in one of the dialects."""
    run(
        pydn.load(
            mutated(source, source.choice(CFGS)),
            device=source.choice(["cpu", "ref"]),
            dialect=source.choice(["alexeyab", "pjreddie"]),
            outputs=source.choice(["heads", "all"]),
            files={"the.tree": mutated(source, TREE) if source.random() < 0.5 else TREE},
        )
    )


def weights(source: random.Random, _folder: Path) -> None:
    """A .weights file; a network with whatever numbers it held is run."""
    text = source.choice(CFGS)
    net = pydn.load(text, files={"the.tree": TREE})
    broken = mutated(source, net.weights.tobytes())
    run(pydn.load(text, broken, files={"the.tree": TREE}, strict=source.random() < 0.5))


@cache
def pictures() -> list[bytes]:
    """Encoded pictures of several kinds."""
    image = np.random.default_rng(1).integers(0, 256, (12, 18, 3), "u1")
    kinds = [".png", ".jpg", ".bmp", ".webp", ".ppm", ".tiff"]
    return [cv2.imencode(kind, image)[1].tobytes() for kind in kinds]


def image(source: random.Random, folder: Path) -> None:
    """A picture, from bytes or a file."""
    data = mutated(source, source.choice(pictures()))
    path = folder / "picture"
    path.write_bytes(data)
    detector().detect(source.choice([data, path]))


def names(source: random.Random, folder: Path) -> None:
    """A names file."""
    path = folder / "bad.names"
    path.write_bytes(mutated(source, NAMES))
    net = pydn.load(CFG, names=path, device="ref")
    if len(net.names) < 2:
        raise AssertionError(net.names)


def task(source: random.Random, folder: Path) -> None:
    """A .data file, its list and its labels, one or all of them malformed."""
    (folder / "the.names").write_bytes(NAMES)
    if not (folder / "a.jpg").exists():
        (folder / "a.jpg").write_bytes(pictures()[1])
        (folder / "b.png").write_bytes(pictures()[0])
    files = {
        "the.data": DATA,
        "list.txt": f"{folder}/a.jpg\n{folder}/b.png\n".encode(),
        "a.txt": LABELS,
        "b.txt": LABELS,
    }
    some = source.sample(list(files), source.randint(1, 4))
    for name, content in files.items():
        (folder / name).write_bytes(mutated(source, content) if name in some else content)
    data = folder / "the.data"
    match source.randrange(3):
        case 0:
            pydn.calc_anchors(data, 2, 16, 16)
        case 1:
            pydn.load(CFG, data=data, device="ref")
        case _:
            detector().map(data, strict=source.random() < 0.5)


def arguments(source: random.Random, _folder: Path) -> None:
    """Arrays of odd shapes, types and values."""
    net = detector()
    shape = tuple(source.choice([0, 1, 2, 3, 16, 17]) for _ in range(source.randint(0, 5)))
    kind = source.choice(["u1", "u2", "i8", "f4", "f8", "?", "c8", "S3", "O", ">f4"])
    array = np.full(shape if source.random() < 0.7 else (1, 3, 16, 16), source.choice([0, 1, 255]), kind)
    array = source.choice([array, array[::-1] if array.ndim else array, array.T, np.asfortranarray(array)])
    if array.dtype.kind == "f" and array.size:
        array.flat[0] = source.choice([np.nan, np.inf, 3e38])
    call: Callable[..., object] = source.choice([net.forward, net.detect, net.predict])
    call(source.choice([array, array, None, 3, "", b"", [array]]))


KINDS: dict[str, tuple[Callable[[random.Random, Path], None], tuple[type[Exception], ...]]] = {
    "cfg": (cfg, (FileNotFoundError,)),
    "weights": (weights, ()),
    "image": (image, ()),
    "names": (names, ()),
    "task": (task, (FileNotFoundError, IsADirectoryError, PermissionError)),
    "arguments": (arguments, (TypeError, ValueError, FileNotFoundError)),
}


def main() -> int:
    """Try so many inputs; returns the exit status."""
    kind, count, seed, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    attempt, allowed = KINDS[kind]
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
    wrong = refusals = 0
    for number in range(count):
        (folder / "number").write_text(f"{number}")
        signal.alarm(SECONDS)  # its default ends the process
        try:
            attempt(random.Random(f"{kind} {seed} {number}"), folder)
        except (pydn.Error, *allowed) as error:
            refusals += 1
            text = str(error)
            if not text or "\n" in text:
                print(f"{number}: a message of {type(error).__name__} that is no line: {text!r}")
                wrong += 1
        except Exception:
            print(f"{number}: {traceback.format_exc()}")
            wrong += 1
        signal.alarm(0)
    print(f"{count} inputs, {refusals} refused, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
