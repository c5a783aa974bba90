"""ONNX files: onnxruntime computes from them what the engine does; what cannot be written is said."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import pydn
from pydn.cli import main

RAW = {"yolo", "Gaussian_yolo", "region", "detection"}
NET = "[net]\nwidth=8\nheight=8\nchannels=3\n"


def run(path: Path, x: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Outputs by name, of a runtime that shares no code with pydn."""
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return dict(zip((output.name for output in session.get_outputs()), session.run(None, {"images": x}), strict=True))


def randomize(net: pydn.Network, rng: np.random.Generator) -> None:
    """Random parameters that keep values near 1."""
    for (_, name), view in net.weights.items():
        if name == "weights":
            view[...] = rng.normal(0, (1.5 / max(1, np.prod(view.shape[1:]))) ** 0.5, view.shape)
        elif name in {"scales", "rolling_variance"}:
            view[...] = rng.uniform(0.8, 1.2, view.shape)
        else:
            view[...] = rng.normal(0, 0.1, view.shape)


def parity(net: pydn.Network, path: Path, rng: np.random.Generator) -> float:
    """Largest difference between the runtime's outputs and the engine's, over the largest value."""
    pytest.importorskip("onnx")
    net.export(path)
    x = rng.random((net.batch, net.channels, net.height, net.width), dtype=np.float32)
    found = run(path, x)
    net.forward(x)
    assert list(found) == [f"{net.layers[index].kind}_{index}" for index in net.head_layers]
    worst = 0.0
    for index, y in zip(net.head_layers, found.values(), strict=True):
        expected = net.layers[index - (net.layers[index].kind in RAW)].output
        assert y.shape == expected.shape
        worst = max(worst, float(np.abs(y - expected).max() / np.abs(expected).max()))
    return worst


@pytest.mark.parametrize("name", ["yolov4-tiny", "yolov3-tiny", "yolov2-tiny-voc", "darknet19"])
def test_parity_with_onnxruntime(name: str, tmp_path: Path, rng: np.random.Generator) -> None:
    net = pydn.load(pydn.cfg_template(name, size=96).encode(), outputs="all", batch=2)
    randomize(net, rng)
    assert parity(net, tmp_path / "x.onnx", rng) < 1e-5


CASES = {
    "window that leaves a column unread": "[convolutional]\nfilters=4\nsize=2\nstride=3\nactivation=linear\n",
    "dilation": "[convolutional]\nfilters=4\nsize=3\npad=1\ndilation=2\nstride=2\nactivation=mish\n",
    "dilation, even size": "[convolutional]\nfilters=4\nsize=4\npad=1\ndilation=2\nactivation=hard_mish\n",
    "padding of a size": "[maxpool]\nsize=2\nstride=1\npadding=4\n",
    "odd padding": "[maxpool]\nsize=3\nstride=2\n",
    "batch norm of connected": "[connected]\noutput=5\nbatch_normalize=1\nactivation=swish\n",
    "route of unequal sides": "[maxpool]\nsize=2\nstride=2\n[route]\nlayers=-1,-1\n[avgpool]\n[route]\nlayers=0,2\n",
    "adding up": "[upsample]\nstride=-2\nscale=0.5\n",
    "reverse reorg": "[convolutional]\nfilters=8\nactivation=linear\n[reorg]\nstride=2\nreverse=1\n",
    "groups of softmax": "[connected]\noutput=6\nactivation=linear\n[softmax]\ngroups=2\ntemperature=3\n",
}


@pytest.mark.parametrize("layers", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
def test_parity_of_layers(layers: str, dialect: Any, tmp_path: Path, rng: np.random.Generator) -> None:
    if dialect == "pjreddie" and "mish" in layers:
        pytest.skip("mish is alexeyab's")
    net = pydn.load((NET + layers).encode(), outputs="all", batch=2, dialect=dialect)
    randomize(net, rng)
    assert parity(net, tmp_path / "x.onnx", rng) < 1e-5


def test_metadata_say_how_to_decode(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    net = pydn.load(pydn.cfg_template("yolov3-tiny", 2, size=64).encode(), names=["cat", "dog"])
    net.export(tmp_path / "x.onnx")
    told = {entry.key: json.loads(entry.value) for entry in onnx.load(tmp_path / "x.onnx").metadata_props}
    assert told["names"] == ["cat", "dog"]
    assert list(told["heads"]) == ["yolo_16", "yolo_23"]
    assert told["heads"]["yolo_16"]["mask"] == [3, 4, 5]
    assert told["heads"]["yolo_16"]["anchors"][:4] == [10, 14, 23, 27]  # of the published cfg


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("[rnn]\noutput=4\nhidden=4\n", r"layer 0 \[rnn\]"),
        ("[convolutional]\n[local]\nfilters=2\nsize=3\nactivation=linear\n", r"layer 1 \[local\] cannot be written"),
        ("[convolutional]\nxnor=1\n", r"layer 0 \[convolutional\] .* xnor=1"),
        ("[maxpool]\nantialiasing=1\n", "antialiasing=1"),
    ],
)
def test_unsupported_layers_are_named(layers: str, message: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    net = pydn.load((NET + layers).encode())
    with pytest.raises(pydn.UnsupportedError, match=message):
        net.export(tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())


def test_without_the_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    net = pydn.load((NET + "[avgpool]\n").encode())
    with pytest.raises(ImportError, match=r"pip install 'pydn\[export\]'"):
        net.export(tmp_path / "x.onnx")


def test_unknown_formats(tmp_path: Path) -> None:
    net = pydn.load((NET + "[avgpool]\n").encode())
    with pytest.raises(ValueError, match=r"'tflite' of .*x\.tflite' is not known; there is: onnx"):
        net.export(tmp_path / "x.tflite")
    with pytest.raises(ValueError, match="'caffe' asked for is not known"):
        net.export(tmp_path / "x.onnx", "caffe")


def test_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str], rng: np.random.Generator) -> None:
    pytest.importorskip("onnx")
    cfg, weights, out = (str(tmp_path / name) for name in ("net.cfg", "net.weights", "net.bin"))
    Path(cfg).write_text(NET + "[convolutional]\nfilters=2\nactivation=linear\n[avgpool]\n[softmax]\n")
    net = pydn.load(cfg)
    net.save(weights)
    assert main(["export", cfg, weights, out]) == 1
    assert "the format 'bin'" in capsys.readouterr().err
    assert main(["export", cfg, weights, out, "-format", "onnx"]) == 0
    x = rng.random((3, 3, 8, 8), dtype=np.float32)
    expected = np.concatenate([net.forward(image[None])[0].copy() for image in x])
    np.testing.assert_allclose(run(Path(out), x)["softmax_2"], expected, rtol=1e-5)
