"""`pydn.cv2dnn` without OpenCV's importer: names, shapes, arguments, and values computed by hand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import pydn
from pydn import cv2dnn, demo

from ..opencv_scripts import SCRIPTS, Found

NET = "[net]\nwidth=8\nheight=6\nchannels=2\n"
CLASSES = 3


def convolution(filters: int, *, activation: str = "linear", batch_norm: int = 0, size: int = 1) -> str:
    keys = f"batch_normalize={batch_norm}\nfilters={filters}\nsize={size}\npad=1\nactivation={activation}\n"
    return "[convolutional]\n" + keys


def yolo(extra: str = "") -> str:
    return f"[yolo]\nmask=1,0\nanchors=2,3,5,7\nclasses={CLASSES}\nnum=2\n{extra}"


def region(extra: str = "") -> str:
    return f"[region]\nanchors=1,1.5,2,2.5\nclasses={CLASSES}\ncoords=4\nnum=2\nsoftmax=1\n{extra}"


def read(*sections: str, seed: int = 1) -> tuple[cv2dnn.Net, pydn.Network]:
    """Return a net with random parameters, and the engine's with the same."""
    cfg = (NET + "".join(sections)).encode()
    engine = pydn.load(cfg, outputs="all", prepare="none")
    rng = np.random.default_rng(seed)
    for (_, name), values in engine.weights.items():
        values[...] = rng.random(values.shape) + 0.1 if name == "rolling_variance" else rng.normal(size=values.shape)
    return cv2dnn.readNetFromDarknet(cfg, engine.weights.tobytes()), engine


def blob(images: int = 1, width: int = 8, height: int = 6) -> np.ndarray:
    return np.random.default_rng(5).random((images, 2, height, width), dtype="f4")


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-np.asarray(x, dtype="f8")))


# What OpenCV 4.12 answers for these cfgs.
NAMES = {
    "conv_0 bn_0 leaky_1 conv_1": [convolution(4, activation="leaky", batch_norm=1), convolution(2)],
    "conv_0 relu_1 pool_1 avgpool_2 softmax_3 identity_4": [
        convolution(4, activation="relu"), "[maxpool]\nsize=2\nstride=2\n", "[avgpool]\n", "[softmax]\n", "[cost]\n",
    ],
    "conv_0 permute_1 detection_out": [convolution(16), region()],
    "conv_0 permute_1 yolo_1 identity_2 permute_3 yolo_3": [convolution(16), yolo(), "[route]\nlayers=-2\n", yolo()],
    "conv_0 concat_1 slice_2 upsample_3 reorg_4": [
        convolution(4), "[route]\nlayers=-1,0\n", "[route]\nlayers=-1\ngroups=2\n", "[upsample]\nstride=2\n",
        "[reorg]\nstride=2\n",
    ],
    "conv_0 concat_1 slice_2 slice_3 concat_4 conv_5": [
        convolution(4), "[route]\nlayers=-1,0\n", "[route]\nlayers=-1,-2\ngroups=2\ngroup_id=1\n", convolution(2),
    ],
    "conv_0 conv_1 shortcut_2 leaky_3 sam_3 avgpool_4 scale_channels_5 swish_6": [
        convolution(4), convolution(4), "[shortcut]\nfrom=-2\nactivation=leaky\n", "[sam]\nfrom=-3\n", "[avgpool]\n",
        "[scale_channels]\nfrom=-2\nactivation=swish\n",
    ],
    "conv_0 fullyConnected_1 bn_1 leaky_2 identity_2 fullyConnected_3": [
        convolution(4), "[connected]\noutput=3\nbatch_normalize=1\nactivation=leaky\n", "[dropout]\n",
        "[connected]\noutput=2\nactivation=linear\n",
    ],
}  # fmt: skip


@pytest.mark.parametrize("names", NAMES)
def test_names(names: str) -> None:
    net = cv2dnn.readNetFromDarknet((NET + "".join(NAMES[names])).encode())
    assert net.getLayerNames() == tuple(names.split())
    for number, name in enumerate(names.split(), start=1):
        assert net.getLayerId(name) == number
        assert net.getLayer(number).name == net.getLayer(name).name == name
    assert net.getLayerId("nothing") == -1
    assert net.getLayerId("data") == -1


