"""Pictures with their labels: where they are looked up, and what is wrong with them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from pydn import DataError
from pydn.datafile import DataFile
from pydn.evaluation.truth import Truth, TruthSet


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures beside a list; the labels of one are right, one has none."""
    (tmp_path / "d").mkdir()
    for name in "abc":
        (tmp_path / "d" / f"{name}.png").write_bytes(b"x")
    (tmp_path / "d" / "a.txt").write_text("1 0.5 0.5 0.25 0.125\n0 .1 .2 .1 .1\n")
    (tmp_path / "d" / "c.txt").write_text("")
    (tmp_path / "list.txt").write_text("d/a.png\n\nd/b.png\r\nd/c.png")
    (tmp_path / "set.data").write_text("classes=2\nvalid=list.txt\n")
    return tmp_path


def texts(truth: TruthSet) -> list[str]:
    return [str(problem).replace("\\", "/") for problem in truth.check()]


def test_boxes(folder: Path) -> None:
    truth = TruthSet(folder / "set.data", classes=2)
    assert len(truth) == 3
    first = truth[0]
    assert isinstance(first, Truth)
    assert first.boxes.dtype == np.float32
    np.testing.assert_allclose(first.boxes, [[1, 0.5, 0.5, 0.25, 0.125], [0, 0.1, 0.2, 0.1, 0.1]], rtol=1e-6)
    assert (first.name, first.path) == ("d/a.png", os.path.join(folder, "d/a.png"))  # noqa: PTH118
    assert [one.boxes.shape for one in truth] == [(2, 5), (0, 5), (0, 5)]
    assert [one.index for one in truth[1:]] == [1, 2]
    assert truth[-1].name == "d/c.png"
    assert first.difficult.shape == (0, 5)
    with pytest.raises(ValueError, match="read-only"):
        first.boxes[0, 0] = 5
    with pytest.raises(IndexError, match="3 pictures"):
        _ = truth[3]


def test_a_missing_label_file_is_a_problem(folder: Path) -> None:
    truth = TruthSet(folder / "list.txt")
    assert truth.problems == []  # nothing has been read
    assert [Path(problem.file).name for problem in truth.check()] == ["b.txt"]
    assert "no such label file" in truth.problems[0].text
    with pytest.raises(DataError, match="no such label file") as caught:
        TruthSet(folder / "list.txt", strict=True).check()
    assert caught.value.file == truth.problems[0].file


@pytest.mark.parametrize(
    ("line", "kept", "says"),
    [
        ("0 .5 .5 .1", False, r"is not of the form 'class x y width height \[track\]'"),
        ("0 .5 .5 .1 .1 .9", False, "is not of the form"),
        ("cat .5 .5 .1 .1", False, "is not of the form"),
        ("0.5 .5 .5 .1 .1", False, "is not of the form"),
        ("0 nan .5 .1 .1", False, "is not of the form"),
        ("0 .5 inf .1 .1", False, "is not of the form"),
        ("0,.5,.5,.1,.1", False, "is not of the form"),
        ("2 .5 .5 .1 .1", False, r"no class has number 2, there are 2 \(0 to 1\)"),
        ("-1 .5 .5 .1 .1", False, "no class has number -1"),
        ("1 .5 .5 0 .1", True, "has no area"),
        ("1 .5 .5 .1 -.1", True, "has no area"),
        ("1 1.5 .5 .1 .1", True, "is not inside the picture"),
        ("1 320 240 20 10", True, "is not inside the picture"),
        ("1 -.1 .5 .1 .1", True, "is not inside the picture"),
        ("\x00\x01\x02", False, "is not of the form"),
    ],
)
def test_a_bad_line_is_reported_by_file_and_line(folder: Path, line: str, kept: bool, says: str) -> None:
    (folder / "d" / "c.txt").write_text(f"0 .5 .5 .2 .2\n\n{line}\n1 .25 .25 .1 .1\n")
    truth = TruthSet(folder / "list.txt", classes=2)
    assert truth[2].boxes[:, 0].tolist() == ([0, int(float(line.split()[0])), 1] if kept else [0, 1])
    problems = [problem for problem in truth.check() if problem.file.endswith("c.txt")]
    assert [problem.line for problem in problems] == [3]
    strict = TruthSet(folder / "list.txt", classes=2, strict=True)
    for _ in range(2):  # and again
        with pytest.raises(DataError, match=says) as caught:
            _ = strict[2]
        assert caught.value.line == 3


@pytest.mark.parametrize("line", ["1 1 1 1 1", "1 .5 .5 1.00001 1", "1\t.5  .5 1e-3 +.5", "1.0 .5 .5 .1 .1"])
def test_a_good_line(folder: Path, line: str) -> None:
    (folder / "d" / "b.txt").write_bytes(b"\xef\xbb\xbf" + line.encode() + b" \r\n\x1a")
    truth = TruthSet(folder / "list.txt", classes=2)
    assert truth.check() == []
    assert truth[1].boxes.shape == (1, 5)


