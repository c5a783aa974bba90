"""Files for other evaluators, worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import pydn
from pydn.evaluation.detector_valid import write_detections
from pydn.evaluation.growing import GrowingFiles, safe_name
from pydn.evaluation.writers import Found, Writer, category, image_number, stem_of

BOXES = [[50, 40, 20, 10], [5, 95, 20, 30]]
"""Centre and sides in a picture of 100 x 100; the second one reaches over the left and the lower edge."""


def write(folder: Path, kind: Any, names: list[str], *paths: str, **options: Any) -> Writer:
    with GrowingFiles(folder) as files:
        writer = Writer(files, kind, names, **options)
        for index, path in enumerate(paths):
            boxes, ids, scores = (
                np.array(BOXES, np.float32),
                np.array([1, 0], np.int32),
                np.array([0.5, 0.25], np.float32),
            )
            writer.add(Found(index, path, (100, 100), boxes, ids, scores))
        writer.end()
    return writer


def test_voc(tmp_path: Path) -> None:
    """Pixels are counted from 1: right and lower edge are cut at 100, left and upper at 1."""
    write(tmp_path, "voc", ["cat", "dog", "cow"], "d/7.a.jpg")
    assert (tmp_path / "comp4_det_test_dog.txt").read_text() == "7.a 0.500000 41.000000 36.000000 61.000000 46.000000\n"
    assert (tmp_path / "comp4_det_test_cat.txt").read_text() == "7.a 0.250000 1.000000 81.000000 16.000000 100.000000\n"
    assert (tmp_path / "comp4_det_test_cow.txt").read_text() == ""
    assert len(list(tmp_path.iterdir())) == 3


def test_coco(tmp_path: Path) -> None:
    writer = write(tmp_path, "coco", ["cat", "dog"], "000000000139.jpg", "x.jpg", name="mine")
    entries = json.loads((tmp_path / "mine.json").read_text())
    assert entries[0] == {"image_id": 139, "category_id": 2, "bbox": [40, 35, 20, 10], "score": 0.5}
    assert entries[1] == {"image_id": 139, "category_id": 1, "bbox": [0, 80, 15, 20], "score": 0.25}
    assert [entry["image_id"] for entry in entries[2:]] == [0, 0]
    assert writer.unnumbered == 1


@pytest.mark.parametrize("kind", ["coco", "bdd"])
def test_json_of_nothing(tmp_path: Path, kind: Any) -> None:
    """The reference overwrites its opening bracket."""
    write(tmp_path, kind, ["cat", "dog"])
    (file,) = tmp_path.iterdir()
    assert json.loads(file.read_text()) == []


def test_imagenet(tmp_path: Path) -> None:
    write(tmp_path, "imagenet", ["cat", "dog"], "a.jpg", "b.jpg")
    lines = (tmp_path / "imagenet-detection.txt").read_text().splitlines()
    assert lines[0] == "1 2 0.500000 40.000000 35.000000 60.000000 45.000000"
    assert lines[3] == "2 1 0.250000 0.000000 80.000000 15.000000 100.000000"


def test_bdd(tmp_path: Path) -> None:
    write(tmp_path, "bdd", [str(i) for i in range(10)], 'a/b"c.jpg')
    text = (tmp_path / "bdd_results.json").read_text()
    assert json.loads(text)[0] == {"name": 'b"c', "category": "bus", "bbox": [40, 35, 60, 45], "score": 0.5}
    assert text.startswith('[\n\t{\n\t\t"name":"b\\"c",\n\t\t"category":"bus",\n\t\t"bbox":[40.000000, 35.000000, ')
    assert text.endswith("\n\t}\n]\n")
    write(tmp_path, "bdd", ["cat", "dog"], "a.jpg")
    assert json.loads((tmp_path / "bdd_results.json").read_text())[0]["category"] == "dog"


def test_kitti(tmp_path: Path) -> None:
    write(tmp_path, "kitti", ["a", "b", "c"], "x/000001.png", "x/000002.png")
    folder = tmp_path / "kitti_results" / "data"
    assert sorted(path.name for path in folder.iterdir()) == ["000001.txt", "000002.txt"]
    first = (folder / "000001.txt").read_text().splitlines()[0]
    assert first == (
        "pedestrian -1 -1 -10 40.000000 35.000000 60.000000 45.000000 -1 -1 -1 -1000 -1000 -1000 -10 0.500000"
    )


def test_darkflow(tmp_path: Path) -> None:
    write(tmp_path, "darkflow", ["cat", "dog"], "x/1.png")
    rows = json.loads((tmp_path / "out" / "1.json").read_text())
    cat = {"label": "cat", "confidence": 0.25, "topleft": {"x": 0, "y": 80}, "bottomright": {"x": 15, "y": 99}}
    dog = {"label": "dog", "confidence": 0.5, "topleft": {"x": 40, "y": 35}, "bottomright": {"x": 60, "y": 45}}
    assert rows == [cat, dog]


def test_names_that_lead_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    write(folder, "voc", ["../../cat", "a/b"], "1.png")
    assert {path.name for path in folder.iterdir()} == {"comp4_det_test_.._.._cat.txt", "comp4_det_test_a_b.txt"}
    assert [path.name for path in tmp_path.iterdir()] == ["results"]
    assert safe_name("") == "_"


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("val2017/000000000139.jpg", 139),
        ("COCO_val2014_000000000042.jpg", 42),
        ("12_34.jpg", 12),
        ("a/5.jpg/x.png", None),
        ("frame.png", None),
        ("x_y.png", None),
    ],
)
def test_number_of_a_picture(path: str, number: int | None) -> None:
    assert image_number(path) == number


def test_categories() -> None:
    """COCO's own list: 1 person, 18 dog (class 16), 90 toothbrush (class 79)."""
    assert [category(i) for i in (0, 16, 79, 80, 81)] == [1, 18, 90, 91, 92]
    assert stem_of(r"C:\x\y.z.png") == "y.z"


