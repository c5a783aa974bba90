"""Masks: palette pictures whose numbers count, runs of pixels, and what is made of them for training and measuring."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

import pydn
from pydn.evaluation.segmentation import SegmentationResult, mask_of
from pydn.masks import picture_and_mask, read_mask
from pydn.training.segmenting import truth_planes


def palette_png(numbers: np.ndarray, bits: int = 8, colours: int | None = None) -> bytes:
    """A PNG with a palette, as the format says (no filter, one IDAT), and with transparency."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = numbers.shape
    shifted = np.unpackbits(numbers.astype(np.uint8)[..., None], axis=-1)[..., 8 - bits :]
    rows = np.packbits(shifted.reshape(height, -1), axis=1)
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    palette = np.random.default_rng(1).integers(0, 256, 3 * (colours or 2**bits)).astype(np.uint8).tobytes()
    header = struct.pack(">IIBBBBB", width, height, bits, 3, 0, 0, 0)
    parts = ((b"IHDR", header), (b"PLTE", palette), (b"tRNS", b"\0"), (b"IDAT", zlib.compress(data)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize("bits", [8, 4, 2, 1])
def test_numbers_of_a_palette(tmp_path: Path, bits: int) -> None:
    numbers = np.random.default_rng(bits).integers(0, 2**bits, (5, 7))
    (tmp_path / "m.png").write_bytes(palette_png(numbers, bits))
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png", (7, 5)), numbers)


def test_a_short_palette(tmp_path: Path) -> None:
    """255 is the border though the palette has 21 colours, as some tools write it."""
    numbers = np.array([[0, 20], [255, 1]])
    (tmp_path / "m.png").write_bytes(palette_png(numbers, colours=21))
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png", (2, 2)), numbers)


def test_grey_values(tmp_path: Path) -> None:
    numbers = np.array([[0, 3, 255], [1, 2, 0]], np.uint8)
    cv2.imwrite(str(tmp_path / "m.png"), numbers)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png", (3, 2)), numbers)


def test_runs(tmp_path: Path) -> None:
    """Class 0 is two pixels after three, and the rest after five; class 1 the second and the third pixel."""
    (tmp_path / "m.txt").write_text("0 3,2,5\n1 1,2,100000\n".replace("100000", "9"))
    expected = [[0, 2, 2, 1], [1, 0, 0, 0], [0, 0, 1, 1]]
    np.testing.assert_array_equal(read_mask(tmp_path / "m.txt", (4, 3)), expected)


@pytest.mark.parametrize(
    ("name", "contents", "told"),
    [
        ("m.txt", b"0 3,2\nx 1\n", "m.txt:2: 'x 1' is not a class"),
        ("m.txt", b"0 3,20\n", "m.txt:1: the runs are of 23 pixels, the picture has 12"),
        ("m.txt", b"0 3,99999999999999999999\n", "m.txt:1: '0 3,9+' is not a class"),
        ("m.png", b"", "empty"),
        ("m.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "too early"),
        ("m.png", palette_png(np.zeros((3, 4), int)).replace(b"\x08\x03\0\0\0", b"\xf0\x03\0\0\0"), "damaged"),
        ("m.png", cv2.imencode(".jpg", np.zeros((3, 4), np.uint8))[1].tobytes(), "no mask"),
        ("m.png", cv2.imencode(".png", np.zeros((3, 4), np.uint16))[1].tobytes(), "no mask"),
        ("m.png", palette_png(np.zeros((4, 3), int)), "a mask of 3x4 for a picture of 4x3"),
        ("m.png", cv2.imencode(".png", np.full((3, 4, 3), (1, 2, 3), np.uint8))[1].tobytes(), "in colours"),
    ],
)
def test_what_is_no_mask(tmp_path: Path, name: str, contents: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(contents)
    with pytest.raises(pydn.DataError, match=told):
        read_mask(tmp_path / name, (4, 3))


def test_pictures_and_masks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("JPEGImages", "SegmentationClass", "images", "mask"):
        Path(folder).mkdir()
    for file in ("JPEGImages/a.jpg", "SegmentationClass/a.png", "images/b.png", "mask/b.txt"):
        Path(file).touch()
    voc = ("JPEGImages/a.jpg", "SegmentationClass/a.png")
    assert picture_and_mask(voc[0]) == picture_and_mask(voc[1]) == voc
    assert picture_and_mask("images/b.png") == picture_and_mask("mask/b.txt") == ("images/b.png", "mask/b.txt")


def test_planes() -> None:
    mask = np.array([[0, 1, 2, 255]], np.uint8)
    np.testing.assert_array_equal(truth_planes(mask, 2), [[[0, 1, 0, -1]], [[0, 0, 1, -1]]])
    np.testing.assert_array_equal(truth_planes(mask, 1), [[[0, 1, 1, -1]]])
    values = np.array([[[0.4, 0.9, 0.6]], [[0.3, 0.2, 0.7]]], np.float32)
    np.testing.assert_array_equal(mask_of(values), [[0, 1, 2]])


def test_intersection_over_union() -> None:
    """Counted by hand; the unknown pixel counts nowhere, and neither does a class that is nowhere."""
    truth = np.array([[[1, 1, 0, 0, -1]], [[0, 0, 0, 1, -1]], [[0, 0, 0, 0, -1]]], np.float32)
    found = np.array([[[0.9, 0.1, 0.8, 0.2, 0.9]], [[0, 0, 0, 0.7, 0.9]], [[0, 0, 0, 0, 0.9]]], np.float32)
    result = SegmentationResult(["a", "b", "c"], 0.5)
    result.add(found, truth)
    result.add(found, truth)
    assert [result.tp.tolist(), result.fp.tolist(), result.fn.tolist()] == [[2, 2, 0], [2, 0, 0], [2, 0, 0]]
    np.testing.assert_allclose(result.iou, [1 / 3, 1, np.nan])
    assert result.mean_iou == pytest.approx(2 / 3)
    assert str(result).splitlines()[-1].startswith("  66.67 mAP Predicted in ")


def test_unknown_truth_has_no_delta() -> None:
    net = b"[net]\nbatch=1\nwidth=2\nheight=1\nchannels=1\n"
    cfg = net + b"[convolutional]\nfilters=1\nsize=1\nactivation=linear\n[logistic]\n"
    with pydn.load(cfg) as net:
        net.weights[0, "weights"][...] = 2.0
        session = net.session(outputs="all")
        session.network.forward(np.array([0.5, 1.5], np.float32).reshape(1, 1, 1, 2))
        loss = session.network.loss(np.array([[1, -1]], np.float32))
        delta = session.network.delta(1)
        one = 1 / (1 + np.exp(-1.0))
        assert loss == pytest.approx(-np.log(one), rel=1e-5)
        assert delta is not None
        np.testing.assert_allclose(delta.ravel(), [1 - one, 0], atol=1e-6)
