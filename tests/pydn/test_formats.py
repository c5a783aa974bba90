"""Results in the forms that other programs read."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

import pydn
from pydn import Classification, Detections
from pydn.formats import COCO_CATEGORY_IDS

from .test_detections import made

ROWS = made()
OUTSIDE = Detections(
    [[-5.5, 10.9, 40.9, 250], [90.2, -3, 130, 20.7], [90.2, -3, 130, 20.7], [200, 10, 300, 20]],  # type: ignore[arg-type]
    [0.505, 0.3, 0.4, 0.9],  # type: ignore[arg-type]
    [7, 3, 1, 2],  # type: ignore[arg-type]
    [1, 1, 1, 1],  # type: ignore[arg-type]
    ["dog", "cat", "car", "cow"],  # type: ignore[arg-type]
    (100, 200),
)
"""Two boxes that cross the border, the second with two classes, and one outside."""
BROKEN = Detections(
    [[np.nan, 0, np.inf, 10], [0, 0, 10, 10]],  # type: ignore[arg-type]
    [np.nan, 0.5],  # type: ignore[arg-type]
    [0, 1],  # type: ignore[arg-type]
    [1, 1],  # type: ignore[arg-type]
    ["a", "b"],  # type: ignore[arg-type]
    (100, 200),
)


def test_json_is_darknets_and_valid() -> None:
    text = ROWS.to_json(frame_id=3, filename='C:\\bilder\\"ä".jpg')
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
    assert "filename" not in json.loads(ROWS.to_json())


def refuse(constant: str) -> None:
    raise AssertionError(constant)


@pytest.mark.parametrize(
    ("label", "filename"), [('"', "a\nb\t.jpg"), ("猫\x00\x1f", "\\\\server\\x"), ("a", "\udcff.jpg"), ("\u2028", "")]
)
def test_json_is_valid_whatever_the_names(label: str, filename: str) -> None:
    found = Detections(BROKEN.xyxy, BROKEN.confidence, [0, 1], [1, 1], [label, "b"], (100, 200))  # type: ignore[arg-type]
    text = found.to_json(filename=filename)
    text.encode("utf-8")
    data = json.loads(text, parse_constant=refuse)
    assert data["filename"] == filename
    assert data["objects"][0]["name"] == label or label.endswith("\0")  # numpy drops zeros at the end
    assert data["objects"][0]["relative_coordinates"]["center_x"] is None
    assert data["objects"][0]["confidence"] is None
    assert data["objects"][1]["relative_coordinates"]["center_x"] == 0.05


def test_json_knows_where_the_image_came_from() -> None:
    assert json.loads(Detections.empty((1, 1), path="a.jpg").to_json()) == {
        "frame_id": 1, "filename": "a.jpg", "objects": []
    }  # fmt: skip


def test_darkflow() -> None:
    # whole pixels, cut to 0..99 and 0..199; a box with its better class; classes in order
    assert OUTSIDE.to_darkflow() == [
        {"label": "car", "confidence": 0.4, "topleft": {"x": 90, "y": 0}, "bottomright": {"x": 99, "y": 20}},
        {"label": "cow", "confidence": 0.9, "topleft": {"x": 99, "y": 10}, "bottomright": {"x": 99, "y": 20}},
        {"label": "dog", "confidence": 0.5, "topleft": {"x": 0, "y": 10}, "bottomright": {"x": 40, "y": 199}},
    ]
    assert Detections.empty().to_darkflow() == []
    json.dumps(BROKEN.to_darkflow()[1])


def test_coco() -> None:
    rows = OUTSIDE.to_coco(42)
    assert [(row["image_id"], row["category_id"]) for row in rows] == [(42, 7), (42, 3), (42, 1), (42, 2)]
    assert rows[0]["bbox"] == pytest.approx([0, 10.9, 40.9, 189.1], abs=1e-5)
    assert rows[1]["bbox"] == pytest.approx([90.2, 0, 9.8, 20.7], abs=1e-5)
    assert rows[3]["bbox"] == [100, 10, 0, 10]
    assert rows[0]["score"] == pytest.approx(0.505)
    assert set(rows[0]) == {"image_id", "category_id", "bbox", "score"}
    json.dumps(rows)
    assert [row["category_id"] for row in OUTSIDE.to_coco(1, COCO_CATEGORY_IDS)] == [8, 4, 2, 3]
    assert OUTSIDE.to_coco("x", {7: 70, 3: 30, 1: 10, 2: 20})[0]["category_id"] == 70
    with pytest.raises(ValueError, match=r"category_ids has 3 entries and none for class 7 \(dog\)"):
        OUTSIDE.to_coco(1, [1, 2, 3])


def test_coco_numbers() -> None:
    """Facts of the data set: person 1, fire hydrant 11, stop sign 13, toothbrush 90."""
    assert len(COCO_CATEGORY_IDS) == 80
    assert [COCO_CATEGORY_IDS[i] for i in (0, 10, 11, 24, 26, 39, 60, 61, 62, 73, 79)] == [
        1, 11, 13, 27, 31, 44, 67, 70, 72, 84, 90
    ]  # fmt: skip


def test_yolo() -> None:
    # x 0..40.9 of 100, y 10.9..200 of 200; the box outside is none to train on
    lines = [[float(word) for word in line.split()] for line in OUTSIDE.to_yolo().splitlines()]
    np.testing.assert_allclose(lines[0], [7, 0.2045, 0.52725, 0.409, 0.9455], atol=1e-6)
    np.testing.assert_allclose(lines[1], [1, 0.951, 0.05175, 0.098, 0.1035], atol=1e-6)
    assert len(lines) == 2
    assert OUTSIDE.to_yolo().startswith("7 0.204500 0.527250 0.409000 0.945500\n1 ")
    assert Detections.empty().to_yolo() == ""
    assert ROWS[1:3].to_yolo() == "1 0.500000 0.500000 0.200000 0.400000\n"


def test_size_unknown() -> None:
    found = Detections([[1, 2, 3, 4]], [0.5], [0], [1], ["a"])  # type: ignore[arg-type]
    for convert in (found.to_yolo, found.to_json, found.to_darkflow, lambda: found.to_coco(1)):
        with pytest.raises(ValueError, match="size of the image is not known"):
            convert()


def test_supervision(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stand:
        def __init__(self, **columns: Any) -> None:
            self.columns = columns

    module = ModuleType("supervision")
    module.Detections = Stand  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "supervision", module)
    columns = ROWS.to_supervision().columns
    assert set(columns) == {"xyxy", "confidence", "class_id", "data"}
    np.testing.assert_array_equal(columns["xyxy"], ROWS.xyxy)
    np.testing.assert_array_equal(columns["confidence"], ROWS.confidence)
    np.testing.assert_array_equal(columns["class_id"], ROWS.class_id)
    np.testing.assert_array_equal(columns["data"]["class_name"], ROWS.label)
    columns["xyxy"][:] = 0
    assert ROWS.xyxy.any()
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(ImportError, match=r"pip install 'pydn\[supervision\]'"):
        ROWS.to_supervision()


def test_real_supervision() -> None:
    pytest.importorskip("supervision")
    found = ROWS.to_supervision()
    assert len(found) == len(ROWS)
    assert found[found.confidence > 0.5].data["class_name"].tolist() == ["dog", "cat", "cow"]
    assert len(Detections.empty().to_supervision()) == 0


def test_save(tmp_path: Path) -> None:
    ROWS.save(tmp_path / "x.json")
    assert json.loads((tmp_path / "x.json").read_text())[0]["objects"] == json.loads(ROWS.to_json())["objects"]
    ROWS.save(str(tmp_path / "x.TXT"))
    assert (tmp_path / "x.TXT").read_bytes().decode() == ROWS.to_yolo()
    ROWS.save(tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert table[1] == {
        "class_id": "1", "label": "dog", "confidence": "0.9", "objectness": "0.95", "left": "40", "top": "60",
        "right": "60", "bottom": "140",
    }  # fmt: skip


def test_save_picture(tmp_path: Path) -> None:
    image = np.full((200, 100, 3), 90, np.uint8)
    ROWS.save(tmp_path / "bild ä.png", image)
    np.testing.assert_array_equal(cv2.imdecode(np.fromfile(tmp_path / "bild ä.png", np.uint8), 1), ROWS.draw(image))
    with pytest.raises(ValueError, match="came from no file"):
        ROWS.save(tmp_path / "y.png")
    cv2.imwrite(str(tmp_path / "in.png"), image)
    named = Detections(
        ROWS.xyxy,
        ROWS.confidence,
        ROWS.class_id,
        ROWS.objectness,
        ROWS.label,
        (100, 200),
        path=str(tmp_path / "in.png"),
    )
    named.save(tmp_path / "z.jpg")
    assert cv2.imread(str(tmp_path / "z.jpg")).shape == (200, 100, 3)
    for name in ("x.pdf", "x", "x.mp4"):
        with pytest.raises(ValueError, match=r"the name must end in \.json, \.txt"):
            ROWS.save(tmp_path / name, image)
    with pytest.raises(FileNotFoundError):
        ROWS.save(tmp_path / "absent" / "x.png", image)


def test_classes_as_json() -> None:
    found = Classification([0.25, 0.75, np.nan], ["b", '"猫"'], top=3)
    assert json.loads(found.to_json(), parse_constant=refuse) == {
        "classes": [
            {"class_id": 1, "name": '"猫"', "probability": 0.75},
            {"class_id": 0, "name": "b", "probability": 0.25},
            {"class_id": 2, "name": "class 2", "probability": None},
        ]
    }
    assert json.loads(found.to_json(filename="a.jpg"))["filename"] == "a.jpg"
    assert json.loads(Classification([1.0], path="b.jpg").to_json())["filename"] == "b.jpg"
    assert json.loads(Classification((), error=pydn.DataError("x")).to_json()) == {"classes": []}


def test_save_classes(tmp_path: Path) -> None:
    found = Classification([0.25, 0.75], ["b", "a, c"])
    found.save(tmp_path / "x.json")
    assert json.loads((tmp_path / "x.json").read_text()) == json.loads(found.to_json())
    found.save(tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text() == 'class_id,label,probability\n1,"a, c",0.75\n0,b,0.25\n'
    found.save(tmp_path / "x.txt")
    assert (tmp_path / "x.txt").read_text() == "a, c: 0.750000\nb: 0.250000\n"
    with pytest.raises(ValueError, match=r"must end in \.json, \.csv or \.txt"):
        found.save(tmp_path / "x.png")
