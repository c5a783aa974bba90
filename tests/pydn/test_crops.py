"""What a classifier sees of a picture, against numpy."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pydn.evaluation.crops import Sight


def coordinates(height: int, width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A picture that says where each of its pixels is: red the column, green the row."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([np.zeros_like(rows), rows, columns], 2).astype(np.uint8)


@pytest.mark.parametrize(("height", "width"), [(20, 40), (41, 20), (30, 30)])
def test_pjreddie_takes_the_square_in_the_middle(height: int, width: int) -> None:
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    x = Sight("single", side, side, 3, "pjreddie").fit(coordinates(height, width))
    np.testing.assert_allclose(x[0] * 255, np.tile(np.arange(left, left + side), (side, 1)), atol=1e-4)
    np.testing.assert_allclose(x[1].T * 255, np.tile(np.arange(top, top + side), (side, 1)), atol=1e-4)


def test_pjreddie_stretches_the_square() -> None:
    """darknet's resize maps corners onto corners: a ramp of 0 to 10 onto 21 pixels goes up by halves."""
    x = Sight("single", 21, 11, 3, "pjreddie").fit(coordinates(11, 15))
    np.testing.assert_allclose(x[0, 0] * 255, 2 + np.arange(21) / 2, atol=1e-4)
    np.testing.assert_allclose(x[1, :, 0] * 255, np.arange(11), atol=1e-4)


def test_alexeyab_scales_the_short_side_to_the_width() -> None:
    """A picture whose short side is the width already: its middle, as it is."""
    x = Sight("single", 20, 10, 3, "alexeyab").fit(coordinates(20, 40))
    np.testing.assert_allclose(x[0, 0] * 255, np.arange(10, 30), atol=1e-4)
    np.testing.assert_allclose(x[1, :, 0] * 255, np.arange(5, 15), atol=1e-4)


def test_ten_views() -> None:
    """The picture is stretched to 32 more than the network; what a view has beyond it is its edge."""
    side, shift = 40, 32
    pixels = coordinates(side + shift, side + shift)
    x = Sight("10", side, side, 3, "alexeyab").fit(pixels)
    assert x.shape == (10, 3, side, side)
    ends = {-shift: np.maximum(np.arange(-shift, side - shift), 0), 0: np.arange(side), shift: shift + np.arange(side)}
    places = [(-shift, -shift), (shift, -shift), (0, 0), (-shift, shift), (shift, shift)]
    for view, (left, top) in zip(x[:5] * 255, places, strict=True):
        np.testing.assert_allclose(view[0], np.tile(ends[left], (side, 1)), atol=1e-4)
        np.testing.assert_allclose(view[1].T, np.tile(ends[top], (side, 1)), atol=1e-4)
    last = side + shift - 1
    for view, (left, top) in zip(x[5:] * 255, places, strict=True):
        np.testing.assert_allclose(view[0], np.tile(last - ends[left], (side, 1)), atol=1e-4)
        np.testing.assert_allclose(view[1].T, np.tile(ends[top], (side, 1)), atol=1e-4)


def test_full_and_multi_keep_the_shape() -> None:
    pixels = np.asarray(cv2.GaussianBlur(np.random.default_rng(1).integers(0, 255, (90, 60, 3), np.uint8), (9, 9), 3))
    full = Sight("full", 30, 30, 3, "alexeyab")
    ((view, tree),) = full.views(full.fit(pixels))
    assert (view.shape, tree) == ((1, 3, 45, 30), True)
    multi = Sight("multi", 30, 30, 3, "alexeyab")
    views = list(multi.views(multi.fit(pixels)))
    sides = [224, 288, 320, 352, 384]
    assert [view.shape for view, _ in views[::2]] == [(1, 3, 90 * side // 60, side) for side in sides]
    assert [tree for _, tree in views] == [True, False] * 5
    for (plain, _), (mirrored, _) in zip(views[::2], views[1::2], strict=True):
        np.testing.assert_array_equal(plain[..., ::-1], mirrored)


def test_crop_stretches() -> None:
    x = Sight("crop", 20, 10, 3, "alexeyab").fit(coordinates(10, 20))
    np.testing.assert_allclose(x[0, 0] * 255, np.arange(20), atol=1e-4)


def test_grey_networks_and_deep_pictures() -> None:
    deep = (coordinates(12, 12).astype(np.uint16)) * 257
    for form in ("single", "10", "multi", "full", "crop"):
        for dialect in ("alexeyab", "pjreddie"):
            colour, grey = (Sight(form, 12, 12, channels, dialect) for channels in (3, 1))  # type: ignore[arg-type]
            np.testing.assert_allclose(colour.fit(deep), colour.fit(coordinates(12, 12)), atol=1e-6)
            assert grey.fit(coordinates(12, 12)).shape[-3] == 1
