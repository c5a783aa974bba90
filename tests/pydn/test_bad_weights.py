"""Weights files that are wrong, or belong to another cfg."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import pydn
from pydn import WeightsError

from .bad_input import refused

CFG = b"""[net]
width=32
height=32
channels=3

[convolutional]
filters=8
size=3
pad=1

[convolutional]
filters=21
size=1

[yolo]
mask=0,1,2
anchors=10,14,23,27,37,58
classes=2
num=3
"""
HEADER = np.array([0, 2, 5, 0, 0], "<i4").tobytes()  # version 0.2.5, no image seen: 20 bytes
FIRST = 4 * (8 + 8 * 3 * 3 * 3)  # bytes of layer 0: biases and weights
SECOND = 4 * (21 + 21 * 8)
WHOLE = HEADER + np.full((FIRST + SECOND) // 4, 0.25, "<f4").tobytes()

FILES: dict[str, tuple[bytes, str, dict[str, Any]]] = {
    "empty": (b"", "0 bytes are too few", {"needed": 16, "found": 0, "layer": None}),
    "3 bytes": (b"abc", "3 bytes are too few", {"needed": 16, "found": 3}),
    "ends inside the version": (HEADER[:8], "8 bytes are too few", {"needed": 16, "found": 8}),
    "ends inside the count of images": (
        HEADER[:16],
        "ends inside its header, after 16 bytes: download or copy it again",
        {"needed": 20, "found": 16, "layer": None},
    ),
    "ends inside the first layer": (
        WHOLE[:100],
        "ends inside layer 0 [convolutional]: its parameters need 896 bytes, 80 are left",
        {"layer": 0, "needed": FIRST, "found": 80},
    ),
    "ends inside the second layer": (
        WHOLE[:-40],
        "ends inside layer 1 [convolutional]: its parameters need 756 bytes, 716 are left",
        {"layer": 1, "needed": SECOND, "found": SECOND - 40},
    ),
    "one byte is missing": (WHOLE[:-1], "find the cfg that it belongs to", {"layer": 1, "found": SECOND - 1}),
    "one byte too many": (
        WHOLE + b"x",
        "1 more than the 3 layers of the cfg need",
        {"needed": len(WHOLE), "found": len(WHOLE) + 1, "layer": None},
    ),
    "of a cfg with 3 classes": (
        WHOLE + bytes(4 * 3 * 9),  # three filters more, of a bias and 8 weights
        "108 more than the 3 layers of the cfg need; it belongs to another cfg (compare classes= and filters=)",
        {"needed": len(WHOLE), "found": len(WHOLE) + 108},
    ),
    "a PNG": (cv2.imencode(".png", np.zeros((9, 9, 3), np.uint8))[1].tobytes(), "not a darknet .weights file", {}),
    "a zip, as PyTorch saves": (b"PK\x03\x04" + bytes(range(200)), "check which file was given", {"needed": None}),
    "a cfg": (CFG, "not a darknet .weights file", {"layer": None}),
    "a web page": (b"<!DOCTYPE html><html>404</html>" * 9, "not a darknet .weights file", {}),
    "a Git LFS pointer": (b"version https://git-lfs.github.com/spec/v1\n", "not a darknet .weights file", {}),
    "all bits set": (b"\xff" * 2000, "its version would be -1.-1.-1", {}),
}


@pytest.mark.parametrize("row", FILES.values(), ids=FILES)
@pytest.mark.parametrize("mmap", [False, True], ids=["read", "mapped"])
def test_file(row: tuple[bytes, str, dict[str, Any]], mmap: bool, tmp_path: Path) -> None:
    content, said, fields = row
    path = tmp_path / "bad.weights"
    path.write_bytes(content)
    line = refused(WeightsError, said, lambda: pydn.load(CFG, path, mmap=mmap, device="ref"), file=str(path), **fields)
    assert line.startswith(f"{path}: ")
    refused(WeightsError, said, lambda: pydn.load(CFG, content, device="ref"), file="", **fields)


@pytest.mark.parametrize("row", [FILES["ends inside the second layer"], FILES["a PNG"]], ids=["truncated", "PNG"])
def test_file_for_another_number_of_classes(row: tuple[bytes, str, dict[str, Any]], tmp_path: Path) -> None:
    content, said, fields = row
    path = tmp_path / "bad.weights"
    path.write_bytes(content)
    refused(WeightsError, said, lambda: pydn.load(CFG, path, classes=5, device="ref"), file=str(path), **fields)


@pytest.mark.parametrize(
    ("content", "layers"),
    [pytest.param(HEADER, 0, id="header only"), pytest.param(WHOLE[: 20 + FIRST], 1, id="first layer only")],
)
def test_first_layers_are_taken_and_warned_about(
    content: bytes, layers: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "part.weights"
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING, "pydn"):
        net = pydn.load(CFG, path, device="ref")
    assert net.report is not None
    assert (net.report.layers_loaded, net.report.complete, net.report.bytes_left) == (layers, False, 0)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith(f"{path}: the weights file ends before layer {layers}: ")


def test_what_is_left_over_can_be_allowed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "long.weights"
    path.write_bytes(WHOLE + bytes(108))
    with caplog.at_level(logging.WARNING, "pydn"):
        net = pydn.load(CFG, path, strict=False, device="ref")
    assert net.report is not None
    assert net.report.bytes_left == 108
    assert f"{path}: 108 bytes of the weights file were not used" in caplog.text


def test_no_file(tmp_path: Path) -> None:
    refused(FileNotFoundError, str(tmp_path / "no.weights"), lambda: pydn.load(CFG, tmp_path / "no.weights"))
    refused(FileNotFoundError, "no.cfg", lambda: pydn.load(tmp_path / "no.cfg"))
    refused(FileNotFoundError, "''", lambda: pydn.load(""))
    refused(IsADirectoryError, str(tmp_path), lambda: pydn.load(CFG, tmp_path))
    refused(IsADirectoryError, str(tmp_path), lambda: pydn.load(tmp_path))


@pytest.mark.parametrize("seen", [0, 2**63], ids=["no image", "more images than there are"])
def test_a_header_of_another_version_is_read(seen: int) -> None:
    narrow = np.array([0, 1, 0, seen & 0x7FFFFFFF], "<i4").tobytes()
    wide = np.array([0, 2, 0], "<i4").tobytes() + np.uint64(seen).tobytes()
    assert pydn.load(CFG, narrow + WHOLE[20:], device="ref").seen == seen & 0x7FFFFFFF
    assert pydn.load(CFG, wide + WHOLE[20:], device="ref").seen == seen


def test_numbers_that_are_none(tmp_path: Path) -> None:
    """Weights of nan are a file as any other; nothing hangs or crashes on them."""
    values = np.full(len(WHOLE) // 4 - 5, np.nan, "<f4")
    values[::3] = np.inf
    net = pydn.load(CFG, HEADER + values.tobytes(), device="ref")
    assert len(net.detect(np.zeros((5, 5, 3), np.uint8))) == 0
