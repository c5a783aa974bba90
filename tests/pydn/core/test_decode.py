"""Boxes of a head whose every output is a bias, so that they can be written down by hand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pydn._core.network import Network

HEAD = b"[yolo]\nmask=0\nanchors=%d,%d, 64,64\nclasses=2\nnum=2\n%s\n"
CFG = b"[net]\nwidth=64\nheight=64\nchannels=1\n[convolutional]\nfilters=7\nsize=1\nstride=32\nactivation=linear\n"


def sigmoid(x):
    return 1 / (1 + np.exp(-np.float64(x)))


def yolo(device, two, anchor=(16, 32), extra=b"", weights=(0,) * 7, **options):
    """x y w h objectness and two classes, the same in each of the 2 × 2 cells, plus `weights` times the one input."""
    biases = [0, 0, 0, 0, 2, 3, -9]
    return Network(CFG + HEAD % (*anchor, extra), two.weights_file(biases, weights), device=device, **options)


def test_boxes_objectness_and_probabilities(device, two):
    net = yolo(device, two)
    assert (net.classes, net.head_layers) == (2, (1,))
    np.testing.assert_array_equal(net.anchors, [[16, 32], [64, 64]])
    net.forward(np.zeros((1, 1, 64, 64), np.float32))
    boxes, objectness, probabilities, uncertainty = net.decode(nms=None, relative=True)
    assert uncertainty is None
    assert [a.dtype for a in (boxes, objectness, probabilities)] == [np.float32] * 3
    order = np.lexsort((boxes[:, 0], boxes[:, 1]))
    wanted = [[x, y, 0.25, 0.5] for y in (0.25, 0.75) for x in (0.25, 0.75)]
    np.testing.assert_allclose(boxes[order], wanted, rtol=1e-5)
    np.testing.assert_allclose(objectness, [sigmoid(2)] * 4, rtol=1e-5)
    np.testing.assert_allclose(probabilities, [[sigmoid(2) * sigmoid(3), 0]] * 4, rtol=1e-5)
    boxes[...] = 0  # a copy of their own
    again = net.decode(nms=None, image_size=(640, 320))[0]
    np.testing.assert_allclose(again[order], np.array(wanted) * [640, 320, 640, 320], rtol=1e-5)


def test_letterbox_is_undone(device, two):
    net = yolo(device, two)
    net.forward(np.zeros((1, 1, 64, 64), np.float32))
    boxes = net.decode(nms=None, image_size=(200, 100), letterbox=True, relative=True)[0]
    order = np.lexsort((boxes[:, 0], boxes[:, 1]))
    # Of 64 rows the image has the 32 in the middle.
    wanted = [[x, y, 0.25, 1] for y in (0, 1) for x in (0.25, 0.75)]
    np.testing.assert_allclose(boxes[order], wanted, rtol=1e-5, atol=1e-6)


def test_threshold(device, two):
    net = yolo(device, two)
    net.forward(np.zeros((1, 1, 64, 64), np.float32))
    assert len(net.decode(thresh=0.9)[0]) == 0
    assert net.decode(thresh=0.9)[2].shape == (0, 2)
    assert len(net.decode(thresh=0.8, nms=None)[0]) == 4


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({"nms": None}, 4),
        ({"nms": 0}, 4),
        # Anchors of twice the image's side, cells half a side apart: IoU 0.6 beside, 0.391 across.
        ({"nms": 0.7}, 4),
        ({"nms": 0.5}, 2),
        ({"nms": 0.3}, 1),
        ({"nms": 0.5, "nms_method": "sort"}, 2),
        ({"nms": 0.5, "nms_method": "kind"}, 4),  # the kind "default" suppresses nothing
        ({"nms": 0.5, "nms_kind": "cornersnms"}, 2),
        ({"nms": 0.5, "nms_method": "obj"}, 2),
    ],
)
def test_suppression(device, two, options, left):
    net = yolo(device, two, (128, 128))
    net.forward(np.zeros((1, 1, 64, 64), np.float32))
    probabilities = net.decode(**options)[2]
    assert probabilities.shape == (4, 2)
    assert np.count_nonzero(probabilities[:, 0]) == left


@pytest.mark.parametrize(("dialect", "left"), [("alexeyab", 4), ("pjreddie", 2)])
def test_dialect_decides_whether_the_heads_kind_counts(device, two, dialect, left):
    # DIoU of neighbours: 0.6 − 0.25/(2.5² + 2²) = 0.576.
    net = yolo(device, two, (128, 128), b"nms_kind=greedynms", dialect=dialect)
    net.forward(np.zeros((1, 1, 64, 64), np.float32))
    assert np.count_nonzero(net.decode(nms=0.59)[2]) == left
    assert np.count_nonzero(net.decode(nms=0.59, nms_kind="greedynms")[2]) == 4


@pytest.mark.parametrize("wrong", [{"nms_method": "best"}, {"nms_kind": "soft"}, {"image": 1}, {"image": -1}])
def test_wrong_arguments(device, two, wrong):
    net = yolo(device, two)
    net.forward(np.zeros((1, 1, 64, 64), np.float32))
    with pytest.raises(ValueError):
        net.decode(**wrong)


def test_forward_decode_is_forward_then_decode(device, two, rng):
    net = yolo(device, two, weights=(1, -1, 0.5, -0.5, 1, 0, 0), batch=2)
    x = rng.random((3, 1, 64, 64), dtype=np.float32)
    sizes = [(10, 20), (30, 40), None]
    found = net.forward_decode(x, sizes, thresh=0.1, nms=None)
    net.forward(x)
    for image, size in enumerate(sizes):
        for a, b in zip(found[image], net.decode(image, image_size=size, thresh=0.1, nms=None), strict=True):
            np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="3 images, but sizes of 2"):
        net.forward_decode(x, sizes[:2])


def test_forward_decode_of_many_threads_are_not_mixed(device, two, rng):
    net = yolo(device, two, weights=(1, -1, 0.5, -0.5, 1, 0, 0))
    xs = [rng.random((1, 1, 64, 64), dtype=np.float32) for _ in range(100)]
    wanted = [net.forward_decode(x, [(64, 64)])[0][0] for x in xs]
    with ThreadPoolExecutor(8) as pool:
        for found, sequential in zip(pool.map(lambda x: net.forward_decode(x, [(64, 64)]), xs), wanted, strict=True):
            np.testing.assert_array_equal(found[0][0], sequential)
