"""The table of detections."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import pydn
from pydn import Detection, Detections

BOXES = np.array([[0.5, 0.5, 0.2, 0.4], [0.3, 0.6, 0.4, 0.2], [0.9, 0.1, 0.3, 0.1]], np.float32)  # cx cy w h
SCORES = np.array([[0.3, 0.9, 0.0], [0.0, 0.25, 0.26], [0.6, 0.0, 0.6]], np.float32)
OBJECTNESS = np.array([0.95, 0.5, 0.8], np.float32)


def made(names: list[str] | None = None, thresh: float = 0.25) -> Detections:
    return Detections.from_boxes(
        BOXES, OBJECTNESS, SCORES, names=names or ["cat", "dog", "cow"], thresh=thresh, image_size=(100, 200)
    )


def test_rows_are_ordered_by_left_edge_then_probability() -> None:
    found = made()
    # left edges: box 1 at 10, box 0 at 40, box 2 at 75; 0.25 is not above 0.25; of equal classes the first comes first
    assert [(d.label, round(d.confidence, 2)) for d in found] == [
        ("cow", 0.26),
        ("dog", 0.9),
        ("cat", 0.3),
        ("cat", 0.6),
        ("cow", 0.6),
    ]
    np.testing.assert_allclose(found.xyxy[0], [10, 100, 50, 140], rtol=1e-5)
    np.testing.assert_allclose(found.xyxy[1], [40, 60, 60, 140], rtol=1e-5)
    np.testing.assert_array_equal(found.class_id, [2, 1, 0, 0, 2])
    np.testing.assert_allclose(found.objectness, [0.5, 0.95, 0.95, 0.8, 0.8])
    assert found.xyxy.dtype == found.confidence.dtype == found.objectness.dtype == np.float32


def test_hidden_and_missing_names() -> None:
    assert made(["dont_show", "dog", "dont_show_cow"]).label.tolist() == ["dog"]
    assert made(["cat"]).label.tolist() == ["class 2", "class 1", "cat", "cat", "class 2"]


def test_a_row() -> None:
    row = made()[1]
    assert isinstance(row, Detection)
    assert row == made()[np.int64(-4)]
    assert row.xywh == pytest.approx((40, 60, 20, 80))
    assert isinstance(row.confidence, float)
    assert isinstance(row.class_id, int)
    assert type(row.label) is str
    with pytest.raises(IndexError):
        made()[5]


def test_parts() -> None:
    found = made()
    assert found[1:3].label.tolist() == ["dog", "cat"]
    assert found[found.confidence > 0.5].label.tolist() == ["dog", "cat", "cow"]
    assert found[found.label == "cat"].confidence.tolist() == pytest.approx([0.3, 0.6])
    assert found[[4, 0]].label.tolist() == ["cow", "cow"]
    assert found[[False, True, False, False, False]].label.tolist() == ["dog"]
    assert len(found[[]]) == 0
    assert found[:0] == Detections.empty((100, 200))
    assert found[:3] != found[:2]
    assert found[1:].image_size == (100, 200)


def test_parts_keep_where_they_came_from() -> None:
    found = made()
    error = pydn.DataError("x")
    named = Detections(
        found.xyxy, found.confidence, found.class_id, found.objectness, found.label, (100, 200), path="a.jpg"
    )
    assert named == found  # the same objects
    assert named[1:].path == named[[0]].path == (named + named).path == "a.jpg"
    assert Detections.empty(path="b.jpg", error=error)[:0].error is error
    assert repr(Detections.empty(error=error)) == "Detections(error: x)"


def test_rows_of_two() -> None:
    found = made()
    assert found[:2] + found[2:] == found
    assert Detections.merge([found[4:], found[:0], found[:1]]).label.tolist() == ["cow", "cow"]
    assert Detections.merge([found[:0]]) == Detections.empty((100, 200))
    with pytest.raises(ValueError, match=r"these are of 2 sizes: \[\(7, 7\), \(100, 200\)\]"):
        found + Detections.empty((7, 7))
    with pytest.raises(ValueError, match="of 0 sizes"):
        Detections.merge([])
    with pytest.raises(TypeError):
        found + 1  # type: ignore[operator]


def test_masks_of_the_wrong_length() -> None:
    with pytest.raises(IndexError):
        made()[np.array([True, False])]
    with pytest.raises(IndexError):
        made()[[7]]
    assert made()[np.array([-1, 0])].class_id.tolist() == [2, 2]
    assert made()[::-1].label.tolist() == ["cow", "cat", "cat", "dog", "cow"]


def test_copies_and_pickles() -> None:
    found = made()
    assert pickle.loads(pickle.dumps(found)) == found
    assert copy.deepcopy(found) == found


def test_nothing_found() -> None:
    found = made(thresh=0.95)
    assert len(found) == 0
    assert list(found) == []
    assert found.xyxy.shape == (0, 4)
    assert repr(found) == "Detections()"


def test_columns_of_different_lengths() -> None:
    with pytest.raises(ValueError, match="equal lengths"):
        Detections(BOXES, OBJECTNESS[:2], [0, 1, 2], OBJECTNESS, ["a", "b", "c"])  # type: ignore[arg-type]


def test_repr() -> None:
    assert repr(made()[:2]) == "Detections(cow 26% (10, 100, 50, 140), dog 90% (40, 60, 60, 140))"
    many = made()[[0] * 12]
    assert repr(many).endswith("… 2 more)")


def test_boxes_beyond_every_number() -> None:
    """An untrained network has such boxes; that is no reason for a warning."""
    box = np.array([[0.5, 0.5, 3e38, 0.5]], np.float32)
    one = np.ones(1, np.float32)
    found = Detections.from_boxes(box, one, one[None], names=None, thresh=0.5, image_size=(200, 100))
    np.testing.assert_array_equal(found.xyxy, np.array([[-np.inf, 25, np.inf, 75]], np.float32))