def test_heads_and_unread_layers_are_unconnected() -> None:
    net, _ = read(convolution(16), convolution(2), "[route]\nlayers=0\n", yolo(), "[route]\nlayers=-2\n", yolo())
    assert net.getUnconnectedOutLayersNames() == ("conv_1", "yolo_3", "yolo_5")
    numbers = net.getUnconnectedOutLayers()
    assert numbers.dtype == np.int32
    assert numbers.tolist() == [2, 5, 8]
    net.setInput(blob())
    outputs = net.forward(net.getUnconnectedOutLayersNames())
    assert [output.shape for output in outputs] == [(1, 2, 6, 8), (96, 8), (96, 8)]
    np.testing.assert_array_equal(outputs[1], outputs[2])


def expected_row(values: np.ndarray, x: int, y: int, anchor: tuple[float, float], unit: tuple[int, int]) -> np.ndarray:
    """One row of [yolo] before thresholds, from the 8 values that the convolution gives; 8×6 cells."""
    centre = (sigmoid(values[0]) + x) / 8, (sigmoid(values[1]) + y) / 6
    size = np.exp(values[2]) * anchor[0] / unit[0], np.exp(values[3]) * anchor[1] / unit[1]
    objectness = sigmoid(values[4])
    return np.array([*centre, *size, objectness, *(objectness * sigmoid(values[5:]))])


@pytest.mark.parametrize(("extra", "thresh"), [("", 0.2), ("thresh=.05\n", 0.05), ("thresh=0.4\n", 0.4)])
def test_rows_of_yolo(extra: str, thresh: float) -> None:
    net, engine = read(convolution(16), yolo(extra))
    x = blob()
    engine.forward(x)
    raw = engine.layers[0].output[0].reshape(2, 8, 6, 8)
    net.setInput(x)
    rows = net.forward()
    assert rows.shape == (96, 8)
    above = 0
    for anchor, size in enumerate([(5, 7), (2, 3)]):  # mask=1,0
        for row in range(6):
            for column in range(8):
                expected = expected_row(raw[anchor, :, row, column], column, row, size, (8, 6))
                expected[5:][expected[5:] <= thresh] = 0
                above += np.count_nonzero(expected[5:])
                np.testing.assert_allclose(rows[(row * 8 + column) * 2 + anchor], expected, rtol=1e-5, atol=1e-6)
    assert 0 < above < 288


def test_coordinates_of_later_yolos() -> None:
    plain, engine = read(convolution(16, activation="logistic"), yolo())
    scaled, _ = read(convolution(16, activation="logistic"), yolo("scale_x_y=1.5\nnew_coords=1\nthresh=0\n"))
    x = blob()
    engine.forward(x)
    raw = engine.layers[0].output[0].reshape(2, 8, 6, 8)
    scaled.setInput(x)
    got = scaled.forward()[(4 * 8 + 3) * 2]  # row 4, column 3, first of the mask
    values = raw[0, :, 4, 3].astype("f8")
    centre = ((values[0] - 0.5) * 1.5 + 0.5 + 3) / 8, ((values[1] - 0.5) * 1.5 + 0.5 + 4) / 6
    size = (2 * values[2]) ** 2 * 5 / 8, (2 * values[3]) ** 2 * 7 / 6
    np.testing.assert_allclose(got, [*centre, *size, values[4], *(values[4] * values[5:])], rtol=1e-5)
    assert plain.getLayerNames() == scaled.getLayerNames()


def test_rows_of_region() -> None:
    net, engine = read(convolution(16), region("thresh=.1\n"))
    cv2dnn.DetectionModel(net)  # switches the suppression inside the layer off
    x = blob()
    engine.forward(x)
    raw = engine.layers[0].output[0].reshape(2, 8, 6, 8).astype("f8")
    net.setInput(x)
    rows = net.forward("detection_out").reshape(6, 8, 2, 8)
    for anchor, size in enumerate([(1, 1.5), (2, 2.5)]):
        values = raw[anchor, :, 2, 7]
        classes = np.exp(values[5:]) / np.exp(values[5:]).sum()
        expected = expected_row(values, 7, 2, size, (8, 6))
        expected[5:] = expected[4] * classes
        expected[5:][expected[5:] <= 0.1] = 0
        np.testing.assert_allclose(rows[2, 7, anchor], expected, rtol=1e-5, atol=1e-6)


