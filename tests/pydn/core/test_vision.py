"""Images on their way into a network: types, strides, shapes; the numbers where numpy can say them."""

from __future__ import annotations

import numpy as np
import pytest

from pydn._core import vision
from pydn._core.network import Network


@pytest.fixture
def picture(rng):
    return rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)


def planes(picture):
    return picture.transpose(2, 0, 1).astype(np.float32) / np.float32(255)


def test_planar(picture):
    np.testing.assert_allclose(vision.planar(picture), planes(picture), rtol=1e-6)
    np.testing.assert_allclose(vision.planar(picture, bgr=True), planes(picture)[::-1], rtol=1e-6)
    grey = picture[..., 0]
    assert vision.planar(grey).shape == (1, 5, 7)
    np.testing.assert_allclose(vision.planar(grey, 3, True), np.repeat(planes(picture)[:1], 3, 0), rtol=1e-6)


@pytest.mark.parametrize("fit", [vision.resize, vision.letterbox])
def test_same_size_changes_nothing(picture, fit):
    np.testing.assert_allclose(fit(picture, 7, 5), planes(picture), rtol=1e-6)


def test_rows_of_any_distance(picture):
    wanted = vision.planar(np.ascontiguousarray(picture[1:4, 2:6]))
    np.testing.assert_array_equal(vision.planar(picture[1:4, 2:6]), wanted)
    np.testing.assert_array_equal(vision.planar(picture[::-1]), planes(picture)[:, ::-1])
    np.testing.assert_array_equal(vision.planar(picture[:, ::-1]), planes(picture)[:, :, ::-1])
    np.testing.assert_array_equal(vision.planar(picture[:, :, ::-1]), planes(picture)[::-1])


def test_resize_aligns_corners():
    grey = np.array([[0, 255]], np.uint8)
    np.testing.assert_allclose(vision.resize(grey, 5, 1)[0, 0], [0, 0.25, 0.5, 0.75, 1], atol=1e-6)
    np.testing.assert_allclose(vision.resize(grey.T.copy(), 1, 3)[0, :, 0], [0, 0.5, 1], atol=1e-6)


def test_letterbox_fills_with_grey(picture):
    boxed = vision.letterbox(picture, 14, 20)
    assert boxed.shape == (3, 20, 14)
    np.testing.assert_array_equal(boxed[:, :5], 0.5)
    np.testing.assert_array_equal(boxed[:, 15:], 0.5)
    np.testing.assert_allclose(boxed[:, 5:15], vision.resize(picture, 14, 10), atol=1e-6)


def test_out_may_be_the_input_of_a_network(picture):
    net = Network(
        b"[net]\nwidth=4\nheight=6\nchannels=3\n[convolutional]\nfilters=1\nsize=1\nactivation=linear\n",
        device="ref",
        batch=2,
    )
    assert vision.resize(picture, 4, 6, out=net.input[1]) is not None
    np.testing.assert_array_equal(net.input[1], vision.resize(picture, 4, 6))
    assert (net.input[0] == 0).all()


def test_wrong_out(picture):
    with pytest.raises(ValueError, match=r"\(3, 5, 7\)"):
        vision.planar(picture, out=np.zeros((3, 7, 5), np.float32))
    with pytest.raises(TypeError):
        vision.planar(picture, out=np.zeros((3, 5, 7)))
    with pytest.raises(TypeError):
        vision.planar(picture, out=np.zeros((3, 5, 14), np.float32)[..., ::2])
    with pytest.raises(TypeError, match="aligned"):
        vision.planar(picture, out=np.zeros(421, np.uint8)[1:].view(np.float32).reshape(3, 5, 7))
    frozen = np.zeros((3, 5, 7), np.float32)
    frozen.flags.writeable = False
    with pytest.raises(TypeError):
        vision.planar(picture, out=frozen)


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4)), np.zeros((4, 4, 3), np.int8), [[1]], "a.jpg", np.zeros((4, 4), bool)]
)
def test_image_of_another_type(image):
    with pytest.raises(TypeError, match="uint8"):
        vision.planar(image)


@pytest.mark.parametrize("shape", [(4,), (0, 4), (4, 0, 3), (2, 2, 2, 2), (4, 4, 0)])
def test_image_of_another_shape(shape):
    with pytest.raises(ValueError, match="height, width"):
        vision.planar(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(("width", "height", "channels"), [(0, 4, None), (4, -1, None), (4, 4, 0), (4, 4, 2)])
def test_impossible_results(picture, width, height, channels):
    with pytest.raises(ValueError):
        vision.resize(picture, width, height, channels)


def test_planar_forms(rng):
    image = rng.random((3, 4, 6), dtype=np.float32)
    np.testing.assert_array_equal(vision.planar_crop(image, 1, 2, 3, 2), image[:, 2:4, 1:4])
    edged = np.pad(image, ((0, 0), (1, 1), (2, 2)), mode="edge")
    np.testing.assert_array_equal(vision.planar_crop(image, -2, -1, 10, 6), edged)
    np.testing.assert_allclose(vision.planar_resize(image, 6, 4), image, rtol=1e-6)
    flipped = image.copy()
    assert vision.planar_flip(flipped) is flipped
    np.testing.assert_array_equal(flipped, image[:, :, ::-1])
    same = vision.planar_distort(image.copy(), 0, 1, 1)
    np.testing.assert_allclose(same, image, atol=1e-5)
    brighter = vision.planar_distort(image.copy() / 4, 0, 1, 2)
    np.testing.assert_allclose(brighter, image / 2, atol=1e-5)
    with pytest.raises(ValueError, match="share"):
        vision.planar_resize(image, 6, 4, out=image)
    with pytest.raises(ValueError, match="three channels"):
        vision.planar_distort(image[:1].copy(), 0, 1, 1)
    with pytest.raises(TypeError):
        vision.planar_flip(image[:, :, ::2])


def test_box_iou():
    a = np.array([[2, 2, 2, 2], [2, 2, 2, 2], [0, 0, 1, 1]], np.float32)
    b = np.array([[2, 2, 2, 2], [3, 2, 2, 2], [5, 5, 1, 1]], np.float32)
    np.testing.assert_allclose(vision.box_iou(a, b), [1, 1 / 3, 0], atol=1e-6)
    # Second pair: hull 3 × 2 is the union, centres 1 apart, diagonal² 13. Third: hull 6 × 6, union 2, 50 and 72.
    np.testing.assert_allclose(vision.box_iou(a, b, "giou"), [1, 1 / 3, -34 / 36], atol=1e-6)
    assert vision.box_iou(np.zeros((0, 4), np.float32), np.zeros((0, 4), np.float32)).shape == (0,)
    with pytest.raises(ValueError, match="'ciou'"):
        vision.box_iou(a, b, "best")
    with pytest.raises(ValueError, match=r"\(n, 4\)"):
        vision.box_iou(a, b[:2])
