"""The table of detections."""

from __future__ import annotations

import json

import numpy as np
import pytest

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


def test_nothing_found() -> None:
    found = made(thresh=0.95)
    assert len(found) == 0
    assert list(found) == []
    assert found.xyxy.shape == (0, 4)
    assert repr(found) == "Detections()"
    assert json.loads(found.to_json())["objects"] == []


def test_columns_of_different_lengths() -> None:
    with pytest.raises(ValueError, match="equal lengths"):
        Detections(BOXES, OBJECTNESS[:2], [0, 1, 2], OBJECTNESS, ["a", "b", "c"])  # type: ignore[arg-type]


def test_repr() -> None:
    assert repr(made()[:2]) == "Detections(cow 26% (10, 100, 50, 140), dog 90% (40, 60, 60, 140))"
    many = made()[[0] * 12]
    assert repr(many).endswith("… 2 more)")


def test_json_is_darknets_and_valid() -> None:
    text = made().to_json(frame_id=3, filename='C:\\bilder\\"ä".jpg')
    data = json.loads(text)
    assert list(data) == ["frame_id", "filename", "objects"]
    assert (data["frame_id"], data["filename"]) == (3, 'C:\\bilder\\"ä".jpg')
    assert data["objects"][1] == {
        "class_id": 1,
        "name": "dog",
        "relative_coordinates": {"center_x": 0.5, "center_y": 0.5, "width": 0.2, "height": 0.4},
        "confidence": 0.9,
    }
    assert '"confidence":0.900000}' in text  # six decimals, one object a line
    assert "filename" not in json.loads(made().to_json())


def test_draw_leaves_the_image_alone() -> None:
    image = np.full((200, 100, 3), 90, np.uint8)
    drawn = made().draw(image)
    assert (image == 90).all()
    assert drawn.shape == image.shape
    assert (drawn[60:141, 40] != 90).any(axis=1).all()  # the dog's left edge
    assert (drawn[150:200, 0:5] == 90).all()
    assert made().draw(image[:, :, 0]).shape == (200, 100, 3)
    np.testing.assert_array_equal(made().draw(image[:, :, ::-1], rgb=True), drawn[:, :, ::-1])


def test_draw_survives_wild_boxes() -> None:
    boxes = [[-1e9, -5, 1e9, 50], [np.nan, 0, np.inf, -np.inf], [90, 5, 20, 1]]
    found = Detections(boxes, [0.5] * 3, [0, 1, 2], [1] * 3, ["a", "猫", ""], (100, 100))  # type: ignore[arg-type]
    assert found.draw(np.zeros((100, 100, 3), np.uint8)).any()
