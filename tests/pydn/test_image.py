"""Every form of an image, and what is said about what is none."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

from pydn import DataError
from pydn.image import Pixels, eight_bits, read_image


@pytest.fixture
def pixels(rng: np.random.Generator) -> Pixels:
    return rng.integers(0, 256, (24, 33, 3), dtype=np.uint8)


def encoded(suffix: str, pixels: Pixels) -> bytes:
    ok, data = cv2.imencode(suffix, pixels)
    assert ok
    return data.tobytes()


@pytest.mark.parametrize("kind", ["str", "Path", "bytes", "bytearray", "memoryview"])
def test_files(kind: str, pixels: Pixels, tmp_path: Path) -> None:
    data = encoded(".png", pixels)
    path = tmp_path / "Bild ä 猫.png"
    path.write_bytes(data)
    forms: dict[str, Any] = {
        "str": str(path),
        "Path": path,
        "bytes": data,
        "bytearray": bytearray(data),
        "memoryview": memoryview(data),
    }
    np.testing.assert_array_equal(read_image(forms[kind]), pixels)


def test_arrays(pixels: Pixels) -> None:
    assert read_image(pixels) is pixels
    np.testing.assert_array_equal(read_image(pixels, rgb=True), pixels[:, :, ::-1])
    np.testing.assert_array_equal(read_image(pixels[:, :, 0]), pixels[:, :, 0])
    np.testing.assert_array_equal(read_image(pixels[:, :, :1]), pixels[:, :, 0])
    np.testing.assert_array_equal(read_image(pixels[:, :, 0], rgb=True), pixels[:, :, 0])


def test_files_become_three_channels() -> None:
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    np.testing.assert_array_equal(read_image(encoded(".png", grey)), np.repeat(grey[:, :, None], 3, axis=2))
    deep = (grey.astype(np.uint16) << 8) + 7
    found = read_image(encoded(".png", deep))
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, np.repeat(deep[:, :, None], 3, axis=2))
    transparent = np.dstack([grey, grey + 1, grey + 2, np.zeros_like(grey)])
    np.testing.assert_array_equal(read_image(encoded(".png", transparent)), transparent[:, :, :3])


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((4, 4, 3), np.float32), r"uint8 or uint16, not float32: .*\* 255"),
        (np.zeros((4, 4, 3), np.float64), r"uint8 or uint16, not float64"),
        (np.zeros((4, 4), np.uint32), r"uint8 or uint16, not uint32: scale"),
        (np.zeros((4, 4), np.int64), r"uint8 or uint16, not int64: scale"),
        (np.zeros((4, 4, 4), np.uint8), r"not 4×4×4 \(drop the fourth channel"),
        (np.zeros((3, 4, 5), np.uint8), r"H×W×3 or H×W, not 3×4×5$"),
        (np.zeros((1, 4, 4, 3), np.uint8), r"not 1×4×4×3"),
        (np.zeros(7, np.uint8), r"not 7"),
        (np.zeros((0, 4, 3), np.uint8), r"no pixels"),
    ],
)
def test_arrays_that_are_no_images(array: np.ndarray[Any, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_image(array)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.97])
def test_truncated_files_are_told_not_filled_with_grey(suffix: str, part: float, tmp_path: Path) -> None:
    smooth = cv2.resize(np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8), (200, 150))
    data = encoded(suffix, np.asarray(smooth, np.uint8))
    path = tmp_path / f"half{suffix}"
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(DataError, match=rf"half\{suffix}: .*copy or download it again") as caught:
        read_image(path)
    assert caught.value.file == str(path)
    path.write_bytes(data)
    assert read_image(path).shape == (150, 200, 3)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"<html>404</html>", r"not an image that OpenCV can read \(16 bytes, starts with 3c 68 74 6d\): convert"),
        (b"\xff\xd8", "ends too early"),
        (b"\x89PNG\r\n\x1a\n" + b"XXXX" * 4, "ends too early"),
        (b"GIF89a", "not an image"),
        (b"BM\x00\x00", "not an image"),
    ],
)
def test_what_is_no_image(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said) as caught:
        read_image(path)
    assert caught.value.file == str(path)
    with pytest.raises(DataError, match=said) as caught:
        read_image(content)
    assert caught.value.file == ""


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_image(tmp_path / "absent.jpg")


def test_other_objects() -> None:
    with pytest.raises(
        DataError, match=r"must be a path, bytes, a uint8 or uint16 array or a Pillow image, not builtins\.int"
    ):
        read_image(7)  # type: ignore[arg-type]


class StandIn:
    """What `read_image` needs of a Pillow image, for machines without Pillow."""

    def __init__(self, mode: str, pixels: Pixels) -> None:
        self.mode, self.pixels = mode, pixels
        self.size = (pixels.shape[1], pixels.shape[0])

    def convert(self, mode: str) -> Pixels:
        assert mode == ("L" if self.mode in ("1", "L") else "RGB")
        return self.pixels


@pytest.fixture
def pillow(monkeypatch: pytest.MonkeyPatch) -> type[StandIn]:
    module = ModuleType("PIL.Image")
    module.Image = StandIn  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "PIL.Image", module)
    return StandIn


def test_pillow(pillow: type[StandIn], pixels: Pixels) -> None:
    np.testing.assert_array_equal(read_image(pillow("RGB", pixels)), pixels[:, :, ::-1])
    np.testing.assert_array_equal(read_image(pillow("CMYK", pixels)), pixels[:, :, ::-1])
    np.testing.assert_array_equal(read_image(pillow("L", pixels[:, :, 0])), pixels[:, :, 0])
    for mode in ("F", "I"):
        with pytest.raises(DataError, match=f"mode {mode} has no range that is known: for 0..65535 hand in"):
            read_image(pillow(mode, pixels))
    with pytest.raises(DataError, match=r"no pixels.*its size is 0×24"):
        read_image(pillow("RGB", pixels[:, :0]))


def test_real_pillow(pixels: Pixels) -> None:
    image = pytest.importorskip("PIL.Image")
    np.testing.assert_array_equal(read_image(image.fromarray(pixels[:, :, ::-1])), pixels)
    np.testing.assert_array_equal(read_image(image.fromarray(pixels[:, :, 0])), pixels[:, :, 0])
    deep = pixels[:, :, 0].astype(np.uint16) * 257 - 3
    for order in "<>":
        found = read_image(image.fromarray(deep.astype(f"{order}u2")))
        assert found.dtype == np.uint16
        np.testing.assert_array_equal(found, deep)


def test_a_damaged_file_that_pillow_opens(pixels: Pixels, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    path = tmp_path / "half.png"
    path.write_bytes(encoded(".png", pixels)[:800])
    with image.open(path) as opened, pytest.raises(DataError, match=r"half\.png: .*truncated.*copy or download"):
        read_image(opened)


def test_sixteen_bits(pixels: Pixels) -> None:
    deep = pixels.astype(np.uint16) * 257
    assert read_image(deep) is deep
    np.testing.assert_array_equal(read_image(deep, rgb=True), deep[:, :, ::-1])
    np.testing.assert_array_equal(read_image(encoded(".png", deep)), deep)
    np.testing.assert_array_equal(eight_bits(deep), pixels)
    assert eight_bits(pixels) is pixels
    # 257 steps of 16 bits are one of 8; half of them, 128.5, is the border
    np.testing.assert_array_equal(
        eight_bits(np.array([[0, 128, 129, 385, 386, 65535]], np.uint16)), [[0, 0, 1, 1, 2, 255]]
    )


def test_every_real_photo_is_whole(shared: Path) -> None:
    photos = [p for p in sorted((shared / "data").rglob("*")) if p.suffix.lower() in (".jpg", ".jpeg")][::7]
    assert len(photos) > 100
    for photo in photos:
        assert read_image(photo).ndim == 3
