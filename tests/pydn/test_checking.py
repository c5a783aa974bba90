"""`pydn check` finds what was broken on purpose, and nothing else."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import pydn
from pydn.cli import main

CFG = b"""[net]
width=64
height=64
channels=3

[maxpool]
size=16
stride=16

[convolutional]
filters=14
size=1
activation=linear

[yolo]
classes=2
anchors=10,10, 20,20
num=2
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"p{number}.png"), np.full((40, 60, 3), 40 * number, np.uint8))
        (tmp_path / f"p{number}.txt").write_text(f"{number % 2} 0.5 0.5 0.4 0.{4 + number}\n")
    (tmp_path / "train.txt").write_text("p0.png\np1.png\np2.png\n")
    (tmp_path / "valid.txt").write_text("p3.png\n")
    (tmp_path / "names.txt").write_text("cat\ndog\n")
    file = tmp_path / "set.data"
    file.write_text("classes=2\ntrain=train.txt\nvalid=valid.txt\nnames=names.txt\n")
    return file


def test_nothing_is_wrong(data: Path) -> None:
    report = pydn.check(data, pydn.load(CFG))
    assert report.ok, report
    assert (report.pictures, report.boxes, report.classes, report.names) == (4, 4, (2, 2), ("cat", "dog"))
    assert report.sizes == {(60, 40): 4}
    assert report.anchors is not None
    assert report.anchors.anchors.shape == (2, 2)
    assert report.notes == []
    assert "nothing is wrong" in str(report)


def test_everything_is_wrong(data: Path) -> None:
    folder = data.parent
    (folder / "p0.txt").write_text("0 0.5 0.5 0.4 0.4\n0 0.5 0.5 0.4 0.4\n7 0.5 0.5 0.1 0.1\nnonsense\n")
    (folder / "p1.txt").unlink()
    whole = (folder / "p2.png").read_bytes()
    (folder / "p2.png").write_bytes(whole[: len(whole) // 2])
    (folder / "p3.png").unlink()
    (folder / "names.txt").write_text("cat\ndog\ncow\n")
    report = pydn.check(data)
    texts = "\n".join(map(str, report.problems))
    for found in (
        "names: 3",
        "stands there 2 times",
        "no class has number 7",
        "not of the form",
        "no such label file",
        "p2.png",
        "no such picture",
    ):
        assert found in texts, (found, texts)
    assert "no boxes of dog, cow" in " ".join(report.notes)
    assert not report.ok


def test_notes(data: Path) -> None:
    folder = data.parent
    (folder / "valid.txt").write_text("p0.png\n")
    (folder / "p0.txt").write_text("0 0.5 0.5 0.01 0.02\n")
    notes = " ".join(pydn.check(data, pydn.load(CFG)).notes)
    assert "1 pictures are in both lists" in notes
    assert "2 boxes are smaller than a cell of the finest head (16 pixels" in notes


def test_the_verb(data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data.parent)
    Path("net.cfg").write_bytes(CFG)
    assert main(["check", "set.data", "net.cfg", "-out", "report.json"]) == 0
    assert "4 pictures of 1 sizes, 4 boxes" in capsys.readouterr().out
    assert '"boxes": 4' in Path("report.json").read_text()
    Path("p0.txt").write_text("9 9 9 9 9\n")
    assert main(["check", "set.data"]) == 1


def test_a_file_without_lists(tmp_path: Path) -> None:
    (tmp_path / "x.data").write_text("classes=1\n")
    with pytest.raises(pydn.DataError, match="train, valid"):
        pydn.check(tmp_path / "x.data")


CLASSIFIER = b"""[net]
width=8
height=8
channels=3

[convolutional]
filters=2
size=1

[avgpool]

[softmax]
"""


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    """Seven pictures, one of them cut off, one without a class, one in both lists."""
    for name in ("cat_1", "cat_2", "dog_1", "dog_2", "bird_1", "cat_3", "dog_3"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.zeros((8, 9, 3), np.uint8))
    whole = (tmp_path / "dog_2.png").read_bytes()
    (tmp_path / "dog_2.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "train.txt").write_text("cat_1.png\ncat_2.png\ndog_1.png\ndog_2.png\nbird_1.png\n")
    (tmp_path / "valid.txt").write_text("cat_3.png\ndog_3.png\ncat_1.png\n")
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    file = tmp_path / "set.data"
    file.write_text("classes=2\ntrain=train.txt\nvalid=valid.txt\nlabels=labels.txt\n")
    return file


@pytest.mark.parametrize("with_network", [False, True])
def test_the_set_of_a_classifier(classes: Path, with_network: bool) -> None:
    report = pydn.check(classes, pydn.load(CLASSIFIER) if with_network else None)
    assert (report.pictures, report.boxes, report.classes, report.names) == (8, 0, (4, 2), ("cat", "dog"))
    assert [problem.line for problem in report.problems] == [4, 5]
    assert "dog_2.png" in str(report.problems[0])
    assert "none of the labels is in its path" in str(report.problems[1])
    assert "1 pictures are in both lists" in report.notes[0]


def test_a_classifier_with_other_classes(classes: Path) -> None:
    report = pydn.check(classes, pydn.load(CLASSIFIER.replace(b"filters=2", b"filters=3")))
    assert "numbers of classes disagree: classes= of the .data file: 2, its labels: 2, the cfg: 3" in str(report)