def test_files_appear_at_the_end_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("before")
    monkeypatch.setattr("pydn.evaluation.growing._AT_ONCE", 10)
    with GrowingFiles(tmp_path) as files:
        for number in range(30):
            files.add("a.txt", f"{number}\n")
            files.add("deep/b.txt", "x")
        assert (tmp_path / "a.txt").read_text() == "before"
    assert (tmp_path / "a.txt").read_text().split() == [str(number) for number in range(30)]
    assert (tmp_path / "deep" / "b.txt").read_text() == "x" * 30
    assert files.paths == [tmp_path / "a.txt", tmp_path / "deep" / "b.txt"]
    assert len(list(tmp_path.rglob("*"))) == 3


def test_nothing_is_left_after_an_exception(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("before")
    monkeypatch.setattr("pydn.evaluation.growing._AT_ONCE", 1)
    files = GrowingFiles(tmp_path)

    def fail() -> None:
        with files:
            files.add("a.txt", "after")
            files.add("b.txt", "after")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "before"


DETECTOR = b"""[net]
width=32
height=32
channels=3
[convolutional]
filters=18
size=1
[yolo]
mask=0,1,2
classes=1
num=3
anchors=4,4,8,8,16,16
"""


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    for number in range(6):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((40, 50, 3), 40 * number, np.uint8))
    return [str(tmp_path / f"{number}.png") for number in range(6)]


def test_interrupted(pictures: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was searched before Ctrl-C is written, as a whole file."""
    add = Writer.add

    def stop(writer: Writer, found: Found) -> None:
        if found.index == 3:
            raise KeyboardInterrupt
        add(writer, found)

    monkeypatch.setattr(Writer, "add", stop)
    written = write_detections(pydn.load(DETECTOR), pictures, "coco", tmp_path / "out", thresh=0.2)
    assert (written.count, written.total, written.complete) == (3, 6, False)
    entries = json.loads((tmp_path / "out" / "coco_results.json").read_text())
    assert {entry["image_id"] for entry in entries} == {0, 1, 2}
    assert written.found == len(entries)


@pytest.mark.parametrize("flip", [False, True])
def test_what_cannot_be_read_is_reported(pictures: list[str], tmp_path: Path, flip: bool) -> None:
    Path(pictures[2]).write_bytes(b"no picture")
    written = write_detections(pydn.load(DETECTOR, batch=4), pictures, "imagenet", tmp_path / "out", flip=flip)
    assert (written.count, written.complete, len(written.problems)) == (5, True, 1)
    assert written.problems[0].file == pictures[2]
    lines = (tmp_path / "out" / "imagenet-detection.txt").read_text().splitlines()
    assert {int(line.split()[0]) for line in lines} == {1, 2, 4, 5, 6}
    with pytest.raises(pydn.DataError, match=r"2\.png: not an image"):
        write_detections(pydn.load(DETECTOR), pictures, "voc", tmp_path / "strict", strict=True)
    assert list((tmp_path / "strict").iterdir()) == []
