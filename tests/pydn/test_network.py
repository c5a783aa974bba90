"""Networks of real weights: the detections and classes that the reference programs print."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydn
from pydn import batches

CFG = b"""[net]
batch=6
subdivisions=2
width=8
height=4
channels=3

[convolutional]
filters=14
size=1

[yolo]
mask=0,1
anchors=1,1, 2,2
classes=2
num=2
"""


def load(shared: Path, name: str, device: str, **options: Any) -> pydn.Network:
    folder = shared / "data/models" / name
    return pydn.load(folder / "net.cfg", folder / "net.weights", names=folder / "names", device=device, **options)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    common = np.prod(np.maximum(high - low, 0))
    return float(common / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - common))


@pytest.mark.parametrize(
    ("model", "file", "options"),
    [
        ("yolo-fastest-1.1-coco", "expected_darknet.json", {}),
        ("yolo-fastest-1.1-coco", "expected_darknet_letterbox.json", {"letterbox": True}),
        ("yolo-fastest-voc", "expected_darknet.json", {}),
        ("mobilenetv2-yolo-fastest-voc-v2", "expected_darknet.json", {}),
        ("yoloface-500k-v2", "expected_darknet.json", {}),
        ("yolo-lite-trial3-voc", "expected_darknet.json", {}),
        ("dronet-car", "expected_darknet.json", {}),  # 608x608: sees more of the decoders' difference
    ],
)
def test_detections_equal_the_reference(
    shared: Path, backend: str, model: str, file: str, options: dict[str, Any]
) -> None:
    """Same class; box within 2 pixels and 1 % of the image; confidence within .02: JPEG decoders differ by a level.

    What only one of the two finds must be close to the threshold.
    """
    net = load(shared, model, backend)
    path = shared / "data/models" / model / file
    if not path.exists():
        pytest.skip(f"{model} has no {file}")
    images = json.loads(path.read_text())["images"]
    assert len(images) >= 12
    compared = 0
    for name, expected in images.items():
        found = net.detect(shared / "data" / name, thresh=0.25, **options)
        size = np.array(found.image_size * 2)
        left = set(range(len(found)))
        for wanted in expected["objects"]:
            place = wanted["relative_coordinates"]
            centre = np.array([place["center_x"], place["center_y"]] * 2)
            half = np.array([-place["width"], -place["height"], place["width"], place["height"]]) / 2
            box = (centre + half) * size
            near = [
                i
                for i in left
                if found.label[i] == wanted["name"]
                and abs(found.confidence[i] - wanted["confidence"]) < (0.02 if net.width < 600 else 0.03)
                and np.all(np.abs(found.xyxy[i] - box) < np.maximum(2, 0.01 * size))
            ]
            assert near or wanted["confidence"] < 0.27, (name, wanted, found)
            left -= set(near[:1])
            compared += bool(near)
        assert all(found.confidence[i] < 0.27 for i in left), (name, found[sorted(left)])
    assert compared > 5


def printed_classes(path: Path, program: str) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    """Image and (label, probability), best first, from the recorded output of ``classifier predict``."""
    part = next(part for part in path.read_text().split("##### ") if part.startswith(program))
    images, _, output = part.partition("-----\n")
    groups = output.split("Enter Image Path: ")[1:]
    for image, group in zip(images.splitlines()[1:], groups, strict=False):
        if program == "pjreddie":
            rows = [(name, float(p) / 100) for p, name in re.findall(r"([\d.]+)%: (.*)", group)]
        else:
            rows = [(name, float(p)) for name, p in re.findall(r"^(.*): (\d\.\d{6})$", group, re.MULTILINE)]
        yield image, rows


@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
def test_classes_equal_the_reference(shared: Path, backend: str, dialect: Any) -> None:
    # pjreddie divides by sqrt(var) + 1e-6 in batch norm
    net = load(shared, "tiny-darknet-imagenet", backend, dialect=dialect)
    path = shared / "data/models/tiny-darknet-imagenet/expected_classify_predict.txt"
    compared = 0
    for image, rows in printed_classes(path, "AlexeyAB" if dialect == "alexeyab" else "pjreddie"):
        assert len(rows) == 5
        result = net.predict(shared / "data" / image)
        everything = dict(zip(net.names, result.probabilities.tolist(), strict=False))
        for label, probability in rows:
            assert everything[label] == pytest.approx(probability, abs=0.02), (image, label)
        if rows[0][1] > rows[1][1] + 0.04:
            assert result.label == rows[0][0], image
        compared += 1
    assert compared >= 20


def test_batches_equal_single_images(shared: Path, backend: str) -> None:
    net = load(shared, "yoloface-50k", backend, batch=2)
    names = ["astronaut.png", "person.jpg", "dog.jpg"]
    images = [shared / "data/images" / name for name in names]
    together = net.detect_batch(images, thresh=0.1)
    assert isinstance(together, list)
    assert [len(found) for found in together] == [len(net.detect(image, thresh=0.1)) for image in images]
    for found, image in zip(together, images, strict=True):
        np.testing.assert_allclose(found.xyxy, net.detect(image, thresh=0.1).xyxy, atol=1e-3)

    taken = []
    stream = net.detect_batch((taken.append(image) or image for image in images), thresh=0.1)  # type: ignore[func-returns-value]
    assert isinstance(stream, Iterator)
    assert taken == []
    next(stream)
    assert len(taken) <= 2 + max(2, batches._THREADS)  # one group, and one ahead
    assert len(list(stream)) == 2


def test_facts_and_repr(backend: str) -> None:
    net = pydn.load(CFG, device=backend)
    assert repr(net) == f"Network(8x4x3, 2 layers, 2 classes, device='{backend}')"
    assert net.names == ["class 0", "class 1"]
    net.names = ["cat", "dog"]
    assert net.names == ["cat", "dog"]
    assert net.iteration == 0
    net.seen = 61
    assert net.iteration == 10  # batch=6


def test_every_form_of_an_image_gives_the_same(backend: str, rng: np.random.Generator, tmp_path: Path) -> None:
    import cv2

    net = pydn.load(CFG, device=backend)
    pixels = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    path = tmp_path / "x.png"
    cv2.imwrite(str(path), pixels)
    found = net.detect(pixels, thresh=0.01)
    assert len(found)
    assert net.detect(str(path), thresh=0.01) == found
    assert net.detect(path.read_bytes(), thresh=0.01) == found
    assert net.detect(np.ascontiguousarray(pixels[:, :, ::-1]), thresh=0.01, rgb=True) == found
    assert net.detect(pixels[:, :, ::-1], thresh=0.01) != found


def test_defaults_follow_the_dialect(backend: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (8, 40, 3), dtype=np.uint8)
    ab = pydn.load(CFG, device=backend)
    pj = pydn.load(CFG, device=backend, dialect="pjreddie")
    assert ab.detect(image) == ab.detect(image, thresh=0.25, letterbox=False)
    assert pj.detect(image) == pj.detect(image, thresh=0.5, letterbox=True)
    assert ab.detect(image, thresh=0) != ab.detect(image, thresh=0, letterbox=True)
    asks = pydn.load(CFG.replace(b"[net]", b"[net]\nletter_box=1"), device=backend)
    assert asks.detect(image, thresh=0) == asks.detect(image, thresh=0, letterbox=True)
    assert len(ab.detect(image, thresh=0, nms=0)) == len(ab.detect(image, thresh=0, nms=None)) == 8 * 4 * 2 * 2
    assert len(ab.detect(image, thresh=0)) < 8 * 4 * 2 * 2


def test_partial_and_save(tmp_path: Path, backend: str) -> None:
    net = pydn.load(CFG, device=backend)
    net.seen = 640
    net.save(tmp_path / "all.weights")
    size = 20 + 4 * (14 + 14 * 3)
    assert (tmp_path / "all.weights").stat().st_size == size
    part = net.partial(0, tmp_path / "none.weights")
    assert len(part) == 0
    assert (tmp_path / "none.weights").stat().st_size == 20
    one = net.partial(1, tmp_path / "one.weights")
    assert one.header.seen == 0
    saved, cut = (tmp_path / "all.weights").read_bytes(), (tmp_path / "one.weights").read_bytes()
    assert saved[20:] == cut[20:]
    assert saved[12:20] == (640).to_bytes(8, "little")
    assert cut[12:20] == bytes(8)


def test_no_detection_head() -> None:
    net = pydn.load(CFG[: CFG.index(b"[yolo]")])
    with pytest.raises(pydn.UnsupportedError, match="no detection layer"):
        net.detect(np.zeros((4, 4, 3), np.uint8))
    assert net.predict(np.zeros((4, 4, 3), np.uint8), top=3).probabilities.shape == (14 * 4 * 8,)
    with pytest.raises(pydn.UnsupportedError, match="use detect"):
        pydn.load(CFG).predict(np.zeros((4, 4, 3), np.uint8))
