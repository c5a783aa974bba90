"""The class of a picture: a label in its path, or its folder."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from pydn import DataError
from pydn.evaluation.class_labels import UNKNOWN, ClassSet


def classes(pictures: ClassSet) -> list[int]:
    return [pictures.class_of(index) for index in range(len(pictures))]


def test_the_first_label_of_the_list_counts() -> None:
    pictures = ClassSet(["a/cat_dog.png", "a/dog.png", "a/cow.png", "cat/dog.png"], ["dog", "cat"])
    assert classes(pictures) == [0, 0, UNKNOWN, 0]
    texts = [str(problem) for problem in pictures.problems]
    assert texts[0].startswith("2 paths have both the label 'dog', which counts, and 'cat' (a/cat_dog.png)")
    assert texts[1] == "a/cow.png: none of the labels is in its path: it counts as wrong"
    assert len(texts) == 2


def test_rain_is_in_every_path_of_train(tmp_path: Path) -> None:
    """pjreddie's issue 1916."""
    (tmp_path / "labels.txt").write_text("sun\nrain\nsnow\n")
    (tmp_path / "list.txt").write_text("".join(f"train/{name}.png\n" for name in ("sun1", "snow1", "rain1", "snow2")))
    pictures = ClassSet(tmp_path / "list.txt", tmp_path / "labels.txt")
    assert classes(pictures) == [0, 1, 1, 1]  # as in darknet
    (problem,) = pictures.problems
    assert (problem.file, problem.line) == (str(tmp_path / "labels.txt"), 2)
    assert "the label 'rain' is in every path (train/sun1.png)" in problem.text
    with pytest.raises(DataError, match="'rain' is in every path") as caught:
        ClassSet(tmp_path / "list.txt", tmp_path / "labels.txt", strict=True)
    assert caught.value.line == 2


def test_missing_label_by_list_and_line(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("x/dog.png\n\nx/cow.png\n")
    pictures = ClassSet(tmp_path / "list.txt", ["dog"])
    assert classes(pictures) == [0, UNKNOWN]
    (problem,) = pictures.problems
    assert (problem.file, problem.line) == (str(tmp_path / "list.txt"), 3)
    strict = ClassSet(tmp_path / "list.txt", ["dog"], strict=True)
    assert strict.class_of(0) == 0
    with pytest.raises(DataError, match=r"list\.txt:3: x/cow\.png: none of the labels"):
        strict.class_of(1)
    with pytest.raises(DataError, match="both the label 'dog'"):
        ClassSet(["ab/dog.png", "cd/dog.png"], ["dog", "og"], strict=True).class_of(0)


def test_many_labels_are_found_as_few_are() -> None:
    """Of many labels of one length every part of the path is looked up: the same classes as by comparing each."""
    labels = [f"n{number:08d}" for number in range(5000)]
    paths = [f"data/{labels[i]}/{labels[i]}_{labels[(i * 7) % 5000]}.jpg" for i in range(0, 5000, 97)]
    expected = [next(i for i, label in enumerate(labels) if label in path) for path in paths]
    assert classes(ClassSet(paths, labels)) == expected
    assert classes(ClassSet(paths, [*labels, labels[0]])) == expected


def test_blank_labels_match_nothing() -> None:
    assert classes(ClassSet(["a/dog.png"], ["", "dog"])) == [1]


def test_labels_of_the_data_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "l.txt").write_text("ab\ncd\nef\n")
    (tmp_path / "n.txt").write_text("one\ntwo\nthree\n")
    (tmp_path / "list.txt").write_text("ef.png\ntwo.png\ncd.png")
    data = tmp_path / "set.data"
    data.write_text("valid=list.txt\nlabels=l.txt\nnames=n.txt\n")
    assert classes(ClassSet(data)) == [2, UNKNOWN, 1]
    data.write_text("valid=list.txt\nnames=n.txt\n")
    assert classes(ClassSet(data)) == [UNKNOWN, 1, UNKNOWN]
    assert classes(ClassSet(data, ["cd"], classes=1)) == [UNKNOWN, UNKNOWN, 0]
    data.write_text("valid=list.txt\n")
    assert classes(ClassSet(data, names=["ef"], classes=1)) == [0, UNKNOWN, UNKNOWN]
    with pytest.raises(DataError, match="no labels to look for"):
        ClassSet(data)
    assert caplog.records == []
    data.write_text("valid=list.txt\nlabels=l.txt\nclasses=2\n")
    with caplog.at_level(logging.WARNING, "pydn"):
        pictures = ClassSet(data, classes=3)
    assert (pictures.classes, classes(pictures)) == (2, [UNKNOWN, UNKNOWN, 1])
    assert "classes=2 in the .data file, 3 outputs: the first 2 count" in caplog.text
    with caplog.at_level(logging.WARNING, "pydn"):
        assert ClassSet(tmp_path / "list.txt", ["cd"], classes=2).labels == ["cd", "class 1"]
    assert "1 labels for 2 classes" in caplog.text
    data.write_text("valid=list.txt\nlabels=l.txt\nclasses=0\n")
    with pytest.raises(DataError, match="must be 1 or more"):
        ClassSet(data)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for name in ("cat/1.png", "cat/2.jpg", "cow/1.png", "dog/1.png", "empty/notes.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_a_folder_for_each_class(folders: Path) -> None:
    pictures = ClassSet(folders, names=["dog", "cat", "cow"])
    assert pictures.by == "folder"
    assert [(Path(listed.path).parent.name, pictures.class_of(i)) for i, listed in enumerate(pictures.listing)] == [
        ("cat", 1), ("cat", 1), ("cow", 2), ("dog", 0),
    ]  # fmt: skip
    assert pictures.problems == []


def test_folders_that_are_no_labels(folders: Path) -> None:
    (folders / "empty" / "notes.md").unlink()
    (folders / "empty").rmdir()
    assert classes(ClassSet(folders, names=["C", "A", "B"])) == [0, 0, 1, 2]  # in order of the alphabet
    with pytest.raises(DataError, match=r"in 3 folders \(cat, cow, dog, …\), of which none is one of the 2 labels"):
        ClassSet(folders, names=["A", "B"])
    pictures = ClassSet(folders, names=["cat", "other"])
    assert classes(pictures) == [0, 0, UNKNOWN, UNKNOWN]
    assert "its folder is no label" in pictures.problems[0].text


def test_folders_of_a_list() -> None:
    paths = ["train/cat/1.png", "train/rain/cat.png"]
    assert classes(ClassSet(paths, ["rain", "cat"], by="folder")) == [1, 0]
    assert classes(ClassSet(paths, ["rain", "cat"])) == [0, 0]
