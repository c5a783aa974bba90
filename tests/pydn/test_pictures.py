"""Pictures of filters and of distorted images; `visualize` and `imtest`."""

from __future__ import annotations

import colorsys
from pathlib import Path

import cv2
import numpy as np
import pytest

import pydn
from pydn import pictures
from pydn.cli import main

Output = pytest.CaptureFixture[str]

_CFG = b"""[net]
width=8
height=8
channels=3
[convolutional]
filters=2
size=3
pad=1
[maxpool]
[convolutional]
filters=20
size=1
"""


def network() -> pydn.Network:
    net = pydn.load(_CFG)
    first, third = net.weights[0, "weights"], net.weights[2, "weights"]
    first[...] = -1
    first[0, 0, 0, 0] = 3  # red of the upper left
    first[0, 2, 2, 1] = 1  # half of blue in the lowest row's middle
    first[1] = 7  # the same everywhere
    third[...] = np.arange(40).reshape(20, 2, 1, 1) % 2
    return net


def test_filters_of_three_channels_are_in_colour() -> None:
    picture = pictures.filters(network(), [0])
    tile = picture[-39:, :39]  # 3 x 3 weights of 13 x 13 pixels
    colours = tile[6::13, 6::13].astype(int)
    expected = np.zeros((3, 3, 3), int)
    expected[0, 0] = (0, 0, 255)
    expected[2, 1] = (128, 0, 0)
    np.testing.assert_array_equal(colours, expected)
    assert not picture[-39:, 43:82].any()  # a filter without contrast
    assert (picture[-39:, 82:] == 255).all()


def test_other_filters_are_rows_of_grey_tiles() -> None:
    # tiles of 8 x 8: in every filter the first channel is the least, black, the second the most, white
    for most, filters in ((None, 20), (16, 16)):
        picture = pictures.filters(network(), [2], most)
        tiles = picture[-8:]  # all of them fit into one row, below the title
        assert (tiles == 0).sum() == filters * 64 * 3
        assert (tiles[:, :8] == 0).all()
        assert (tiles[:, 8:21] == 255).all()  # a line, the second channel, the gap
        assert (tiles[:, 21:29] == 0).all()


def test_all_layers_with_filters_are_drawn() -> None:
    net = network()
    heights = [pictures.filters(net, layers).shape[0] for layers in ([0], [2], None)]
    assert heights[2] == heights[0] + heights[1] + 4
    with pytest.raises(ValueError, match=r"layer 1 has no filters: those with filters are 0, 2"):
        pictures.filters(net, [1])
    with pytest.raises(ValueError, match=r"no convolution"):
        pictures.filters(pydn.load(b"[net]\nwidth=8\nheight=8\nchannels=3\n[maxpool]\n"))


def test_distorted_moves_hue_and_multiplies_saturation_and_value() -> None:
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
    found = pictures.distorted(pixels, 0.07, 0.8, 0.9)
    for (blue, green, red), shown in zip(pixels.reshape(-1, 3) / 255, found.reshape(-1, 3), strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
        wanted = colorsys.hsv_to_rgb((hue + 0.07) % 1, saturation * 0.8, value * 0.9)
        np.testing.assert_allclose(shown[::-1], 255 * np.array(wanted), atol=1)


def test_distortions_are_random_within_their_limits() -> None:
    image = np.full((4, 4, 3), (10, 20, 200), np.uint8)
    picture, factors = pictures.distortions(image, hue=0.2, saturation=3, exposure=1, count=200)
    hues, saturations, exposures = np.array(factors).T
    assert -0.2 <= hues.min() < -0.15
    assert 0.15 < hues.max() <= 0.2
    assert 1 / 3 <= saturations.min() < 0.4
    assert 2.5 < saturations.max() <= 3
    assert (exposures == 1).all()
    assert picture.shape[1] == 4 * 320 + 3 * 4
    assert pictures.distortions(image)[1] == pictures.distortions(image)[1] != pictures.distortions(image, seed=1)[1]
    for wrong in ({"saturation": 0.5}, {"exposure": 0.0}, {"count": -1}):
        with pytest.raises(ValueError, match="must be"):
            pictures.distortions(image, **wrong)  # type: ignore[arg-type]


def test_visualize(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    monkeypatch.chdir(tmp_path)
    net = network()
    Path("net.cfg").write_bytes(_CFG)
    net.save("net.weights")
    command = ["visualize", "net.cfg", "net.weights", "-dont_show"]
    assert main(command) == 0
    assert capsys.readouterr().out == "saved filters.png\n"
    np.testing.assert_array_equal(cv2.imread("filters.png"), pictures.filters(net))
    assert main([*command, "-layer", "2", "-out", "third.bmp"]) == 0
    np.testing.assert_array_equal(cv2.imread("third.bmp"), pictures.filters(net, [2], None))
    assert main(["visualize", "net.cfg", "-dont_show"]) == 0
    assert main([*command, "-layer", "1"]) == 1
    assert main([*command, "-layer", "3"]) == 2
    assert main([*command, "-out", "x.nonsense"]) == 1


@pytest.mark.parametrize("verb", ["imtest", "test"])
def test_imtest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output, verb: str) -> None:
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("grey.png", np.full((3, 4), 51, np.uint8))
    assert main([verb, "grey.png", "-dont_show", "-count", "2", "-hue", "0"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "L2 Norm: 1.200000"  # 36 values of 0.2
    assert [len(line.split()) for line in lines[1:]] == [3, 3, 2]
    assert [line.split()[0] for line in lines[1:3]] in (["0.000000"] * 2, ["-0.000000"] * 2)
    picture = cv2.imread("imtest.png")
    assert picture.shape[1] == 4 * 320 + 3 * 4
    for x, value in ((160, 51), (484, 51), (808, 76.5), (1132, 34)):  # original, grey, and values times 3/2 and 2/3
        np.testing.assert_allclose(picture[100, x], value, atol=1)
    for wrong in (["-saturation", "0.5"], ["-exposure", "0"], ["-count", "-1"]):
        assert main([verb, "grey.png", "-dont_show", *wrong]) == 2
    assert main([verb, "absent.png"]) == 1
