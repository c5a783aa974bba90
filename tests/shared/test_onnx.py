"""ONNX files against what the reference program computed, run by onnxruntime; real models against the engine."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import pydn

from ..pydn.test_onnx import RAW, parity, run

NO_FORM = {
    "conv_antialiasing", "conv_lstm", "conv_lstm_peephole", "conv_xnor_float", "conv_xnor_fused", "crnn", "gru",
    "gru_pjreddie", "implicit", "l2norm", "local", "lrn", "lstm", "lstm_pjreddie", "rnn", "rnn_pjreddie",
}  # fmt: skip
MODELS = (
    "cifar_small", "dronet-car", "mnist_lenet", "mobilenetv2-yolo-fastest-voc-v2", "mobilenetv2-yolov3-nano-coco",
    "tiny-darknet-imagenet", "yolo-fastest-1.1-coco", "yolo-fastest-voc", "yolo-lite-trial3-nobn-voc",
    "yolo-lite-trial3-voc", "yolo-lite-trial6-coco", "yoloface-500k-v2", "yoloface-50k",
)  # fmt: skip


def load(folder: Path) -> pydn.Network:
    meta = json.loads((folder / "meta.json").read_text())
    dialect = "pjreddie" if meta["reference"].startswith("pjreddie") else "alexeyab"
    batch = len(np.load(folder / "input.npz")["x"])
    return pydn.load(
        folder / "net.cfg", folder / "init.weights", dialect=dialect, prepare=meta["prepare"], batch=batch
    )  # fmt: skip


def test_goldens(shared: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    refused, compared = set(), 0
    for folder in sorted((shared / "goldens/forward").iterdir()):
        if not (folder / "input.npz").exists():
            continue
        arrays = np.load(folder / "input.npz")
        if "x" not in arrays:
            refused.add(folder.name)  # recurrent: x0, x1
            continue
        net = load(folder)
        try:
            net.export(tmp_path / "x.onnx")
        except pydn.UnsupportedError:
            refused.add(folder.name)
            continue
        golden = np.load(folder / "expected.npz")
        for index, y in zip(net.head_layers, run(tmp_path / "x.onnx", arrays["x"]).values(), strict=True):
            expected = golden[f"layer_{index - (net.layers[index].kind in RAW):03d}"]
            limit = 1e-5 + 1e-5 * np.abs(expected).max()
            np.testing.assert_allclose(
                y.reshape(expected.shape), expected, rtol=0, atol=limit, err_msg=f"{folder.name}, layer {index}"
            )
            compared += 1
    assert refused == NO_FORM
    assert compared >= 50


@pytest.mark.parametrize("name", MODELS)
def test_models(name: str, shared: Path, tmp_path: Path, rng: np.random.Generator) -> None:
    folder = shared / "data/models" / name
    net = pydn.load(folder / "net.cfg", folder / "net.weights", outputs="all")
    assert parity(net, tmp_path / "x.onnx", rng) < 1e-5
