"""Images that are none."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import pydn
from pydn import DataError

from .bad_input import refused
from .test_bad_weights import CFG, WHOLE


def drawn(suffix: str) -> bytes:
    image = np.full((48, 64, 3), 90, np.uint8)
    cv2.circle(image, (30, 20), 12, (0, 0, 255), -1)
    cv2.putText(image, "pydn", (2, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255))
    return cv2.imencode(suffix, image)[1].tobytes()


JPEG, PNG = drawn(".jpg"), drawn(".png")


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png_that_claims(width: int, height: int) -> bytes:
    """A whole, correct PNG, but for the pixels, which are missing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return PNG[:8] + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty (0 bytes): write or download it again"),
    "half a JPEG": (JPEG[: len(JPEG) // 2], f"ends too early, after {len(JPEG) // 2} bytes: copy or download it again"),
    "a JPEG without its end mark": (JPEG[:-2], "ends too early"),
    "head of a JPEG": (JPEG[:30], "ends too early, after 30 bytes"),
    "2 bytes of a JPEG": (JPEG[:2], "ends too early, after 2 bytes"),
    "half a PNG": (PNG[: len(PNG) // 2], "ends too early"),
    "8 bytes of a PNG": (PNG[:8], "ends too early, after 8 bytes"),
    "a PNG without its end mark": (PNG[:-12], "ends too early"),
    "a text": (b"hello, this is no picture\n", "not an image that OpenCV can read (26 bytes, starts with 68 65 6c 6c)"),
    "a web page": (b"<html>404</html>", "convert it to JPEG or PNG"),
    "a cfg": (CFG, "not an image"),
    "weights": (WHOLE, "not an image"),
    "head of a GIF": (b"GIF89a" + bytes(30), "not an image"),
    "head of a BMP": (b"BM" + bytes(60), "not an image"),
    "head of a WebP": (b"RIFF\x10\0\0\0WEBPVP8 " + bytes(10), "not an image"),
    "a PNG of 0 x 0": (png_that_claims(0, 0), "it is damaged, copy or download it again"),
    "a PNG that claims 2^31 columns": (png_that_claims(1 << 31, 1), "claims more pixels than its 69 bytes can hold"),
    "a PNG that claims 2^60 pixels": (png_that_claims(1 << 30, 1 << 30), "claims more pixels than its"),
    "a PNG that claims 2.7 GB": (png_that_claims(30000, 30000), "claims more pixels than its"),
}


@pytest.fixture(scope="module")
def net() -> pydn.Network:
    return pydn.load(CFG, WHOLE, device="ref")


@pytest.mark.parametrize("row", FILES.values(), ids=FILES)
def test_file(row: tuple[bytes, str], net: pydn.Network, tmp_path: Path) -> None:
    content, said = row
    path = tmp_path / "bad.jpg"
    path.write_bytes(content)
    line = refused(DataError, said, lambda: net.detect(path), file=str(path), line=0)
    assert line.startswith(f"{path}: ")
    refused(DataError, said, lambda: net.detect(content), file="")


OBJECTS: dict[str, tuple[Any, str]] = {
    "no rows": (np.zeros((0, 5, 3), np.uint8), "no pixels, check how it was cut: its shape is 0×5×3"),
    "no columns": (np.zeros((5, 0), np.uint8), "no pixels, check how it was cut: its shape is 5×0"),
    "float32": (np.zeros((4, 4, 3), np.float32), "uint8 or uint16, not float32: for values 0..1 hand in (image * 255)"),
    "uint32": (np.zeros((4, 4, 3), np.uint32), "uint8 or uint16, not uint32: scale it to 0..255"),
    "16 bits, 4 channels": (np.zeros((4, 5, 4), np.uint16), "not 4×5×4 (drop the fourth channel: image[:, :, :3])"),
    "int64": (np.zeros((4, 4, 3), np.int64), "uint8 or uint16, not int64: scale it to 0..255"),
    "bool": (np.zeros((4, 4), np.bool_), "uint8 or uint16, not bool: scale it to 0..255"),
    "objects": (np.array([[None]]), "uint8 or uint16, not object"),
    "4 channels": (np.zeros((4, 5, 4), np.uint8), "not 4×5×4 (drop the fourth channel: image[:, :, :3])"),
    "2 channels": (np.zeros((4, 5, 2), np.uint8), "must be H×W×3 or H×W, not 4×5×2"),
    "channels first": (np.zeros((3, 5, 7), np.uint8), "put the channels last with image.transpose(1, 2, 0)"),
    "a list of values": (np.zeros(12, np.uint8), "must be H×W×3 or H×W, not 12"),
    "a batch": (np.zeros((2, 4, 4, 3), np.uint8), "hand several images to detect_batch"),
    "nothing": (None, "cv2.imread gives it for a file that it cannot read; hand in the path"),
    "a nested list": ([[1, 2], [3, 4]], "not builtins.list: convert it with numpy.asarray(image, dtype='uint8')"),
    "a number": (7, "a path, bytes, a uint8 or uint16 array or a Pillow image, not builtins.int"),
    "an object": (object(), "not builtins.object"),
}


@pytest.mark.parametrize("row", OBJECTS.values(), ids=OBJECTS)
def test_object(row: tuple[Any, str], net: pydn.Network) -> None:
    image, said = row
    refused(DataError, said, lambda: net.detect(image), file="", line=0)


def test_no_file(net: pydn.Network, tmp_path: Path) -> None:
    refused(FileNotFoundError, "no.jpg", lambda: net.detect(tmp_path / "no.jpg"))
    refused(FileNotFoundError, "''", lambda: net.detect(""))
    refused(IsADirectoryError, str(tmp_path), lambda: net.detect(tmp_path))


def test_one_bad_image_of_many(net: pydn.Network, tmp_path: Path) -> None:
    """What comes before it is delivered, where images come one by one."""
    (tmp_path / "good.png").write_bytes(PNG)
    (tmp_path / "bad.png").write_bytes(b"hello")
    paths = [tmp_path / "good.png", tmp_path / "bad.png"]
    refused(DataError, "bad.png: not an image", lambda: net.detect_batch(paths), file=str(paths[1]))
    results = iter(net.detect_batch(iter(paths)))
    next(results)
    refused(DataError, "bad.png: not an image", lambda: next(results), file=str(paths[1]))
    assert len(list(net.detect_batch([]))) == 0


@pytest.mark.parametrize(
    "image", ["dog.jpg", Path("dog.jpg"), PNG, np.zeros((8, 8, 3), np.uint8)], ids=lambda i: type(i).__name__
)
def test_one_image_where_many_are_meant(image: Any, net: pydn.Network) -> None:
    refused(TypeError, "put the one image in a list", lambda: list(net.detect_batch(image)))


def test_input_of_five_channels() -> None:
    five = pydn.load(b"[net]\nwidth=8\nheight=8\nchannels=5\n[convolutional]\n", device="ref")
    said = "the network reads 5 channels, which a picture does not have: hand in an array H×W×5, not 8×8×3"
    refused(DataError, said, lambda: five.predict(np.zeros((8, 8, 3), np.uint8)))
    assert len(five.predict(np.zeros((8, 8, 5), np.uint8)).probabilities) == 64
