"""Heads of real trained models equal the reference's (`data/models/*/expected_heads.npz`, tolerance of its README)."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import pydn

MODELS = """
cifar_small dronet-car mnist_lenet mobilenetv2-yolo-fastest-voc-v2 mobilenetv2-yolov3-nano-coco tiny-darknet-imagenet
yolo-fastest-1.1-coco yolo-fastest-voc yolo-lite-trial3-nobn-voc yolo-lite-trial3-voc yolo-lite-trial6-coco
yoloface-500k-v2 yoloface-50k
""".split()


def recorded_input(folder: Path, name: str, net: pydn.Network) -> np.ndarray:
    if name == "random":
        shape = (1, net.channels, net.height, net.width)
        return np.random.default_rng(0).random(shape, dtype="f4")
    image = cv2.imread(str(folder / "opencv_input.png"))
    return np.ascontiguousarray(image[None, :, :, ::-1].transpose(0, 3, 1, 2)).astype("f4") / np.float32(255)


@pytest.mark.parametrize("prepare", ["none", "fuse"])
@pytest.mark.parametrize("model", MODELS)
def test_heads(shared: Path, engine: tuple[str, str | None], model: str, prepare: str) -> None:
    folder = shared / "data/models" / model
    device, isa = engine
    net = pydn.load(folder / "net.cfg", folder / "net.weights", device=device, isa=isa, prepare=prepare)
    expected = np.load(folder / "expected_heads.npz")
    compared = set()
    for name in ("random", "photo"):
        keys = [key for key in expected.files if key.startswith(f"{prepare}_{name}_")]
        if not keys:
            continue  # the README: classifiers were recorded with the random input only
        for layer, head in zip(net.head_layers, net.forward(recorded_input(folder, name, net)), strict=True):
            key = f"{prepare}_{name}_layer_{layer:03d}"
            assert np.abs(head.reshape(expected[key].shape) - expected[key]).max() <= 1e-4, key
            compared.add(key)
    assert compared == {key for key in expected.files if key.startswith(prepare)}


@pytest.mark.parametrize(
    ("model", "weights", "layers"),
    [("partial-mobilenetv2-conv57", "net.conv.57", 57), ("partial-ttt5-pre-conv7", "net.conv.7", 7)],
)
def test_partial_weights_load(shared: Path, model: str, weights: str, layers: int) -> None:
    folder = shared / "data/models" / model
    net = pydn.load(folder / "net.cfg", folder / weights)
    report = net.report
    assert report.layers_loaded >= layers
    assert not report.complete
    assert report.bytes_left == 0
    assert net.partial(layers).tobytes()[20:] == (folder / weights).read_bytes()[20:]
