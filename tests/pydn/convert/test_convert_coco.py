"""COCO's instances to labels and back."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import pydn
from pydn import convert
from pydn.cli import main

CATEGORIES = [{"id": 18, "name": "dog"}, {"id": 3, "name": "car"}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, (width, height) in {"a.jpg": (640, 480), "b.png": (200, 100), "empty.png": (10, 10)}.items():
        (tmp_path / "pictures").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "pictures" / name), np.zeros((height, width, 3), np.uint8))
    return tmp_path


def write(path: Path, **changed: Any) -> Path:
    content = {
        "images": [
            {"id": 7, "file_name": "a.jpg", "width": 640, "height": 480},
            {"id": 9, "file_name": "b.png"},
            {"id": 11, "file_name": "empty.png", "width": 10, "height": 10},
        ],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 18, "bbox": [64, 48, 320, 96.5], "iscrowd": 0},
            {"id": 2, "image_id": 7, "category_id": 3, "bbox": [600, -10, 100, 20]},
            {"id": 3, "image_id": 9, "category_id": 3, "bbox": [0, 0, 200, 100], "iscrowd": 1},
            {"id": 4, "image_id": 9, "category_id": 3, "bbox": [10, 10, 0, 5]},
            {"id": 5, "image_id": 99, "category_id": 3, "bbox": [10, 10, 5, 5]},
        ],
        "categories": CATEGORIES,
    }
    path.write_text(json.dumps(content | changed))
    return path


def test_numbers(folder: Path) -> None:
    file = write(folder / "train.json")
    done = convert.coco(file, folder / "out", images=folder / "pictures")
    assert (done.names, done.pictures, done.boxes, done.problems) == (("car", "dog"), 3, 2, [])
    assert done.left_out == {"crowds": 1, "no area inside the picture": 1}
    # (64 + 160) / 640, (48 + 48.25) / 480; 600 to 640 and 0 to 10
    assert (folder / "pictures/a.txt").read_text() == (
        "1 0.350000 0.200521 0.500000 0.201042\n0 0.968750 0.010417 0.062500 0.020833\n"
    )
    assert (folder / "pictures/empty.txt").read_text() == ""
    assert pydn.check(done.data).ok


def test_crowds_names_and_two_lists(folder: Path) -> None:
    file, names = write(folder / "train.json"), folder / "my.names"
    names.write_text("dog\ncar\n")
    line = ["convert", "coco", str(file), str(file), "-images", str(folder / "pictures"), "-crowd"]
    assert main([*line, "-out", str(folder / "out"), "-names", str(names)]) == 0
    assert (folder / "pictures/b.txt").read_text() == "1 0.500000 0.500000 1.000000 1.000000\n"
    data = pydn.DataFile.read(folder / "out/out.data")
    assert data.file("valid").read_text() == data.file("train").read_text()
    assert data.file("names").read_text() == "dog\ncar\n"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"images": [{"id": 1, "file_name": "../train.json"}]}, "no file_name inside the folder"),
        ({"images": [{"id": 1, "file_name": "/etc/passwd"}]}, "no file_name inside the folder"),
        ({"images": [{"id": 1, "file_name": "a.jpg\nb.jpg"}]}, "no file_name inside the folder"),
        ({"images": [{"id": 1}]}, "no file_name inside the folder"),
        ({"images": [{"id": 1, "file_name": "none.jpg"}]}, "no such picture"),
        ({"annotations": [{"image_id": 7, "category_id": 4, "bbox": [1, 1, 1, 1]}]}, "lacks its category or bbox"),
        ({"annotations": [{"image_id": 7, "category_id": [], "bbox": [1, 1, 1, 1]}]}, "lacks its category or bbox"),
        ({"annotations": [{"image_id": 7, "category_id": 3, "bbox": [1, 1, float("nan"), 1]}]}, "lacks its category"),
        ({"annotations": [{"image_id": 7, "category_id": 3, "bbox": "1111"}]}, "lacks its category or bbox"),
        ({"annotations": [{"image_id": 7, "category_id": 3, "bbox": [1, 1, -1, 1]}]}, "lacks its category or bbox"),
    ],
)
def test_bad_rows_are_listed(folder: Path, changed: dict[str, Any], said: str) -> None:
    done = convert.coco(write(folder / "x.json", **changed), folder / "out", images=folder / "pictures")
    assert [said in problem.text for problem in done.problems] == [True]


@pytest.mark.parametrize(
    "changed",
    [{"images": 5}, {"categories": None}, {"annotations": [3]}, {"categories": []}, {"categories": [{"id": 1}]}],
)
def test_bad_files_are_refused(folder: Path, changed: dict[str, Any]) -> None:
    with pytest.raises(pydn.DataError):
        convert.coco(write(folder / "x.json", **changed), folder / "out", images=folder / "pictures")


@pytest.mark.parametrize("text", ["", "[1]", "{", "[" * 100_000])
def test_what_is_no_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(pydn.DataError, match=r"x\.json"):
        convert.coco(tmp_path / "x.json", tmp_path / "out", images=tmp_path)


def test_there_and_back_to_the_digit(folder: Path) -> None:
    """Whole pixels come back whole; labels of any six decimals come back to the digit."""
    random = np.random.default_rng(6)
    left, top = random.integers(0, (639, 479), (40, 2)).T
    width, height = random.integers(1, 641 - left), random.integers(1, 481 - top)
    boxes = np.stack([left, top, width, height], 1).tolist()
    rows = [{"image_id": 7, "category_id": 18 if k % 2 else 3, "bbox": row} for k, row in enumerate(boxes)]
    data = convert.coco(write(folder / "x.json", annotations=rows), folder / "out", images=folder / "pictures").data
    assert main(["convert", "tococo", str(data), str(folder / "back.json")]) == 0
    back = json.loads((folder / "back.json").read_text())
    assert [row["bbox"] for row in back["annotations"]] == boxes
    assert [row["category_id"] for row in back["annotations"]] == [1, 2] * 20
    assert back["categories"] == [{"id": 1, "name": "car"}, {"id": 2, "name": "dog"}]
    assert back["annotations"][0]["area"] == boxes[0][2] * boxes[0][3]
    sizes = random.uniform(0.01, 0.5, (50, 2))
    centres = random.uniform(sizes / 2, 1 - sizes / 2)
    lines = [f"1 {x:.6f} {y:.6f} {w:.6f} {h:.6f}\n" for (x, y), (w, h) in zip(centres, sizes, strict=True)]
    labels = "".join(lines)
    (folder / "pictures/a.txt").write_text(labels)
    convert.to_coco(data, folder / "back.json")
    convert.coco(folder / "back.json", folder / "out", images=folder / "pictures")
    assert (folder / "pictures/a.txt").read_text() == labels


def test_the_reader_of_coco_agrees(folder: Path) -> None:
    """What is written is what pycocotools reads."""
    reader = pytest.importorskip("pycocotools.coco")
    data = convert.coco(write(folder / "x.json"), folder / "out", images=folder / "pictures").data
    convert.to_coco(data, folder / "back.json")
    found = reader.COCO(str(folder / "back.json"))
    assert len(found.imgs) == 3
    # six decimals of 640 pixels are 0.0006 of a pixel
    np.testing.assert_allclose(found.anns[1]["bbox"], [64, 48, 320, 96.5], atol=1e-3)
    np.testing.assert_allclose(found.anns[2]["bbox"], [600, 0, 40, 10], atol=1e-3)


def test_cocos_own_categories(folder: Path) -> None:
    (folder / "pictures/a.txt").write_text("79 0.5 0.5 0.5 0.5\n")
    known = [f"c{k}" for k in range(80)]
    known[8], known[79] = "boat", "toothbrush"
    convert.to_coco([folder / "pictures/a.jpg"], folder / "x.json", names=known)
    content = json.loads((folder / "x.json").read_text())
    assert content["annotations"][0]["category_id"] == 90
    assert content["annotations"][0]["bbox"] == [160, 120, 320, 240]
    with pytest.raises(ValueError, match="category_ids"):
        convert.to_coco([folder / "pictures/a.jpg"], folder / "x.json", category_ids=[1])
