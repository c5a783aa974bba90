"""From picture files to objects and labels, as the reference's `detector test` and `classifier predict` gave them."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import pydn
from pydn._core import vision

DETECTORS = """
dronet-car mobilenetv2-yolo-fastest-voc-v2 mobilenetv2-yolov3-nano-coco yolo-fastest-1.1-coco yolo-fastest-voc
yolo-lite-trial3-nobn-voc yolo-lite-trial3-voc yolo-lite-trial6-coco yoloface-500k-v2 yoloface-50k
""".split()
THRESHOLD = 0.25
# The reference decodes JPEG with stb_image, not with OpenCV's library: pixels differ by up to 3 levels, confidences by
# less than 0.02, save those of one model and picture (0.028), and what lies that near the threshold may appear or not.
# test_difference_is_the_decoder shows that nothing else differs; PNG files have no such difference.
JPEG, PNG = 0.02, 1e-5
ODD = {("dronet-car", "images/scream.jpg"): 0.03}
# For the same reason, of two neighbouring candidates with nearly equal confidence either may be the one that survives
# suppression: such a pair overlaps by more than the NMS threshold.
NMS = 0.45


def expected_boxes(objects: list[dict[str, Any]], width: int, height: int) -> np.ndarray:
    keys = ("center_x", "center_y", "width", "height")
    relative = np.array([[o["relative_coordinates"][k] for k in keys] for o in objects]).reshape(-1, 4)
    return relative * [width, height, width, height]


def is_rival(
    found: pydn.Detections, i: int, ours: np.ndarray, box: np.ndarray, one: dict[str, Any], confidence: float
) -> bool:
    if found.class_id[i] != one["class_id"] or abs(found.confidence[i] - one["confidence"]) > confidence:
        return False
    return bool(vision.box_iou(ours[None].astype("f4"), box[None].astype("f4"))[0] > NMS)


def compare(found: pydn.Detections, objects: list[dict[str, Any]], width: int, height: int, confidence: float) -> None:
    """Every object has its own detection: class equal, box within 2 pixels, confidence near; and none is left."""
    corners = found.xyxy.reshape(-1, 4)
    ours = np.column_stack([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]])
    free = set(range(len(found)))
    for box, one in zip(expected_boxes(objects, width, height), objects, strict=True):
        near = [
            i
            for i in free
            if found.class_id[i] == one["class_id"]
            and np.abs(ours[i] - box).max() <= 2
            and abs(found.confidence[i] - one["confidence"]) <= confidence
        ]
        if near:
            distances = [float(np.abs(ours[i] - box).max()) for i in near]
            free.remove(near[int(np.argmin(distances))])
            continue
        rivals = [i for i in free if is_rival(found, i, ours[i], box, one, confidence)]
        if rivals and confidence > PNG:
            free.remove(rivals[0])
        else:
            assert one["confidence"] < THRESHOLD + confidence, one
    assert all(found.confidence[i] < THRESHOLD + confidence for i in free), found[sorted(free)]


@pytest.mark.parametrize(
    ("model", "form"),
    [*((model, "expected_darknet") for model in DETECTORS), ("yolo-fastest-1.1-coco", "expected_darknet_letterbox")],
)
def test_detector(shared: Path, model: str, form: str) -> None:
    folder = shared / "data/models" / model
    net = pydn.load(folder / "net.cfg", folder / "net.weights", names=folder / "names")
    for name, one in json.loads((folder / f"{form}.json").read_text())["images"].items():
        image = cv2.imread(str(shared / "data" / name))
        found = net.detect(image, thresh=THRESHOLD, letterbox=True if form.endswith("letterbox") else None)
        confidence = PNG if name.endswith(".png") else ODD.get((model, name), JPEG)
        compare(found, one["objects"], image.shape[1], image.shape[0], confidence)


def test_difference_is_the_decoder(shared: Path) -> None:
    """The worst case again, with the pixels that stb_image makes of that file: nothing is left of the difference.

    The small picture beside this file is the difference of the two decoders' pixels, plus 128.
    """
    image = cv2.imread(str(shared / "data/images/scream.jpg"))
    difference = cv2.imread(str(Path(__file__).parent / "data/scream_stb_minus_libjpeg.png")).astype(int) - 128
    assert np.abs(difference).max() == 3
    pixels = (image + difference).astype(np.uint8)
    for model in DETECTORS:
        folder = shared / "data/models" / model
        net = pydn.load(folder / "net.cfg", folder / "net.weights", names=folder / "names")
        recorded = json.loads((folder / "expected_darknet.json").read_text())["images"]["images/scream.jpg"]
        compare(net.detect(pixels, thresh=THRESHOLD), recorded["objects"], image.shape[1], image.shape[0], PNG)


def test_detector_command(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`pydn detector test` on dog.jpg: the reference's objects in its -out file, its lines on standard output."""
    from pydn.cli import main

    folder = shared / "data/models/yolo-fastest-1.1-coco"
    image = shared / "data/images/dog.jpg"
    monkeypatch.chdir(tmp_path)
    Path("coco.data").write_text(f"classes = 80\nnames = {folder / 'names'}\n")
    words = ["detector", "test", "coco.data", str(folder / "net.cfg"), str(folder / "net.weights"), str(image)]
    assert main([*words, "-dont_show", "-ext_output", "-out", "result.json"]) == 0
    golden = json.loads((folder / "expected_darknet.json").read_text())["images"]["images/dog.jpg"]
    (result,) = json.loads(Path("result.json").read_text())
    assert result["filename"] == str(image)
    assert len(result["objects"]) == len(golden["objects"])
    lines = [line for line in capsys.readouterr().out.splitlines() if "%" in line]
    assert [line.split(":")[0] for line in lines] == [row["name"] for row in golden["printed"]]
    for line, row in zip(lines, golden["printed"], strict=True):
        assert abs(int(line.split(":")[1].split("%")[0]) - row["percent"]) <= 2
        numbers = [int(word) for word in line.replace(")", " ").split() if word.lstrip("-").isdigit()]
        assert np.abs(np.array(numbers) - [row[k] for k in ("left_x", "top_y", "width", "height")]).max() <= 2
    assert Path("predictions.jpg").exists()