def test_suppression_inside_region() -> None:
    """Of two boxes of a class that overlap by more than 0.4, the better one keeps its score."""
    net, _ = read(convolution(16), region())
    net.setInput(blob())
    kept = net.forward()
    cv2dnn.DetectionModel(net)
    every = net.forward()
    np.testing.assert_array_equal(kept[:, :5], every[:, :5])
    lost = (every[:, 5:] > 0) & (kept[:, 5:] == 0)
    assert lost.any()
    assert ((kept[:, 5:] == every[:, 5:]) | lost).all()
    for c in range(CLASSES):
        left = np.flatnonzero(kept[:, 5 + c])
        assert all(overlap(every[i], every[j]) <= 0.4 + 1e-6 for i in left for j in left if i < j)
        for loser in np.flatnonzero(lost[:, c]):
            assert any(
                overlap(every[loser], every[i]) > 0.4 - 1e-6 and every[i, 5 + c] >= every[loser, 5 + c] for i in left
            )


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    low = np.maximum(a[:2] - a[2:4] / 2, b[:2] - b[2:4] / 2)
    high = np.minimum(a[:2] + a[2:4] / 2, b[:2] + b[2:4] / 2)
    common = float(np.prod(np.maximum(0, high - low)))
    return common / float(a[2] * a[3] + b[2] * b[3] - common)


