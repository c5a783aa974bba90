"""Accuracy of a classifier: counting by hand, what goes wrong, and what is written."""

from __future__ import annotations

import csv
import io
import json
import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import pydn
from pydn import DataError, UnsupportedError
from pydn.cli import main
from pydn.evaluation.classification import valid
from pydn.evaluation.top_k import Judged, Judgement, TopKResult

CFG = b"""[net]
width=8
height=8
channels=3
[convolutional]
filters=3
size=1
activation=linear
[avgpool]
[softmax]
"""
NAMES = ["red", "green", "blue"]
COLOURS = {"red": (0, 0, 250), "green": (0, 250, 0), "blue": (250, 0, 0)}


def colour_net(**options: Any) -> pydn.Network:
    """A classifier whose classes are the colours: the score of each is its channel."""
    net = pydn.load(CFG, names=NAMES, **options)
    net.weights[0, "weights"][...] = 4 * np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1)
    net.weights[0, "biases"][...] = 0
    return net


def draw(path: Path, colour: str, size: tuple[int, int] = (10, 12)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((*size, 3), COLOURS[colour], np.uint8))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Six pictures: four right, a blue one called red, a green one called blue."""
    pictures = [
        ("red", "red"),
        ("green", "green"),
        ("red", "blue"),
        ("blue", "blue"),
        ("blue", "green"),
        ("red", "red"),
    ]
    names = []
    for number, (name, colour) in enumerate(pictures):
        names.append(f"d/{number}_{name}.png")
        draw(tmp_path / names[-1], colour, (10 + number, 12))
    (tmp_path / "list.txt").write_text("\n".join(names))
    (tmp_path / "labels.txt").write_text("\n".join(NAMES))
    (tmp_path / "set.data").write_text("valid=list.txt\nlabels=labels.txt\nclasses=3\ntop=2\n")
    return tmp_path / "set.data"


@pytest.mark.parametrize("batch", [1, 4, 16])
def test_counted_by_hand(data: Path, batch: int) -> None:
    result = colour_net(batch=batch).valid(data)
    assert (result.count, result.k, result.complete) == (6, 2, True)
    assert result.top1 == pytest.approx(4 / 6)
    assert result.confusion.tolist() == [[2, 0, 1], [0, 1, 0], [0, 1, 1], [0, 0, 0]]
    assert result.class_accuracy.tolist() == pytest.approx([2 / 3, 1, 1 / 2])
    assert sorted(result.confusions()) == [("blue", "green", 1), ("red", "blue", 1)]
    assert [one.name for one in result.worst()] == ["d/2_red.png", "d/4_blue.png"]
    assert [one.rank == 0 for one in result] == [True, True, False, True, False, True]
    assert [one.best for one in result] == [0, 1, 2, 2, 1, 0]
    exact = np.exp(4 * 250 / 255) / (np.exp(4 * 250 / 255) + 2)
    assert result[0].confidence == pytest.approx(exact, abs=1e-5)
    # at equal scores the class that comes first is better: of a blue picture red is the second, of a green one too
    assert result.topk == pytest.approx(5 / 6)
    assert list(result.lines())[2] == "2: top 1: 0.666667, top 2: 1.000000"
    assert str(result) == "5: top 1: 0.666667, top 2: 0.833333"


@pytest.mark.parametrize("form", ["single", "10", "multi", "full", "crop"])
def test_all_forms_see_plain_colours_alike(data: Path, form: Any) -> None:
    net = colour_net()
    assert net.valid(data, form=form).confusion.tolist() == [[2, 0, 1], [0, 1, 0], [0, 1, 1], [0, 0, 0]]
    assert (net.width, net.height) == (8, 8)


def judged(truth: list[int], scores: NDArray[np.float32], k: int = 2) -> TopKResult:
    names = [f"{number}.png" for number in range(len(truth))]
    judgement = Judgement(names)
    for index, (class_id, row) in enumerate(zip(truth, scores, strict=True)):
        judgement.add(index, [class_id] if class_id >= 0 else [], row)
    return TopKResult(k, [f"c{i}" for i in range(scores.shape[1])], judgement.rows, names)


def test_random_scores_equal_plain_counting(rng: np.random.Generator) -> None:
    scores = rng.integers(0, 6, (700, 9)).astype(np.float32)  # with many ties
    truth = rng.integers(-1, 9, 700).tolist()
    for k in (1, 2, 5, 9):
        result = judged(truth, scores, k)
        best = [sorted(range(9), key=lambda i, row=row: (-row[i], i)) for row in scores]
        hits = [class_id in order[:k] for class_id, order in zip(truth, best, strict=True)]
        assert result.topk == pytest.approx(np.mean(hits))
        assert result.top1 == pytest.approx(np.mean([c == order[0] for c, order in zip(truth, best, strict=True)]))
        table = np.zeros((10, 9), int)
        for class_id, order in zip(truth, best, strict=True):
            table[class_id, order[0]] += 1
        np.testing.assert_array_equal(result.confusion, table)
        lines = list(result.lines())
        share = np.mean(hits[:500])
        assert float(lines[499].split()[-1]) == pytest.approx(share, abs=1e-6)


def test_interval_equals_resampling(rng: np.random.Generator) -> None:
    truth = [0] * 120
    scores = np.zeros((120, 2), np.float32)
    scores[:90, 0] = 1
    scores[90:, 1] = 1
    result = judged(truth, scores)
    low, high = result.interval(samples=20_000)
    hits = np.repeat([1.0, 0.0], [90, 30])
    drawn = hits[rng.integers(0, 120, (20_000, 120))].mean(1)
    assert (low, high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.01)
    assert result.interval() == result.interval()
    narrow = result.interval(share=0.5)
    assert low < narrow[0] < narrow[1] < high
    empty = judged([], np.zeros((0, 2), np.float32))
    assert np.isnan(empty.interval()).all()
    assert np.isnan([empty.top1, empty.topk]).all()
    assert str(empty) == "no picture was classified"
    assert json.loads(empty.to_json())["top1"] is None


def test_what_cannot_be_read_is_left_out_and_reported(data: Path) -> None:
    (data.parent / "d" / "1_green.png").write_bytes(b"no picture")
    (data.parent / "d" / "3_blue.png").unlink()
    result = colour_net().valid(data)
    assert (result.count, [one.index for one in result]) == (4, [0, 2, 4, 5])
    assert [(Path(p.file).name, p.line) for p in result.problems] == [("list.txt", 2), ("list.txt", 4)]
    assert [line.partition(":")[0] for line in result.lines()] == ["0", "1", "2", "3"]
    with pytest.raises(DataError, match=r"list\.txt:2: .*1_green\.png: not an image"):
        colour_net().valid(data, strict=True)


def test_interrupted(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    def stop(one: Judged) -> None:
        if one.index == 3:
            raise KeyboardInterrupt

    with caplog.at_level(logging.WARNING, "pydn"):
        result = valid(colour_net(), data, notice=stop)
    assert (result.count, result.complete) == (4, False)
    assert result.top1 == pytest.approx(3 / 4)
    assert "of 4 of 6 pictures" in caplog.text
    assert "partial" in repr(result)


def test_refused() -> None:
    cfg = (
        b"[net]\nwidth=32\nheight=32\nchannels=3\n[convolutional]\nfilters=18\nsize=1\n[yolo]\nmask=0,1,2\nclasses=1\n"
    )
    cfg += b"anchors=1,1,2,2,3,3\nnum=3\n"
    with pytest.raises(UnsupportedError, match=r"ends in \[yolo\], not in \[softmax\]: it is a detector"):
        pydn.load(cfg).valid(["a.png"])
    with pytest.raises(ValueError, match="top must be 1 or more"):
        colour_net().valid(["a.png"], 0)


def test_written(data: Path, tmp_path: Path) -> None:
    result = colour_net().valid(data)
    figures = json.loads(result.to_json())
    assert figures["count"] == 6
    assert figures["classes"][0] == {"name": "red", "count": 3, "top1": pytest.approx(2 / 3)}
    rows = list(csv.DictReader(io.StringIO(result.to_csv())))
    assert [row["best"] for row in rows] == ["red", "green", "blue", "blue", "green", "red"]
    assert rows[2]["path"] == "d/2_red.png"
    for name in ("a.json", "a.csv", "a.txt"):
        result.save(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 100
    assert (tmp_path / "a.txt").read_text().splitlines() == list(result.lines())


def test_plotted(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    result = colour_net().valid(data)
    result.save(tmp_path / "a.png")
    labels = [text.get_text() for text in result.plot().axes[0].get_yticklabels()]
    assert labels == ["red (3)", "green (1)", "blue (2)"]
    assert cv2.imread(str(tmp_path / "a.png")).shape[0] > 200


def _verb(data: Path, tmp_path: Path, *more: str, verb: str = "valid") -> int:
    (tmp_path / "net.cfg").write_bytes(CFG)
    colour_net().save(tmp_path / "net.weights")
    words = [str(data), str(tmp_path / "net.cfg"), str(tmp_path / "net.weights")]
    return main(["classifier", verb, *words, *more])


@pytest.mark.parametrize("verb", ["valid", "valid10", "validmulti", "validfull"])
def test_verbs(data: Path, tmp_path: Path, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _verb(data, tmp_path, verb=verb) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    if verb == "valid":
        assert lines.pop(0) == " TOP calculation..."
    assert [line.partition(",")[0] for line in lines] == [
        f"{i}: top 1: {share:f}" for i, share in enumerate([1, 1, 2 / 3, 3 / 4, 3 / 5, 4 / 6])
    ]
    assert "6 images, top 1: 0.666667" in err


def test_validcrop(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line a thousand pictures, each the mean of the parts until then."""
    names = (data.parent / "list.txt").read_text().split()
    (data.parent / "list.txt").write_text("\n".join([names[0]] * 1250 + [names[2]] * 1250))
    assert _verb(data, tmp_path, verb="validcrop") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Loaded: 1250 images in ")
    assert lines[1].startswith("1: top 1: 1.000000, top 2: 1.000000, ")
    assert lines[3].startswith("2: top 1: 0.500000, top 2: ")
    assert lines[3].endswith(" seconds, 1250 images")
    assert len(lines) == 4


