"""Arguments that are wrong, in Python and on the command line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydn
from pydn import ShapeError, UnsupportedError
from pydn.cli import main

from .bad_input import refused
from .test_bad_images import PNG
from .test_bad_weights import CFG, WHOLE

CLASSIFIER = b"[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nfilters=4\n[avgpool]\n[softmax]\n"
IMAGE = np.zeros((8, 8, 3), np.uint8)
X = np.zeros((1, 3, 32, 32), np.float32)

LOAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "device unknown": ({"device": "tpu"}, ValueError, "device is 'tpu'; 'cpu', 'ref', 'cuda' or 'cuda:1' was expected"),
    "device numbered wrongly": ({"device": "cuda:x"}, ValueError, "'cuda:1' was expected"),
    "device numbered without need": ({"device": "cpu:1"}, ValueError, "device is 'cpu:1'"),
    "device no text": ({"device": None}, TypeError, "device must be a string such as 'cpu', not NoneType"),
    "precision of GPUs": ({"precision": "fp16"}, UnsupportedError, "fp16 is not for cpu: use fp32, bf16, int8"),
    "precision of the cpu backend": ({"precision": "int8", "device": "ref"}, UnsupportedError, "use precision fp32"),
    "precision unknown": ({"precision": "half"}, ValueError, "one of 'fp32', 'bf16', 'int8', 'fp16', 'tf32'"),
    "outputs unknown": ({"outputs": "some"}, ValueError, "outputs is 'some'; one of 'heads', 'all' was expected"),
    "prepare unknown": ({"prepare": "fast"}, ValueError, "one of 'none', 'fuse', 'binary' was expected"),
    "dialect misspelt": ({"dialect": "alexyab"}, ValueError, "one of 'alexeyab', 'pjreddie' was expected"),
    "isa unknown": ({"isa": "sse9"}, ValueError, "isa is 'sse9'; one of"),
    "batch=0": ({"batch": 0}, ValueError, "batch must be 1 to 2147483647, not 0"),
    "batch negative": ({"batch": -1}, ValueError, "batch must be 1 to 2147483647, not -1"),
    "batch of 2^33": ({"batch": 1 << 33}, ValueError, "batch must be 1 to 2147483647"),
    "batch beyond 2^31 values": ({"batch": 700000}, ShapeError, "reduce the batch, width= or height="),
    "batch a fraction": ({"batch": 2.5}, TypeError, "batch must be a whole number, not float"),
    "batch a text": ({"batch": "2"}, TypeError, "batch must be a whole number, not str"),
    "classes=0": ({"classes": 0}, ValueError, "classes must be 1 to 2147483647, not 0"),
    "classes a word": ({"classes": "two"}, TypeError, "classes must be a whole number, not str"),
    "classes beyond all filters": ({"classes": 10**9}, pydn.CfgError, "filters=3000000015 of [convolutional] must be"),
    "files not bytes": ({"files": {"a": 3}}, TypeError, "files must map names to bytes, but 'a' is mapped to int"),
    "files not named": ({"files": {3: b""}}, TypeError, "files must map names to bytes"),
    "files no mapping": ({"files": "x"}, TypeError, "files must map names to bytes, not be str"),
    "mmap of bytes": ({"weights": WHOLE, "mmap": True}, TypeError, "mmap=True needs the path of a weights file"),
    "weights a list": ({"weights": [1.0]}, TypeError, "weights must be a path, bytes or an open binary file, not list"),
}


@pytest.mark.parametrize("row", LOAD.values(), ids=LOAD)
def test_load(row: tuple[dict[str, Any], type[Exception], str]) -> None:
    options, error, said = row
    refused(error, said, lambda: pydn.load(CFG, **options))


def test_cfg_that_is_no_file(tmp_path: Path) -> None:
    wrong: Any = 3
    refused(TypeError, "cfg must be a path, bytes or an open binary file, not int", lambda: pydn.load(wrong))
    refused(ValueError, "not a path: hand in the content as bytes", lambda: pydn.load(CFG.decode()))
    (tmp_path / "x.cfg").write_bytes(CFG)
    with (tmp_path / "x.cfg").open() as text:
        wrong = text
        refused(TypeError, "the file given as cfg is open for text: open it with mode 'rb'", lambda: pydn.load(wrong))


def test_classes_of_a_cfg_without_heads() -> None:
    cfg = b"[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\n"
    refused(pydn.CfgError, "only where there is a [yolo]", lambda: pydn.load(cfg, classes=3))


# ---- a network's methods


@pytest.fixture(scope="module")
def net() -> pydn.Network:
    return pydn.load(CFG, WHOLE, device="ref")


@pytest.fixture(scope="module")
def classifier() -> pydn.Network:
    return pydn.load(CLASSIFIER, device="ref")


FORWARD: dict[str, tuple[Any, type[Exception], str]] = {
    "no batch dimension": (X[0], ValueError, "takes (n, 3, 32, 32), n at least 1; an array of (3, 32, 32) was given"),
    "2 channels": (X[:, :2], ValueError, "an array of (1, 2, 32, 32) was given"),
    "another size": (X[:, :, 1:], ValueError, "an array of (1, 3, 31, 32) was given"),
    "channels last": (np.zeros((1, 32, 32, 3), np.float32), ValueError, "takes (n, 3, 32, 32)"),
    "no image": (X[:0], ValueError, "n at least 1"),
    "float64": (X.astype(np.float64), TypeError, "float32 was expected, not float64; convert with astype"),
    "uint8": (X.astype(np.uint8), TypeError, "float32 was expected, not uint8"),
    "complex": (X.astype(np.complex64), TypeError, "float32 was expected"),
    "other byte order": (X.astype(">f4"), TypeError, "float32 was expected"),
    "a path": ("dog.jpg", TypeError, "a float32 array was expected, not str"),
    "a list": (X.tolist(), TypeError, "a float32 array was expected, not list"),
    "a number": (3, TypeError, "a float32 array was expected, not int"),
}


@pytest.mark.parametrize("row", FORWARD.values(), ids=FORWARD)
def test_forward(row: tuple[Any, type[Exception], str], net: pydn.Network) -> None:
    x, error, said = row
    refused(error, said, lambda: net.forward(x))
    assert net.forward(X)[0].shape == (1, 21, 32, 32)


# every other layer halves and doubles again, as in yolov3: sizes that 4 does not divide come back unequal
PYRAMID = b"""[net]
width=32
height=32
channels=3
[convolutional]
size=3
stride=2
pad=1
[convolutional]
size=3
stride=2
pad=1
[upsample]
stride=2
[route]
layers=-1,0
[convolutional]
"""


@pytest.mark.parametrize(
    ("width", "height", "error", "said"),
    [
        pytest.param(34, 32, ShapeError, "change width=, height= or that [route]", id="no multiple of 4"),
        pytest.param(-32, 32, ValueError, "width -32, height 32: give numbers of 1 or more", id="negative width"),
        pytest.param(32, -1, ValueError, "give numbers of 1 or more", id="negative height"),
        pytest.param(10**9, 10**9, ShapeError, "reduce the batch, width= or height=", id="beyond 2^31 values"),
    ],
)
def test_resize(width: int, height: int, error: type[Exception], said: str) -> None:
    """On failure the network is as before."""
    net = pydn.load(PYRAMID, device="ref")
    before = net.forward(X)[0]
    refused(error, said, lambda: net.resize(width, height))
    assert (net.width, net.height) == (32, 32)
    np.testing.assert_array_equal(net.forward(X)[0], before)


@pytest.mark.parametrize("name", ["thresh", "nms", "hier"])
@pytest.mark.parametrize("value", [-0.1, 1.5, 25, float("nan")])
def test_detect(name: str, value: float, net: pydn.Network) -> None:
    given: Any = {name: value}
    refused(ValueError, f"{name} must be 0 to 1, not {value}", lambda: net.detect(IMAGE, **given))


def test_methods_of_the_other_kind_of_network(net: pydn.Network, classifier: pydn.Network) -> None:
    said = "no detection layer ([yolo], [region]); its last layer is [softmax]"
    with pytest.raises(UnsupportedError) as caught:
        classifier.detect(IMAGE)
    assert said in str(caught.value)
    refused(UnsupportedError, "it is a detector: use detect()", lambda: net.predict(IMAGE))
    refused(ValueError, "top must be 1 or more, not 0", lambda: classifier.predict(IMAGE, 0))
    refused(ValueError, "top must be 1 or more, not -1", lambda: classifier.predict(IMAGE, -1))


@pytest.mark.parametrize("n", [-1, 4])
def test_partial(n: int, net: pydn.Network) -> None:
    refused(ValueError, f"{n} layers were asked for, there are 3", lambda: net.partial(n))


def test_save_to_nowhere(net: pydn.Network, tmp_path: Path) -> None:
    """Nothing is left behind."""
    refused(FileNotFoundError, str(tmp_path / "no"), lambda: net.save(tmp_path / "no" / "x.weights"))
    (tmp_path / "folder").mkdir()
    refused(IsADirectoryError, "folder", lambda: net.save(tmp_path / "folder"))
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_outputs_that_were_not_kept(net: pydn.Network) -> None:
    refused(ValueError, 'load the network with outputs="all"', lambda: net.layers[0].output)
    refused(IndexError, "layer 99: there are 3", lambda: net.layers[99])


@pytest.mark.parametrize("count", [0, -3, 10**6])
def test_threads(count: int) -> None:
    refused(ValueError, f"{count} threads: give 1 to 1024", lambda: pydn.set_num_threads(count))


CLOSED: dict[str, Callable[[pydn.Network], object]] = {
    "forward": lambda net: net.forward(X),
    "detect": lambda net: net.detect(IMAGE),
    "resize": lambda net: net.resize(64, 64),
    "partial": lambda net: net.partial(1),
    "save": lambda net: net.save("x"),
    "weights": lambda net: net.weights,
    "input": lambda net: net.input,
    "output": lambda net: net.layers[0].output,
}


@pytest.mark.parametrize("call", CLOSED.values(), ids=CLOSED)
def test_closed_network(call: Callable[[pydn.Network], object]) -> None:
    net = pydn.load(CFG, WHOLE, device="ref")
    net.close()
    net.close()
    with pytest.raises(ValueError, match=r"^the network is closed$"):
        call(net)


# ---- the command line


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("net.cfg").write_bytes(CFG)
    Path("net.weights").write_bytes(WHOLE)
    Path("x.names").write_text("cat\ndog\n")
    Path("x.data").write_text("classes=2\nnames=x.names\n")
    Path("x.png").write_bytes(PNG)
    Path("bad.cfg").write_bytes(CFG.replace(b"filters=21", b"filters=255"))
    Path("many.cfg").write_bytes(CFG.replace(b"filters=21", b"filters=many"))
    Path("bad.data").write_text("classes=2\nnames x.names\n")
    Path("lost.data").write_text("classes=2\nnames=lost.names\n")
    Path("bad.weights").write_bytes(WHOLE[:-40])
    Path("bad.png").write_bytes(PNG[:40])
    return tmp_path


COMMANDS: dict[str, tuple[str, int, str]] = {
    "wrong filters": ("info bad.cfg", 1, "pydn: bad.cfg:15: [yolo]: layer 2: the input has 255 channels"),
    "filters a word": ("info many.cfg", 1, "pydn: many.cfg:12: filters=many of [convolutional] must be"),
    "weights for a cfg": ("info net.weights", 1, "pydn: net.weights:1: binary data: this is not a cfg"),
    "no cfg": ("info no.cfg", 1, "pydn: no.cfg: No such file or directory"),
    "folder for a cfg": ("info .", 1, "pydn: .: Is a directory"),
    "weights cut short": (
        "info net.cfg bad.weights",
        1,
        "pydn: bad.weights: the file (1632 bytes) ends inside layer 1",
    ),
    "cfg for weights": ("info net.cfg net.cfg", 1, "pydn: net.cfg: this is not a darknet .weights file"),
    "bad .data": ("detector test bad.data net.cfg net.weights x.png", 1, "pydn: bad.data:2: 'names x.names' is not"),
    "names nowhere": ("detector test lost.data net.cfg net.weights x.png", 1, "pydn: lost.names: lost.data:2: names="),
    "image cut short": ("detector test x.data net.cfg net.weights bad.png", 1, "pydn: bad.png: the image file ends"),
    "no image": ("detector test x.data net.cfg net.weights no.png", 1, "pydn: no.png: No such file or directory"),
    "thresh in percent": ("detector test x.data net.cfg net.weights x.png -thresh 25", 1, "thresh must be 0 to 1"),
    "thresh a word": ("detector test x.data net.cfg -thresh many", 2, "pydn: -thresh needs a number, not 'many'"),
    "thresh without value": ("detector test x.data net.cfg -thresh", 2, "pydn: -thresh needs a value"),
    "unknown flag": ("info net.cfg -tresh 1", 2, "pydn: unknown flag -tresh"),
    "unknown device": ("info net.cfg -device tpu", 2, "pydn: -device is cpu, ref, cuda or cuda:N, not 'tpu'"),
    "unknown program": ("info net.cfg -compat hank", 2, "pydn: -compat is alexeyab or pjreddie, not 'hank'"),
    "no thread": ("info net.cfg -threads 0", 2, "pydn: -threads must be 1 or more, not 0"),
    "unknown verb": ("detecter test", 2, "pydn: there is no verb 'detecter'"),
    "unknown second verb": ("detector tset", 2, "pydn: there is no detector 'tset'"),
    "words missing": ("detector test x.data", 2, "pydn: CFG is missing"),
    "words too many": ("info net.cfg net.weights x", 2, "pydn: 'x' is one word too many"),
    "N a word": ("partial net.cfg net.weights out.weights many", 2, "pydn: N must be a whole number, not 'many'"),
    "N too large": ("partial net.cfg net.weights out.weights 9", 2, "pydn: N must be 0 to 3"),
}


@pytest.mark.parametrize("row", COMMANDS.values(), ids=COMMANDS)
def test_command_line(row: tuple[str, int, str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The last lines say what is wrong; after a wrong command line comes how it should be."""
    words, status, said = row
    arguments = words.split()
    if status == 1:
        arguments += ["-device", "ref"] + ["-dont_show"] * (arguments[0] == "detector")
    assert main(arguments) == status
    lines = capsys.readouterr().err.splitlines()
    assert said in lines[-1 if status == 1 else -2]
    assert lines[-1].startswith("pydn: " if status == 1 else ("usage: pydn ", "try: pydn "))
    assert not any("Traceback" in line for line in lines)
    assert not Path("out.weights").exists()


def test_command_line_in_a_process_of_its_own(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pydn", "info", "many.cfg"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("pydn: many.cfg:12: ")