def recorded_predictions(text: str) -> dict[str, list[tuple[str, float]]]:
    """Picture → (label, probability) pairs, from what AlexeyAB's program printed."""
    part = text.split("#####")[1]
    found: dict[str, list[tuple[str, float]]] = {}
    name = ""
    for line in part.splitlines():
        if line.endswith(": Predicted.") or ": Predicted in" in line:
            name = line.split(": Predicted")[0]
            found[name] = []
        elif name and ": " in line and not line.startswith("Enter"):
            label, probability = line.rsplit(": ", 1)
            found[name].append((label, float(probability)))
    return {key: rows for key, rows in found.items() if rows}


@pytest.mark.parametrize("model", ["tiny-darknet-imagenet", "cifar_small", "mnist_lenet"])
def test_classifier(shared: Path, model: str) -> None:
    folder = shared / "data/models" / model
    net = pydn.load(folder / "net.cfg", folder / "net.weights", names=folder / "names")
    recorded = recorded_predictions((folder / "expected_classify_predict.txt").read_text())
    assert recorded
    for name, rows in recorded.items():
        top = net.predict(shared / "data" / name, top=len(rows))
        tolerance = 2e-5 if name.endswith(".png") else JPEG
        for (label, probability), (expected_label, expected) in zip(top, rows, strict=True):
            assert abs(probability - expected) <= tolerance, (name, list(top), rows)
            # Labels of nearly equal probability may change places.
            assert label == expected_label or any(abs(expected - p) <= 2 * tolerance for n, p in rows if n == label)


def test_classifier_command(shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pydn.cli import main

    folder = shared / "data/models/tiny-darknet-imagenet"
    data = tmp_path / "imagenet.data"
    data.write_text(f"classes=1000\nnames = {folder / 'names'}\ntop = 5\n")
    image = shared / "data/images/dog.jpg"
    assert (
        main(["classifier", "predict", str(data), str(folder / "net.cfg"), str(folder / "net.weights"), str(image)])
        == 0
    )
    recorded = recorded_predictions((folder / "expected_classify_predict.txt").read_text())["images/dog.jpg"]
    lines = [line for line in capsys.readouterr().out.splitlines() if ": " in line and "Predicted" not in line]
    rows = [line.rsplit(": ", 1) for line in lines][-5:]
    assert [label for label, _ in rows] == [label for label, _ in recorded]
    assert np.abs(np.array([float(p) for _, p in rows]) - [p for _, p in recorded]).max() <= JPEG