def test_verb_reports_problems(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data.parent / "d" / "1_green.png").unlink()
    assert _verb(data, tmp_path, "-out", str(tmp_path / "r.json")) == 1
    assert "list.txt:2: " in capsys.readouterr().err
    assert json.loads((tmp_path / "r.json").read_text())["count"] == 5
    assert _verb(data, tmp_path, "-strict") == 1
    assert "list.txt:2: " in capsys.readouterr().err
    assert _verb(data, tmp_path, "-by", "name") == 2


def test_folders_by_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for colour in ("red", "blue"):
        draw(tmp_path / "set" / colour / "x.png", colour)
    (tmp_path / "labels.txt").write_text("\n".join(NAMES))
    (tmp_path / "list.txt").write_text("set/red/x.png\nset/blue/x.png")
    (tmp_path / "set.data").write_text("valid=list.txt\nlabels=labels.txt")
    assert _verb(tmp_path / "set.data", tmp_path, "-by", "folder") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1: top 1: 1.000000, top 1: 1.000000"
    assert colour_net().valid(tmp_path / "set").top1 == 1


def test_memory_does_not_grow(data: Path) -> None:
    """What is kept of a picture is a row of numbers."""
    result = colour_net().valid([str(data.parent / "d" / "0_red.png")] * 600)
    assert result.count == 600
    assert result.rows.dtype.itemsize <= 64


