"""From an image to the network's input: the reference's numbers, and what it does at the edges."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pydn import DataError
from pydn.preprocess import classifier_input, detector_input, short_side


def floats(pixels: np.ndarray) -> np.ndarray:
    return pixels[:, :, ::-1].transpose(2, 0, 1).astype(np.float32) / np.float32(255)


def test_same_size_changes_nothing(rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 256, (6, 9, 3), dtype=np.uint8)
    for x in (
        detector_input(pixels, 9, 6),
        detector_input(pixels, 9, 6, letterbox=True),
        classifier_input(pixels, 9, 6, dialect="pjreddie"),
        classifier_input(pixels[:, :6], 6, 6)[:, :, :6],
    ):
        np.testing.assert_allclose(x, floats(pixels)[:, :, : x.shape[2]], rtol=2e-7)


def test_letterbox_keeps_the_aspect_and_fills_with_grey() -> None:
    pixels = np.full((10, 20, 3), 255, np.uint8)
    x = detector_input(pixels, 8, 8, letterbox=True)
    np.testing.assert_array_equal(x[:, 2:6], 1)
    np.testing.assert_array_equal(x[:, :2], 0.5)
    np.testing.assert_array_equal(x[:, 6:], 0.5)
    np.testing.assert_allclose(detector_input(pixels, 8, 8), 1, rtol=2e-7)


@pytest.mark.parametrize(
    ("width", "height", "side", "expected"),
    [(500, 375, 224, (298, 224)), (375, 500, 224, (224, 298)), (333, 333, 28, (28, 28)), (1, 9000, 8, (8, 72000)),
     (3, 5, 1, (1, 1))],
)  # fmt: skip
def test_short_side(width: int, height: int, side: int, expected: tuple[int, int]) -> None:
    assert short_side(width, height, side) == expected


def test_classifier_takes_the_middle() -> None:
    pixels = np.zeros((4, 10, 3), np.uint8)
    pixels[:, 3:7] = 255  # columns 3..6 are the middle square
    np.testing.assert_array_equal(classifier_input(pixels, 4, 4), 1)
    tall = np.ascontiguousarray(pixels.transpose(1, 0, 2))
    np.testing.assert_array_equal(classifier_input(tall, 4, 4), 1)
    # higher than the scaled image: the border goes on
    x = classifier_input(pixels[:, 3:7], 4, 8)
    assert x.shape == (3, 8, 4)
    np.testing.assert_array_equal(x, 1)


def test_grey(rng: np.random.Generator) -> None:
    grey = rng.integers(0, 256, (6, 9), dtype=np.uint8)
    three = detector_input(grey, 9, 6)
    np.testing.assert_allclose(three, np.repeat(grey[None] / 255, 3, axis=0), rtol=2e-7)
    np.testing.assert_array_equal(detector_input(grey, 9, 6, 1), three[:1])
    color = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)  # blue, green, red, white
    np.testing.assert_allclose(detector_input(color, 4, 1, 1)[0, 0] * 255, [29, 150, 76, 255], atol=1e-4)


@pytest.mark.parametrize("shape", [(31, 46, 3), (46, 31, 3), (31, 46), (5, 90, 3)])
@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_equal_eight(shape: tuple[int, ...], channels: int, rng: np.random.Generator) -> None:
    """257 × a picture of 8 bits is the same picture, however it is brought to size."""
    pixels = rng.integers(0, 256, shape, dtype=np.uint8)
    deep = pixels.astype(np.uint16) * 257
    for big in (deep, deep.astype(">u2")):
        for letterbox in (False, True):
            x = detector_input(big, 20, 16, channels, letterbox=letterbox)
            expected = detector_input(pixels, 20, 16, channels, letterbox=letterbox)
            # of one channel of three, grey is rounded in 16 bits, not in 8
            atol = 0.5 / 255 + 1e-6 if channels == 1 and len(shape) == 3 else 1e-6
            np.testing.assert_allclose(x, expected, atol=atol)
        for dialect in ("alexeyab", "pjreddie"):
            x = classifier_input(big, 16, 16, channels, dialect=dialect)
            np.testing.assert_allclose(x, classifier_input(pixels, 16, 16, channels, dialect=dialect), atol=atol)


def test_sixteen_bits_keep_what_eight_lose() -> None:
    dark = np.arange(256, dtype=np.uint16).reshape(16, 16)
    np.testing.assert_allclose(detector_input(dark, 16, 16, 1)[0], dark / 65535, rtol=1e-6)


def test_no_copy_of_swapped_channels(rng: np.random.Generator) -> None:
    """RGB as a view of BGR gives the numbers of a contiguous one."""
    pixels = rng.integers(0, 256, (6, 9, 3), dtype=np.uint8)
    for view in (pixels[:, :, ::-1], pixels[::-1], pixels[:, ::2], pixels[:, ::-1, ::-1]):
        np.testing.assert_array_equal(detector_input(view, 8, 8), detector_input(np.ascontiguousarray(view), 8, 8))


def test_other_channels() -> None:
    with pytest.raises(DataError, match=r"reads 6 channels.*H×W×6, not 4×4×3"):
        detector_input(np.zeros((4, 4, 3), np.uint8), 4, 4, 6)


@pytest.mark.parametrize("image", ["image_0", "image_1", "image_2"])
def test_reference_numbers(shared: Path, image: str) -> None:
    folder = shared / "goldens/preprocess"
    pixels = cv2.imread(str(folder / f"{image}.png"))
    expected = np.load(folder / "expected.npz")
    compared = 0
    for key in expected.files:
        kind, _, size = key.removeprefix(f"{image}_").partition("_")
        if not key.startswith(image) or kind not in ("resize", "letterbox"):
            continue
        width, height = (int(number) for number in size.split("x"))
        x = detector_input(np.asarray(pixels, np.uint8), width, height, letterbox=kind == "letterbox")
        np.testing.assert_allclose(x, expected[key], atol=2e-6, err_msg=key)
        compared += 1
    assert compared >= 2
