"""Resizing, letterboxing and the other image operations equal the reference's (`goldens/preprocess`)."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from pydn._core import vision

TOLERANCE = 2e-6
IMAGES = ["image_0", "image_1", "image_2", "image_gray"]


def read(folder: Path, name: str) -> np.ndarray:
    return cv2.imread(str(folder / f"{name}.png"), cv2.IMREAD_COLOR)


def keys(folder: Path, name: str, operation: str) -> list[tuple[str, list[float], np.ndarray]]:
    expected = np.load(folder / "expected.npz")
    found = []
    for key in expected.files:
        match = re.fullmatch(rf"{name}_{operation}(?:_(.*))?", key)
        if match:
            found.append((key, [float(v) for v in re.findall(r"-?\d+(?:\.\d+)?", match[1] or "")], expected[key]))
    return found


@pytest.mark.parametrize("name", IMAGES)
def test_loaded(shared: Path, name: str) -> None:
    folder = shared / "goldens/preprocess"
    for key, _, expected in keys(folder, name, "loaded"):
        assert np.abs(vision.planar(read(folder, name), bgr=True) - expected).max() <= TOLERANCE, key


@pytest.mark.parametrize("operation", ["resize", "letterbox"])
@pytest.mark.parametrize("name", IMAGES)
def test_into_the_net(shared: Path, name: str, operation: str) -> None:
    folder = shared / "goldens/preprocess"
    cases = keys(folder, name, operation)
    for key, (width, height), expected in cases:
        ours = getattr(vision, operation)(read(folder, name), int(width), int(height), bgr=True)
        assert ours.shape == expected.shape
        assert np.abs(ours - expected).max() <= TOLERANCE, key


def test_there_are_cases(shared: Path) -> None:
    folder = shared / "goldens/preprocess"
    for operation in ("loaded", "resize", "letterbox", "resizemin", "crop", "flip", "distort"):
        assert sum(len(keys(folder, name, operation)) for name in IMAGES) > 0, operation


@pytest.mark.parametrize("name", IMAGES)
def test_planar_operations(shared: Path, name: str) -> None:
    folder = shared / "goldens/preprocess"
    loaded = keys(folder, name, "loaded")[0][2]
    for key, _, expected in keys(folder, name, "resizemin"):
        ours = vision.planar_resize(loaded, expected.shape[2], expected.shape[1])
        assert np.abs(ours - expected).max() <= TOLERANCE, key
    for key, _, expected in keys(folder, name, "crop"):
        dx, dy, width, height = (int(v) for v in re.findall(r"-?\d+", key.split("crop_")[1]))
        assert np.abs(vision.planar_crop(loaded, dx, dy, width, height) - expected).max() <= TOLERANCE, key
    for key, _, expected in keys(folder, name, "flip"):
        assert np.array_equal(vision.planar_flip(loaded.copy()), expected), key
    for key, _, expected in keys(folder, name, "distort"):
        hue, saturation, exposure = (float(v) for v in re.findall(r"-?\d+\.\d+|-?\d+", key.split("distort_")[1]))
        ours = vision.planar_distort(loaded.copy(), hue, saturation, exposure)
        assert np.abs(ours - expected).max() <= 2e-5, key  # its README: hue arithmetic near grey amplifies rounding


def test_overlaps(shared: Path) -> None:
    golden = np.load(shared / "goldens/preprocess/box_iou.npz")
    a = np.ascontiguousarray(golden["boxes"][:, 0])
    b = np.ascontiguousarray(golden["boxes"][:, 1])
    for kind in ("iou", "giou", "diou", "ciou"):
        assert np.abs(vision.box_iou(a, b, kind) - golden[kind]).max() <= TOLERANCE, kind