TREE = """animal -1
plant -1
cat 0
dog 0
oak 1
elm 1
"""


def tree_net(folder: Path) -> pydn.Network:
    """Says animal .75 (cat .9, dog .1), plant .25 (oak and elm .5) whatever it sees."""
    (folder / "t.tree").write_text(TREE)
    cfg = CFG.replace(b"filters=3", b"filters=6") + b"tree=t.tree\n"
    net = pydn.load(cfg, files={"t.tree": TREE.encode()}, names=["animal", "plant", "cat", "dog", "oak", "elm"])
    net.weights[0, "weights"][...] = 0
    net.weights[0, "biases"][...] = np.log([0.75, 0.25, 0.9, 0.1, 0.5, 0.5])
    return net


@pytest.mark.parametrize(
    ("leaves", "order", "scores"),
    [
        (None, [2, 4, 5, 3], [0.675, 0.125, 0.125, 0.075]),  # products down the tree; what has children gets 0
        ("dog\noak\n", [4, 3], [0.125, 0.075]),
        ("animal\ncat\n", [0, 2], [0.75, 0.675]),
    ],
)
def test_tree(tmp_path: Path, leaves: str | None, order: list[int], scores: list[float]) -> None:
    draw(tmp_path / "cat.png", "red")
    (tmp_path / "labels.txt").write_text("animal\nplant\ncat\ndog\noak\nelm\n")
    (tmp_path / "leaves.txt").write_text(leaves or "")
    (tmp_path / "list.txt").write_text("cat.png")
    more = "" if leaves is None else "leaves=leaves.txt\n"
    (tmp_path / "set.data").write_text(f"valid=list.txt\nlabels=labels.txt\n{more}")
    net = tree_net(tmp_path)
    one = net.valid(tmp_path / "set.data", 6)[0]
    assert (one.best, one.best_confidence) == (order[0], pytest.approx(scores[0], abs=1e-5))
    assert one.rank == (order.index(2) if 2 in order else 4)  # behind those with a score and two zeros before it
    assert one.confidence == pytest.approx(scores[order.index(2)] if 2 in order else 0, abs=1e-5)


def test_leaves_that_are_not_in_the_tree(tmp_path: Path) -> None:
    draw(tmp_path / "cat.png", "red")
    (tmp_path / "list.txt").write_text("cat.png")
    (tmp_path / "leaves.txt").write_text("house")
    (tmp_path / "set.data").write_text("valid=list.txt\nleaves=leaves.txt\n")
    net = tree_net(tmp_path)
    with pytest.raises(DataError, match="none of its 1 names is in the tree of the cfg, whose first is 'animal'"):
        net.valid(tmp_path / "set.data")
    (tmp_path / "t.tree").unlink()
    with pytest.raises(FileNotFoundError, match="needed for leaves="):
        net.valid(tmp_path / "set.data")
