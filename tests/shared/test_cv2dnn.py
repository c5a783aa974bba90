"""`pydn.cv2dnn` gives what OpenCV 4.12 gave (recorded beside the models), and what an installed OpenCV 4 gives now."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pydn import cv2dnn
from pydn._core.plan import Plan
from pydn.errors import Error

from ..opencv_scripts import SCRIPTS, Found

DETECTORS = """
dronet-car mobilenetv2-yolo-fastest-voc-v2 mobilenetv2-yolov3-nano-coco yolo-fastest-1.1-coco yolo-fastest-voc
yolo-lite-trial3-nobn-voc yolo-lite-trial3-voc yolo-lite-trial6-coco yoloface-500k-v2 yoloface-50k
""".split()
CLASSIFIERS = ["cifar_small", "mnist_lenet", "tiny-darknet-imagenet"]
# Both modules run in turn; in OpenCV 5 the functions are there as names that only raise, or not at all.
importer = pytest.mark.skipif(
    not hasattr(cv2.dnn, "readNetFromDarknet") or int(cv2.__version__.split(".")[0]) >= 5,
    reason=f"OpenCV {cv2.__version__} has no darknet importer to compare with",
)


def files(shared: Path, model: str) -> tuple[str, str]:
    folder = shared / "data/models" / model
    return str(folder / "net.cfg"), str(folder / "net.weights")


@pytest.mark.parametrize("model", DETECTORS)
def test_recorded_rows(shared: Path, model: str) -> None:
    net = cv2dnn.readNetFromDarknet(*files(shared, model))
    folder = shared / "data/models" / model
    recorded = np.load(folder / "expected_opencv_raw.npz")
    heads = {key.removesuffix("__shape") for key in recorded.files if key.endswith("__shape")}
    assert set(net.getUnconnectedOutLayersNames()) == heads
    image = cv2.imread(str(folder / "opencv_input.png"))
    net.setInput(cv2dnn.blobFromImage(image, 1 / 255, swapRB=True))
    for name in sorted(heads):
        rows = net.forward(name)
        assert rows.shape == tuple(recorded[f"{name}__shape"])
        values = recorded[f"{name}__values"]
        np.testing.assert_allclose(rows[recorded[f"{name}__rows"]], values, rtol=1e-4, atol=1e-4, err_msg=name)
        left_out = np.setdiff1d(np.arange(len(rows)), recorded[f"{name}__rows"])
        assert not rows[left_out, 5:].any()  # the recording has every row with a score


@pytest.mark.parametrize("model", DETECTORS)
def test_recorded_detections(shared: Path, model: str) -> None:
    recorded = json.loads((shared / "data/models" / model / "expected_opencv.json").read_text())
    thresh, overlap = recorded["postprocess"]["threshold"], recorded["postprocess"]["nms_iou"]
    size = tuple(recorded["preprocess"]["size_wh"])
    net = cv2dnn.readNetFromDarknet(*files(shared, model))
    compared = 0
    for name, expected in recorded["images"].items():
        file = shared / "data" / name
        image = cv2.imread(str(file if file.is_file() else shared / "data/datasets" / name))
        net.setInput(cv2dnn.blobFromImage(image, 1 / 255, size, swapRB=True))
        found = per_class(net, image.shape, thresh, overlap)
        loose = 0.02 if name.endswith(".jpg") else 0.002  # decoders of JPEG differ by up to 3 grey levels
        assert_same(found, expected["detections"], thresh, loose, name)
        compared += len(found)
    assert compared > 0


def per_class(net: cv2dnn.Net, shape: tuple[int, ...], thresh: float, overlap: float) -> list[dict[str, Any]]:
    rows = np.vstack(net.forward(net.getUnconnectedOutLayersNames()))
    unit = np.array([shape[1], shape[0]] * 2)
    boxes = np.hstack([rows[:, :2] - rows[:, 2:4] / 2, rows[:, 2:4]]) * unit
    found = []
    for c, scores in enumerate(rows[:, 5:].T):
        sure = np.flatnonzero(scores > thresh)
        kept = cv2dnn.NMSBoxes(boxes[sure].tolist(), scores[sure].tolist(), thresh, overlap)
        found += [{"class_id": c, "confidence": scores[i], "box": boxes[i]} for i in sure[np.array(kept, int).ravel()]]
    return found


def assert_same(
    found: list[dict[str, Any]], expected: list[dict[str, Any]], thresh: float, loose: float, what: str
) -> None:
    """Each box has its partner, save those that are as near the threshold as `loose`."""
    for ours, theirs in ((found, expected), (expected, found)):
        for one in ours:
            partners = [
                other
                for other in theirs
                if other["class_id"] == one["class_id"]
                and abs(other["confidence"] - one["confidence"]) <= loose
                and np.abs(np.subtract(other["box"], one["box"])).max() <= 2
            ]
            assert partners or one["confidence"] < thresh + loose, f"{what}: {one}"


@importer
@pytest.mark.parametrize("model", DETECTORS + CLASSIFIERS)
def test_names_and_numbers(shared: Path, model: str) -> None:
    theirs, ours = (module.readNetFromDarknet(*files(shared, model)) for module in (cv2.dnn, cv2dnn))
    assert_same_names(theirs, ours)
    for name in ours.getLayerNames():
        a, b = theirs.getLayer(name), ours.getLayer(name)
        assert (b.name, b.type) == (a.name, a.type)
        if a.type != "Region":  # whose anchors count as parameters there
            assert len(b.blobs) == len(a.blobs)
            for mine, other in zip(b.blobs, a.blobs, strict=True):
                np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-8)


def assert_same_names(theirs: Any, ours: cv2dnn.Net) -> None:
    assert ours.getLayerNames() == theirs.getLayerNames()
    assert ours.getLayerTypes() == theirs.getLayerTypes()
    assert ours.getUnconnectedOutLayersNames() == theirs.getUnconnectedOutLayersNames()
    numbers = theirs.getUnconnectedOutLayers()
    assert ours.getUnconnectedOutLayers().tolist() == numbers.tolist()
    assert ours.getUnconnectedOutLayers().dtype == numbers.dtype
    for name in theirs.getLayerNames()[-5:]:
        assert ours.getLayerId(name) == theirs.getLayerId(name)


@importer
def test_names_of_wild_cfgs(shared: Path) -> None:
    compared = 0
    for file in sorted((shared / "data/cfgs").glob("*/*.cfg")):
        try:
            if Plan(file.read_bytes()).parameters > 10_000_000:
                continue  # slow, and nothing new
            ours, theirs = cv2dnn.readNetFromDarknet(str(file)), cv2.dnn.readNetFromDarknet(str(file))
        except (Error, OSError, cv2.error):  # one of the two has no such layer, or the cfg is broken
            continue
        assert_same_names(theirs, ours)
        compared += 1
    assert compared >= 40


@importer
@pytest.mark.parametrize("model", DETECTORS + CLASSIFIERS)
@pytest.mark.parametrize(("images", "wider", "higher"), [(1, 0, 0), (3, 0, 0), (1, 32, 64)])
def test_rows(shared: Path, model: str, images: int, wider: int, higher: int) -> None:
    if model == "mnist_lenet" and wider:
        pytest.skip("connected layers have one size of input")
    theirs, ours = (module.readNetFromDarknet(*files(shared, model)) for module in (cv2.dnn, cv2dnn))
    cfg = Path(files(shared, model)[0]).read_text()
    width, height = (
        int(next(line for line in cfg.splitlines() if line.startswith(k)).split("=")[1]) for k in ("width", "height")
    )
    pictures = [cv2.imread(str(shared / "data/images" / name)) for name in ("dog.jpg", "astronaut.png", "horses.jpg")]
    blob = cv2.dnn.blobFromImages(pictures[:images], 1 / 255, (width + wider, height + higher), swapRB=True)
    names = ours.getUnconnectedOutLayersNames()
    theirs.setInput(blob)
    ours.setInput(blob)
    try:
        expected = theirs.forward(names)
    except cv2.error:
        assert images > 1
        assert "scale_channels" in cfg
        pytest.skip("OpenCV runs scale_channels with one image only")
    for name, a, b in zip(names, expected, ours.forward(names), strict=True):
        assert b.shape == a.shape
        assert b.dtype == a.dtype
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-4, err_msg=name)


@importer
@pytest.mark.parametrize("model", ["mnist_lenet", "yoloface-50k", "yolo-lite-trial3-voc"])
def test_every_layer(shared: Path, model: str) -> None:
    ours = cv2dnn.readNetFromDarknet(*files(shared, model))
    side = {"mnist_lenet": 28, "yoloface-50k": 56}.get(model, 64)
    x = np.random.default_rng(2).random((1, 3, side, side), dtype="f4")
    ours.setInput(x)
    for name in ours.getLayerNames():
        theirs = cv2.dnn.readNetFromDarknet(*files(shared, model))
        theirs.enableFusion(False)  # with it, inner layers are what lies in memory
        theirs.setInput(x)
        expected = theirs.forward(name)
        got = ours.forward(name)
        assert got.shape == expected.shape, name
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4 * max(1, np.abs(expected).max()), err_msg=name)


@importer
@pytest.mark.parametrize("model", DETECTORS)
@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts(shared: Path, script: Callable[..., Found], model: str) -> None:
    cfg, weights = files(shared, model)
    size = (320, 256)
    for picture in ("dog.jpg", "person.jpg"):
        image = cv2.imread(str(shared / "data/images" / picture))
        theirs, ours = (script(module, cfg, weights, image, size) for module in (cv2.dnn, cv2dnn))
        assert [found[0] for found in ours] == [found[0] for found in theirs]
        for (_, a, box_a), (_, b, box_b) in zip(theirs, ours, strict=True):
            assert b == pytest.approx(a, abs=1e-4)
            assert np.abs(np.subtract(box_a, box_b)).max() <= 1  # a number just under a whole one


@importer
@pytest.mark.parametrize("model", CLASSIFIERS)
def test_classification(shared: Path, model: str) -> None:
    for picture in ("dog.jpg", "eagle.jpg", "coffee.png"):
        image = cv2.imread(str(shared / "data/images" / picture))
        results = []
        for module in (cv2.dnn, cv2dnn):
            classifier = module.ClassificationModel(*reversed(files(shared, model)))
            side = 224 if "imagenet" in model else 28
            classifier.setInputParams(1 / 255, (side, side), (0, 0, 0), True, True)
            results.append(classifier.classify(image))
        assert results[1][0] == results[0][0]
        assert results[1][1] == pytest.approx(results[0][1], abs=1e-4)