def test_epsilon_of_batch_norm() -> None:
    net, engine = read(convolution(3, batch_norm=1))
    variance = np.array([0, 1e-6, 0.5], dtype="f4")
    engine.weights[0, "rolling_variance"][...] = variance
    net = cv2dnn.readNetFromDarknet((NET + convolution(3, batch_norm=1)).encode(), engine.weights.tobytes())
    x = blob()
    net.setInput(x)
    w = {name: engine.weights[0, name].astype("f8").reshape(3, -1) for _, name in engine.weights}
    raw = np.einsum("fc,chw->fhw", w["weights"], x[0].astype("f8"))
    column = (3, 1, 1)
    normalised = (raw - w["rolling_mean"].reshape(column)) / np.sqrt(variance.astype("f8") + 1e-6).reshape(column)
    expected = w["scales"].reshape(column) * normalised + w["biases"].reshape(column)
    np.testing.assert_allclose(net.forward()[0], expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(net.forward("conv_0")[0], raw, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(net.getParam("bn_0", 1), variance[None], atol=1e-11)


def test_inner_layers() -> None:
    net, engine = read(convolution(4, activation="leaky", batch_norm=1, size=3), convolution(4), "[shortcut]\nfrom=0\n")
    x = blob(2)
    net.setInput(x)
    engine.forward(x[1:])
    bn, leaky, conv, total = net.forward(["bn_0", "leaky_1", "conv_1", "shortcut_2"])
    np.testing.assert_allclose(leaky, np.where(bn > 0, bn, 0.1 * bn), rtol=1e-6)
    np.testing.assert_allclose(total, leaky + conv, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(leaky[1:], engine.layers[0].output, rtol=1e-3, atol=1e-3)  # another epsilon
    before = leaky.copy()
    net.setInput(2 * x)
    net.forward("leaky_1")
    np.testing.assert_array_equal(leaky, before)


def test_sizes_of_input() -> None:
    net, _ = read(convolution(16, size=3), yolo())
    for images, width, height in [(1, 8, 6), (3, 8, 6), (2, 20, 11), (1, 5, 5), (1, 8, 6)]:
        x = blob(images, width, height)
        net.setInput(x)
        rows = net.forward()
        assert rows.shape == ((width * height * 2, 8) if images == 1 else (images, width * height * 2, 8))
        assert net.forward("permute_1").shape == (images, height, width, 16)
        for image in range(images):
            net.setInput(x[image : image + 1])
            np.testing.assert_allclose(net.forward(), rows if images == 1 else rows[image], rtol=1e-5, atol=1e-6)


def test_keys_left_out_have_opencv_s_defaults() -> None:
    """Linear, not logistic; pooling of 2 with stride 2, reorg of 2."""
    bare = "[convolutional]\nfilters=4\nsize=1\n", "[maxpool]\n", "[upsample]\n"
    full = "[convolutional]\nfilters=4\nsize=1\nactivation=linear\n", "[maxpool]\nsize=2\nstride=2\n"
    (a, _), (b, _) = read(*bare), read(*full)
    assert a.getLayerNames() == ("conv_0", "pool_1", "upsample_2")
    for net in (a, b):
        net.setInput(blob())
    np.testing.assert_array_equal(a.forward(), b.forward())


def test_forms_of_forward() -> None:
    net, _ = read(convolution(16), yolo())
    net.setInput(blob())
    rows = net.forward()
    for outputs in (
        (net.forward("yolo_1"),),
        (net.forward(outputName="yolo_1"),),
        net.forward(["yolo_1"]),
        net.forward(("yolo_1",)),
        net.forward(np.array(["yolo_1"])),
        net.forward(outBlobNames=["yolo_1"]),
        net.forward([]),
        net.forwardAndRetrieve(["yolo_1"])[0],
    ):
        assert isinstance(outputs, tuple)
        assert len(outputs) == 1
        np.testing.assert_array_equal(outputs[0], rows)
    assert rows.flags.writeable
    ticks, times = net.getPerfProfile()
    assert 0 < ticks / cv2.getTickFrequency() < 60
    assert times.shape == (3,)


def test_scale_and_mean() -> None:
    net, _ = read(convolution(3))
    pixels = np.random.default_rng(1).integers(0, 256, (1, 2, 6, 8), dtype=np.uint8)
    net.setInput(pixels, "data", 1 / 255, (10, 20))
    got = net.forward()
    net.setInput((pixels - np.array([10, 20], dtype="f4").reshape(1, 2, 1, 1)) / 255)
    np.testing.assert_allclose(got, net.forward(), rtol=1e-5, atol=1e-6)
    net.setInput(pixels.astype("f4"), scalefactor=0.5, mean=10)  # a number is a Scalar: 10, 0, 0, 0
    got = net.forward()
    net.setInput((pixels - np.array([10, 0], dtype="f4").reshape(1, 2, 1, 1)) * 0.5)
    np.testing.assert_allclose(got, net.forward(), rtol=1e-5, atol=1e-5)


def test_input_is_copied() -> None:
    net, _ = read(convolution(3))
    x = blob()
    net.setInput(x)
    expected = net.forward()
    x[...] = 0
    np.testing.assert_array_equal(net.forward(), expected)


def test_classifier() -> None:
    sections = [convolution(4, activation="leaky"), "[avgpool]\n", "[softmax]\n", "[cost]\n"]
    cfg = (NET.replace("channels=2", "channels=3") + "".join(sections)).encode()
    net = cv2dnn.readNetFromDarknet(cfg)
    model = cv2dnn.ClassificationModel(net)
    picture = np.random.default_rng(3).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    assert model.setInputSize(8, 6).setInputScale(1 / 255).setInputSwapRB(True) is model
    chosen, score = model.classify(picture)
    net.setInput(cv2dnn.blobFromImage(picture, 1 / 255, (8, 6), swapRB=True))
    scores = net.forward()
    assert scores.shape == (1, 4, 1, 1)
    assert type(chosen) is int
    assert chosen == scores.argmax()
    assert score == pytest.approx(scores.max(), rel=1e-6)
    assert not model.getEnableSoftmaxPostProcessing()
    again = model.setEnableSoftmaxPostProcessing(True).classify(picture)
    assert again[0] == chosen
    assert again[1] == pytest.approx(float((np.exp(scores) / np.exp(scores).sum()).max()), rel=1e-5)


def test_outputs_of_connected_layers_have_two_dimensions() -> None:
    connected = "[connected]\noutput=5\nactivation=relu\n"
    net, _ = read(convolution(4), connected, "[dropout]\n", connected, "[softmax]\n")
    net.setInput(blob(2))
    shapes = [net.forward(name).shape for name in net.getLayerNames()]
    assert shapes == [(2, 4, 6, 8), *[(2, 5)] * 6]


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_find_what_is_drawn(script: Callable[..., Found]) -> None:
    image, shapes = demo.picture(seed=1)
    size = (demo.WIDTH // 2, demo.HEIGHT // 2)
    found = script(cv2dnn, demo.cfg(), demo.weights(), image, size)
    assert len(found) == len(shapes) > 3
    for shape in shapes:
        box = np.array([*shape.xyxy[:2], shape.xyxy[2] - shape.xyxy[0], shape.xyxy[3] - shape.xyxy[1]])
        assert any(demo.NAMES[c] == shape.name and np.abs(np.subtract(b, box)).max() < 12 for c, _, b in found)


def test_detection_model() -> None:
    image, shapes = demo.picture(seed=2)
    model = cv2dnn.DetectionModel(cv2dnn.readNetFromDarknet(demo.cfg(), demo.weights()))
    model.setInputParams(scale=1 / 255, size=(demo.WIDTH // 2, demo.HEIGHT // 2), swapRB=True)
    classes, scores, boxes = model.detect(image, 0.3, 0.45)
    assert [part.dtype for part in (classes, scores, boxes)] == [np.int32, np.float32, np.int32]
    assert (classes.shape, scores.shape, boxes.shape) == ((len(shapes),), (len(shapes),), (len(shapes), 4))
    assert (np.diff(classes) >= 0).all()  # class by class
    assert len(model.detect(image, 0.3)[0]) > len(shapes)  # no suppression unless asked for
    assert model.detect(image, 1.0, 0.45) == ((), (), ())
    assert not model.getNmsAcrossClasses()
    across = model.setNmsAcrossClasses(True).detect(image, 0.01, 0.45)
    assert len(across[0]) <= len(model.setNmsAcrossClasses(False).detect(image, 0.01, 0.45)[0])
    assert (np.diff(across[1]) <= 0).all()  # best first
    assert [rows.shape[1] for rows in model.predict(image)] == [5 + len(demo.NAMES)]


def test_boxes_are_clipped_to_the_picture() -> None:
    net, _ = read(convolution(16), yolo("thresh=0\n"), seed=4)
    net._net.weights[0, "weights"][[2, 3, 10, 11]] = 0  # anchors' own sizes, up to 7 of 6 pixels
    model = cv2dnn.DetectionModel(net).setInputSize((8, 6))
    frame = np.zeros((60, 80, 2), dtype=np.uint8)
    model.predict = lambda frame: (np.array([[0.05, 0.9, 0.4, 0.5, 1, 0, 0.8, 0]], dtype="f4"),)
    classes, _, boxes = model.detect(frame, 0.5)
    # 80·(0.05, 0.4) = 4, 32; 60·(0.9, 0.5) = 54, 30: left 4 − 16 → 0, top 54 − 15 = 39, height 30 → 21
    assert classes.tolist() == [1]
    assert boxes.tolist() == [[0, 39, 32, 21]]


def test_paths_buffers_and_readnet(tmp_path: Path) -> None:
    cfg, weights = tmp_path / "a.cfg", tmp_path / "a.weights"
    cfg.write_bytes(demo.cfg())
    weights.write_bytes(demo.weights())
    buffers = tuple(np.frombuffer(data, dtype=np.uint8) for data in (demo.cfg(), demo.weights()))
    x = np.random.default_rng(1).random((1, 3, demo.HEIGHT // 2, demo.WIDTH // 2), dtype="f4")
    outputs = []
    for net in (
        cv2dnn.readNetFromDarknet(cfg, weights),
        cv2dnn.readNetFromDarknet(str(cfg), str(weights)),
        cv2dnn.readNetFromDarknet(*buffers),
        cv2dnn.readNetFromDarknet(bytearray(demo.cfg()), memoryview(demo.weights())),
        cv2dnn.readNet(str(cfg), str(weights)),
        cv2dnn.readNet(str(weights), str(cfg)),
        cv2dnn.readNet(weights, cfg, "darknet"),
        cv2dnn.readNet("darknet", buffers[1], buffers[0]),
        cv2dnn.DetectionModel(str(weights), str(cfg))._net,
    ):
        assert not net.empty()
        net.setInput(x)
        outputs.append(net.forward())
    assert outputs[0][:, 5:].any() or outputs[0][:, 4].any()
    assert all(np.array_equal(output, outputs[0]) for output in outputs)


def test_what_is_refused(tmp_path: Path) -> None:
    net, _ = read(convolution(16), yolo())
    with pytest.raises(ValueError, match="setInput"):
        net.forward()
    with pytest.raises(pydn.ShapeError, match="2 channels"):
        net.setInput(np.zeros((1, 3, 6, 8), dtype="f4"))
    with pytest.raises(ValueError, match=r"\(3, 6, 8\)"):
        net.setInput(np.zeros((3, 6, 8), dtype="f4"))
    with pytest.raises(KeyError, match="nope"):
        net.setInput(blob(), "nope")
    net.setInput(blob())
    with pytest.raises(KeyError, match="nope"):
        net.forward("nope")
    with pytest.raises(KeyError, match="99"):
        net.getLayer(99)
    with pytest.raises(FileNotFoundError):
        cv2dnn.readNetFromDarknet(tmp_path / "nothing.cfg")
    with pytest.raises(pydn.UnsupportedError, match=r"activation=elu.*pydn\.load"):
        cv2dnn.readNetFromDarknet((NET + convolution(2, activation="elu")).encode())
    with pytest.raises(pydn.UnsupportedError, match=r"softmax=0"):
        cv2dnn.readNetFromDarknet((NET + convolution(16) + region().replace("softmax=1", "softmax=0")).encode())
    with pytest.raises(pydn.WeightsError):
        cv2dnn.readNetFromDarknet(demo.cfg(), demo.weights()[:-3])
    with pytest.raises(pydn.DataError, match=r"\.cfg"):
        cv2dnn.readNet(str(tmp_path / "a.weights"))
    with pytest.raises(ValueError, match="setInputSize"):
        cv2dnn.DetectionModel(net).setInputSize(0, 0).predict(np.zeros((4, 4, 3), dtype=np.uint8))
    assert cv2dnn.Net().empty()
    with pytest.raises(pydn.UnsupportedError, match="readNetFromDarknet"):
        cv2dnn.Net().forward()


def test_bytes_left_over_are_ignored() -> None:
    """As OpenCV does."""
    assert not cv2dnn.readNetFromDarknet(demo.cfg(), demo.weights() + bytes(8)).empty()


def test_settings_are_accepted() -> None:
    net, _ = read(convolution(16), yolo())
    for backend in (cv2dnn.DNN_BACKEND_DEFAULT, cv2dnn.DNN_BACKEND_OPENCV, cv2dnn.DNN_BACKEND_CUDA):
        net.setPreferableBackend(backend)
    for target in (cv2dnn.DNN_TARGET_CPU, cv2dnn.DNN_TARGET_OPENCL_FP16, cv2dnn.DNN_TARGET_CUDA_FP16):
        net.setPreferableTarget(target)
    net.enableFusion(False)
    net.enableWinograd(False)
    assert net.getLayersCount("Convolution") == 1
    assert net.getLayerTypes() == ("Convolution", "Permute", "Region", "__NetInputLayer__")
    assert net.getFLOPS((1, 2, 12, 16)) == 4 * net.getFLOPS((1, 2, 6, 8)) == 2 * net.getFLOPS((2, 2, 6, 8))


def test_constants_are_opencv_s() -> None:
    shared = [name for name in dir(cv2dnn) if name.startswith("DNN_") and hasattr(cv2.dnn, name)]
    assert len(shared) > 15
    assert all(getattr(cv2dnn, name) == getattr(cv2.dnn, name) for name in shared)


def test_the_module_stands_in_for_cv2_dnn(tmp_path: Path) -> None:
    script = (
        "import cv2, pydn.cv2dnn\n"
        "cv2.dnn = pydn.cv2dnn\n"
        "from pydn import demo\n"
        "net = cv2.dnn.readNetFromDarknet(demo.cfg(), demo.weights())\n"
        "net.setInput(cv2.dnn.blobFromImage(demo.picture()[0], 1 / 255, (320, 240)))\n"
        "print(net.forward().shape, callable(cv2.dnn.readNetFromONNX))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "True"


def test_the_page_on_opencv(tmp_path: Path) -> None:
    """The Python in docs/opencv.md runs as it stands."""
    page = Path(__file__).parents[2] / "docs/opencv.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 3
    (tmp_path / "net.cfg").write_bytes(demo.cfg())
    (tmp_path / "net.weights").write_bytes(demo.weights())
    cv2.imwrite(str(tmp_path / "street.png"), demo.picture()[0])
    for block in blocks:
        done = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, block + done.stderr