def test_lines_may_end_in_any_way(folder: Path) -> None:
    (folder / "d" / "b.txt").write_bytes(b"0 .5 .5 .1 .1\r1 .5 .5 .1 .1\r\n1 .5 .5 .1 .1 \n5 1 1 1 1")
    truth = TruthSet(folder / "list.txt", classes=2)
    assert truth[1].boxes[:, 0].tolist() == [0, 1, 1]
    assert [problem.line for problem in truth.problems] == [4]


def test_missing_pictures_are_reported_with_their_line(folder: Path) -> None:
    (folder / "d" / "b.png").unlink()
    (folder / "d" / "b.txt").write_text("")
    truth = TruthSet(folder / "list.txt")
    assert [(Path(p.file).name, p.line) for p in truth.check()] == [("list.txt", 3)]
    assert "d/b.png: no such picture" in texts(truth)[0]
    truth.report(1, FileNotFoundError(2, "No such file or directory", "d/b.png"))
    truth.report(0, DataError("the image file is empty", file="d/a.png"))
    assert [problem.line for problem in truth.problems] == [1, 3]
    assert "a.png: the image file is empty: the picture is left out" in texts(truth)[0]


def test_a_picture_that_stands_there_often_is_reported_once(folder: Path) -> None:
    (folder / "d" / "a.txt").write_text("9 .5 .5 .1 .1")
    truth = TruthSet([folder / "d" / "a.png"] * 4, classes=2)
    assert len(truth.check()) == 1
    assert [len(one.boxes) for one in truth] == [0] * 4


def test_sources(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["a.png", "b.png", "c.png"]
    data = DataFile.read(folder / "set.data")
    sources = [folder / "set.data", data, folder / "list.txt", folder / "d", str(folder / "d" / "*.png")]
    for source in (*sources, [folder / "d" / name for name in names]):
        assert [Path(one.path).name for one in TruthSet(source)] == names
        assert len(TruthSet(source)[0].boxes) == 2
    assert len(TruthSet(folder / "d" / "a.png")) == 1
    (folder / "other.list").write_text("d/c.png")
    (folder / "set.data").write_text("train=other.list")
    assert len(TruthSet(folder / "set.data", "train")) == 1
    with pytest.raises(DataError, match="valid= is missing"):
        TruthSet(folder / "set.data")
    with pytest.raises(FileNotFoundError):
        TruthSet(folder / "absent.txt")
    with pytest.raises(DataError, match="no image"):
        TruthSet([])
    monkeypatch.chdir(folder)
    assert TruthSet("list.txt")[0].path == "d/a.png"


def test_a_list_in_a_folder_of_its_own(folder: Path) -> None:
    """As in darknet's layouts: the list in data/, its paths from one above."""
    (folder / "lists").mkdir()
    (folder / "lists" / "valid.txt").write_text("d/a.png\n")
    truth = TruthSet(folder / "lists" / "valid.txt")
    assert len(truth[0].boxes) == 2
    assert truth.problems == []


def test_dialects_look_labels_up_in_their_own_place(tmp_path: Path) -> None:
    for name in ("images/x.jpg", "images/x.txt", "labels/x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "labels" / "x.txt").write_text("3 .5 .5 .1 .1")
    (tmp_path / "list.txt").write_text("images/x.jpg")
    assert len(TruthSet(tmp_path / "list.txt")[0].boxes) == 0
    assert len(TruthSet(tmp_path / "list.txt", dialect="pjreddie")[0].boxes) == 1
    (tmp_path / "images" / "x.txt").unlink()
    assert "in dialect 'pjreddie' it would be" in TruthSet(tmp_path / "list.txt").check()[0].text


def test_difficult(folder: Path) -> None:
    (folder / "hard").mkdir()
    for name in "abc":
        (folder / "hard" / f"{name}.txt").write_text("0 .5 .5 .1 .1\n" if name == "a" else "")
    (folder / "hard.txt").write_text("".join(f"hard/{name}.png\n" for name in "abc"))
    (folder / "set.data").write_text("valid=list.txt\ndifficult = hard.txt\ntrain=list.txt")
    for truth in (TruthSet(folder / "set.data"), TruthSet(folder / "list.txt", difficult=folder / "hard.txt")):
        assert [len(one.difficult) for one in truth] == [1, 0, 0]
        assert [len(one.boxes) for one in truth] == [2, 0, 0]
    assert [len(one.difficult) for one in TruthSet(folder / "set.data", "train")] == [0, 0, 0]
    (folder / "hard.txt").write_text("hard/a.png")
    with pytest.raises(DataError, match="the list has 1 pictures, that of all objects has 3"):
        TruthSet(folder / "set.data")


def test_several_threads_read_every_file_once(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"{number}.png").touch()
        (tmp_path / f"{number}.txt").write_text("no box")
    truth = TruthSet(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(truth.__getitem__, [i for i in range(40) for _ in range(4)]))
    names = [Path(problem.file).stem for problem in truth.problems]
    assert names == [str(number) for number in range(40)]


def test_names_that_a_shell_would_run(tmp_path: Path) -> None:
    name = "$(touch hacked);`touch hacked`|'x' y.png"
    (tmp_path / name).touch()
    (tmp_path / name).with_suffix(".txt").write_text("bad")
    assert len(TruthSet(tmp_path).check()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, name.replace(".png", ".txt")])
