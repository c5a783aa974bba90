"""What `net.map` and `net.recall` tell beyond the reference's figures, on boxes whose figures are computed by hand."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import pydn
from pydn.cli import main
from pydn.evaluation import Rules
from pydn.evaluation.detecting import in_order
from pydn.evaluation.evidence import Evidence
from pydn.evaluation.map_result import MapResult
from pydn.evaluation.rules import rules_of
from pydn.evaluation.truth import Truth, TruthSet

from .test_coco_metric import adversary, evidence

A, B, C = (10.0, 10.0, 20.0, 20.0), (100.0, 100.0, 40.0, 40.0), (300.0, 300.0, 120.0, 120.0)
FAR = (450.0, 10.0, 20.0, 20.0)


def result(data: Evidence, metric: Any = "darknet", **keywords: Any) -> MapResult:
    return MapResult(data, rules_of(metric), **keywords)


def simple() -> Evidence:
    """Two classes, two pictures: class 0 has A and B, of which A is found twice; class 1 has C, taken for class 0."""
    return evidence(
        [(0, 0, 0.9, A), (0, 0, 0.8, A), (0, 0, 0.3, FAR), (1, 0, 0.7, C), (1, 1, 0.2, C)],
        [(0, 0, A, False), (0, 0, B, False), (1, 1, C, False)],
        2,
        2,
    )


def test_figures_by_hand() -> None:
    one = result(simple(), thresh=0.25)
    assert (one.tp, one.fp, one.fn, one.detections_count, one.truth_count) == (1, 3, 2, 5, 3)
    assert one.ap.tolist() == [0.5, 1.0]  # the false ones of class 0 come after its only true one
    assert one.map == 0.75
    assert (one.precision, one.recall, one.average_iou) == (0.25, 1 / 3, 0.25)
    assert one.f1 == pytest.approx(2 * 0.25 * (1 / 3) / (0.25 + 1 / 3))
    first, second = one.classes
    assert (first.tp, first.fp, first.fn, first.objects, first.detections) == (1, 3, 1, 2, 4)
    assert (second.tp, second.fp, second.fn, second.recall) == (0, 0, 1, 0.0)
    assert np.isnan(second.precision)
    lower = one.at(thresh=0.1)
    assert (lower.tp, lower.fp, lower.fn) == (2, 3, 1)
    assert lower.map == one.map


def test_the_first_box_in_the_order_of_boxes_counts_whatever_its_score() -> None:
    """The reference asks for the threshold last: a weak box in front takes the object away from a sure one behind."""
    data = evidence([(0, 0, 0.1, A), (0, 0, 0.9, A)], [(0, 0, A, False)], 1, 1)
    assert (result(data).tp, result(data).fp) == (0, 1)
    assert (result(data, "voc12").tp, result(data, "voc12").fp) == (1, 0)
    assert result(data).map == 1.0  # by rank it is the sure one


def test_order_of_boxes_is_that_of_the_last_class() -> None:
    boxes = np.arange(12, dtype=np.float32).reshape(3, 4)
    before = np.array([[0.9, 0.1, 0.0], [0.5, 0.6, 0.0], [0.2, 0.6, 0.0]], np.float32)
    scores = np.array([[0.9, 0.1, 0.0], [0.0, 0.6, 0.0], [0.2, 0.0, 0.0]], np.float32)  # the rest was suppressed
    class_id, score, box = in_order(boxes, np.ones(3, np.float32), scores, None, before)
    assert class_id.tolist() == [1, 0, 0, 1]
    np.testing.assert_array_equal(score, np.array([0.6, 0.2, 0.9, 0.1], np.float32))
    assert box[:, 0].tolist() == [4, 8, 0, 0]


def test_difficult_objects_neither_count_nor_do_those_that_find_only_them() -> None:
    data = evidence([(0, 0, 0.9, A), (0, 0, 0.8, B), (0, 0, 0.7, B)], [(0, 0, A, False), (0, 0, B, True)], 1, 1)
    one = result(data)
    assert (one.truth_count, one.detections_count, one.tp, one.fp, one.map) == (1, 1, 1, 0, 1.0)
    plain = result(evidence([(0, 0, 0.9, A), (0, 0, 0.8, B)], [(0, 0, A, False)], 1, 1))
    assert (plain.detections_count, plain.fp) == (2, 1)


def test_difficult_and_ordinary_object_in_one_place() -> None:
    """darknet prefers the ordinary one, VOC the one that fits best."""
    near = (A[0], A[1], A[2], A[3] - 4)  # overlaps A by 0.8
    data = evidence([(0, 0, 0.9, A)], [(0, 0, near, False), (0, 0, A, True)], 1, 1)
    assert result(data).tp == 1
    assert result(data, "voc12").tp == 0
    assert result(data, "voc12").detections_count == 0


@pytest.mark.parametrize(
    ("metric", "touching", "expected"),
    [("darknet", False, 0), ("voc12", None, 1), ("coco", None, 1)],
)
def test_exactly_half_overlap(metric: Any, touching: object, expected: int) -> None:
    half = (16.0, 16.0, 8.0, 4.0) if metric != "voc12" else (16.0, 16.0, 7.0, 3.0)
    whole = (16.0, 16.0, 8.0, 8.0) if metric != "voc12" else (16.0, 16.0, 7.0, 7.0)
    assert result(evidence([(0, 0, 0.9, half)], [(0, 0, whole, False)], 1, 1), metric).tp == expected


def test_a_taken_object() -> None:
    """Two overlapping objects, two detections that both fit the first one best: only COCO's rules give the next."""
    second = (14.0, 10.0, 20.0, 20.0)
    data = evidence([(0, 0, 0.9, A), (0, 0, 0.8, A)], [(0, 0, A, False), (0, 0, second, False)], 1, 1)
    assert [result(data, metric).tp for metric in ("darknet", "voc12", "coco")] == [1, 1, 2]


def test_curve() -> None:
    curve = result(simple()).curve(0)
    np.testing.assert_allclose(curve.confidence, [0.9, 0.8, 0.7, 0.3], rtol=1e-6)
    np.testing.assert_allclose(curve.precision, [1, 1 / 2, 1 / 3, 1 / 4])
    np.testing.assert_allclose(curve.recall, [0.5] * 4)
    np.testing.assert_allclose(curve.f1, [2 / 3, 1 / 2, 2 / 5, 1 / 3])
    assert curve.best == (pytest.approx(0.9), pytest.approx(2 / 3))
    together = result(simple()).curve()
    assert together.precision[-1] == 2 / 5
    assert result(simple()).curve("1").recall.tolist() == [1.0]
    assert np.isnan(result(evidence([], [], 0, 1)).curve().best[0])


def test_equal_scores_pass_a_threshold_together() -> None:
    data = evidence([(0, 0, 0.5, A), (0, 0, 0.5, FAR)], [(0, 0, A, False)], 1, 1)
    curve = result(data).curve()
    assert (curve.confidence.tolist(), curve.precision.tolist(), curve.recall.tolist()) == ([0.5], [0.5], [1.0])


def test_confusion() -> None:
    confusion = result(simple()).confusion
    assert confusion.counts.tolist() == [[1, 0, 1], [1, 0, 0], [2, 0, 0]]
    assert confusion.most() == [("1", "0", 1)]
    assert confusion.counts[:2].sum() == 3  # every object once


def test_sizes() -> None:
    small, medium, large = result(simple(), thresh=0.1).sizes
    assert [row.objects for row in (small, medium, large)] == [1, 1, 1]
    assert [row.tp for row in (small, medium, large)] == [1, 0, 1]
    assert [row.map for row in (small, medium, large)] == [1.0, 0.0, 1.0]
    assert small.fp == 2  # the second one on A, and the one far away


def test_worst_pictures() -> None:
    data = simple()
    object.__setattr__(data, "paths", ["a.jpg", "b.jpg"])
    first, second = result(data).worst()
    assert (first.path, first.tp, first.fp, first.fn, first.missed, first.false) == (
        "a.jpg", 1, 2, 1, ("0",), ("0", "0"),
    )  # fmt: skip
    assert first.surest_mistake == pytest.approx(0.8)
    assert (second.path, second.fp, second.fn, second.missed, second.false) == ("b.jpg", 1, 1, ("1",), ("0",))
    assert len(result(data).worst(1)) == 1
    assert result(evidence([(0, 0, 0.9, A)], [(0, 0, A, False)], 1, 1)).worst() == []


def test_interval_of_what_cannot_vary_and_of_what_does() -> None:
    same = evidence([(i, 0, 0.9, A) for i in range(20)], [(i, 0, A, False) for i in range(20)], 20, 1)
    assert result(same).interval(samples=50) == (1.0, 1.0)
    # a picture in two is found, without false ones: the average precision is the share of the pictures, binomial
    half = evidence([(i, 0, 0.9, A) for i in range(0, 100, 2)], [(i, 0, A, False) for i in range(100)], 100, 1)
    low, high = result(half).interval(samples=2000)
    assert low == pytest.approx(0.5 - 1.96 * 0.05, abs=0.015)
    assert high == pytest.approx(0.5 + 1.96 * 0.05, abs=0.015)
    assert result(half).interval(samples=50, seed=1) == result(half).interval(samples=50, seed=1)
    assert result(half).interval(share=0.5)[0] > low
    assert np.isnan(result(evidence([], [], 0, 1)).interval()).all()
    with pytest.raises(ValueError, match="share"):
        result(half).interval(share=1.5)


def test_interval_is_that_of_pictures_drawn_again(rng: np.random.Generator) -> None:
    """One draw by weights equals the figure of a set in which the pictures really stand several times."""
    from pydn.evaluation import bootstrap

    data = adversary(rng, crowds=False)
    data.found.score[:] = rng.permutation(len(data.found)) / len(data.found) / 2 + 0.25
    one = result(data)
    drawn: list[np.ndarray] = []
    values: list[float] = []

    def spy(measure: Callable[[Any], float], count: int, *rest: Any) -> tuple[float, float]:
        for _ in range(5):
            weight = np.bincount(rng.integers(0, count, count), minlength=count)
            drawn.append(weight)
            values.append(measure(weight))
        return 0.0, 0.0

    original, bootstrap.interval_of = bootstrap.interval_of, spy
    try:
        one.interval()
    finally:
        bootstrap.interval_of = original
    known = np.isin(np.arange(data.classes), data.objects.class_id)
    for weight, value in zip(drawn, values, strict=True):
        pictures = np.repeat(np.arange(data.pictures), weight)
        again = result(picked(data, pictures))
        there = ~np.isnan(again.ap)
        expected = again.ap[there].mean() * known.sum() / data.classes if there.any() else np.nan
        assert value == pytest.approx(expected, abs=1e-12, nan_ok=True)


def picked(data: Evidence, pictures: np.ndarray) -> Evidence:
    """The evidence of some pictures, which may stand several times."""
    from pydn.evaluation.evidence import Found, Objects

    def rows(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        places = [np.flatnonzero(column == picture) for picture in pictures]
        number = np.repeat(np.arange(len(pictures)), [len(place) for place in places]).astype(np.int32)
        return np.concatenate([*places, np.empty(0, np.intp)]).astype(np.intp), number

    mine, mine_number = rows(data.found.image)
    theirs, their_number = rows(data.objects.image)
    found, objects = data.found, data.objects
    return Evidence(
        Found(mine_number, found.class_id[mine], found.score[mine], found.box[mine]),
        Objects(their_number, objects.class_id[theirs], objects.box[theirs], objects.difficult[theirs]),
        data.sizes[pictures],
        data.names,
    )


@pytest.mark.parametrize("seed", range(5))
def test_differences_add_up(seed: int) -> None:
    data = adversary(np.random.default_rng(seed))
    for first, second in (("darknet", "coco"), ("coco", "darknet"), ("voc07", "voc12"), ("voc12", "coco")):
        one, other = result(data, first), result(data, second)
        told = one.explain_difference(other)
        assert sum(step.share for step in told.steps) == pytest.approx(other.map - one.map, nan_ok=True)
        if told.steps:
            assert told.steps[-1].map == pytest.approx(other.map, nan_ok=True)
        changed = [name for name, _, _ in one.rules.changes(other.rules)]
        assert sorted(step.rule for step in told.steps) == sorted(changed)
        assert str(told).count("\n") == max(1, len(told.steps))


def test_difference_by_hand() -> None:
    """The second detection takes the second object by COCO's rules; both overlaps are exact halves or more."""
    second = (14.0, 10.0, 20.0, 20.0)
    data = evidence([(0, 0, 0.9, A), (0, 0, 0.8, A)], [(0, 0, A, False), (0, 0, second, False)], 1, 2)
    one = MapResult(data, Rules())
    assert one.map == 0.25
    told = one.explain_difference(MapResult(data, Rules(taken="next", absent="skipped")))
    assert [(step.rule, step.share) for step in told.steps] == [("taken", 0.25), ("absent", 0.5)]
    assert one.explain_difference(one).steps == ()


def test_difference_of_other_boxes() -> None:
    data, other = simple(), evidence([(0, 0, 0.9, A), (0, 0, 0.8, B)], [(0, 0, A, False), (0, 0, B, False)], 2, 2)
    told = result(data).explain_difference(result(other))
    assert [step.rule for step in told.steps] == ["detections"]
    assert "2 detections in 2 stretched pictures" in str(told)


def test_a_higher_floor_needs_no_forward() -> None:
    data = simple()
    one = MapResult(data, Rules())
    told = one.explain_difference(MapResult(data, Rules(floor=0.25)))
    assert [(step.rule, step.map) for step in told.steps] == [("floor", 0.25)]  # class 1 is found at .2 only


def test_json_and_csv() -> None:
    one = result(simple())
    content = json.loads(one.to_json())
    assert (content["map"], content["tp"], content["classes"][1]["precision"]) == (0.75, 1, None)
    assert content["classes"][0]["ap"] == 0.5
    rows = list(csv.DictReader(io.StringIO(one.to_csv())))
    assert (rows[0]["name"], rows[0]["ap"], rows[1]["precision"]) == ("0", "0.5", "")
    assert "coco" in json.loads(result(simple(), "coco").to_json())


def test_boxes_of_any_size_are_no_trouble() -> None:
    """Weights that diverged give infinite boxes."""
    data = evidence([(0, 0, 0.9, A), (0, 0, 0.8, A)], [(0, 0, A, False)], 1, 1)
    data.found.box[0] = [np.inf, 0.1, np.inf, 0.0]
    for metric in ("darknet", "voc12", "coco"):
        assert result(data, metric).tp == 1


def test_nothing_divided_by_nothing_is_printed_as_c_does() -> None:
    text = str(result(evidence([], [(0, 0, A, False)], 1, 1)))
    assert "precision = -nan, recall = 0.00, F1-score = -nan" in text
    assert "average IoU = -nan %" in text


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"points": 1}, "points"),
        ({"points": -1}, "points"),
        ({"iou": 1.0}, "overlap"),
        ({"iou": -0.1}, "overlap"),
        ({"metric": "coco", "iou": 0.7}, "ten overlaps"),
        ({"metric": "voc07", "points": 101}, "own recalls"),
        ({"metric": "kitti"}, "metric must be one of"),
    ],
)
def test_rules_that_are_refused(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rules_of(**({"metric": "darknet"} | keywords))


# ---- with a network

CFG = b"""[net]
width=32
height=32
channels=3
[convolutional]
filters=14
size=1
stride=8
activation=linear
[yolo]
classes=2
num=2
mask=0,1
anchors=8,8, 16,16
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four pictures with labels, a cfg, weights and a .data file."""
    rng = np.random.default_rng(3)
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"{number}.png"), rng.integers(0, 255, (40, 60, 3), np.uint8))
        (tmp_path / f"{number}.txt").write_text(f"{number % 2} 0.5 0.5 0.4 0.4\n0 0.2 0.2 0.2 0.2\n")
    (tmp_path / "list.txt").write_text("".join(f"{number}.png\n" for number in range(4)))
    (tmp_path / "x.names").write_text("cat\ndog\n")
    (tmp_path / "x.data").write_text("classes=2\nvalid=list.txt\nnames=x.names\n")
    (tmp_path / "x.cfg").write_bytes(CFG)
    pydn.load(CFG).save(tmp_path / "x.weights")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def network(batch: int = 1) -> pydn.Network:
    return pydn.load("x.cfg", "x.weights", data="x.data", batch=batch)


def test_the_batch_changes_nothing(folder: Path) -> None:
    one, three = (network(batch).map("x.data") for batch in (1, 3))
    assert len(one.evidence.found) > 20
    assert one.evidence.found.same(three.evidence.found)
    assert str(one) == str(three)
    assert one.names == ["cat", "dog"]
    assert (one.listed, one.complete, one.evidence.pictures) == (4, True, 4)


def test_problems_are_listed_at_the_end_and_fatal_if_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "1.png").write_bytes(b"no picture")
    (folder / "2.txt").write_text("0 .5 .5 .2 .2\n7 .5 .5 .2 .2\nrubbish\n")
    (folder / "3.png").unlink()
    one = network().map("x.data")
    assert one.evidence.pictures == 2
    assert one.listed == 4
    assert sorted((Path(problem.file).name, problem.line) for problem in one.problems) == [
        ("2.txt", 2), ("2.txt", 3), ("list.txt", 2), ("list.txt", 4),
    ]  # fmt: skip
    assert one.truth_count == 3
    with pytest.raises(pydn.DataError):
        network().map("x.data", strict=True)
    assert main(["detector", "map", "x.data", "x.cfg", "x.weights"]) == 1
    printed = capsys.readouterr()
    assert "mean average precision" in printed.out
    assert "2.txt:3: 'rubbish'" in printed.err
    assert main(["detector", "map", "x.data", "x.cfg", "x.weights", "-strict"]) == 1
    assert "mAP@" not in capsys.readouterr().out
    assert network().recall("x.data").total == 3


class Interrupted(TruthSet):
    """Somebody presses Ctrl-C at the third picture."""

    def __getitem__(self, index: Any) -> Any:
        if index == 2:
            raise KeyboardInterrupt
        return super().__getitem__(index)


def test_ctrl_c_leaves_the_figures_so_far(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = Interrupted("x.data", classes=2)
    assert isinstance(truth[0], Truth)
    one = network().map(truth)
    assert (one.complete, one.evidence.pictures, one.truth_count) == (False, 2, 4)
    assert one.evidence.found.image.max() == 1
    both = network().map(["0.png", "1.png"])
    assert one.evidence.found.same(both.evidence.found)
    assert len(network().recall(truth).rows) == 2
    monkeypatch.setattr("pydn.evaluation.detectors.TruthSet", Interrupted)
    for verb in ("map", "recall"):
        assert main(["detector", verb, "x.data", "x.cfg", "x.weights"]) == 1
        printed = capsys.readouterr()
        assert "of 2 of 4 pictures" in printed.err
        assert ("mean average precision" if verb == "map" else "RPs/Img") in printed.out


def test_labels_of_unknown_classes_are_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="labels of 2 classes"):
        network().map(TruthSet("x.data"))
    with pytest.raises(ValueError, match="labels of 2 classes"):
        network().recall(TruthSet("x.data", classes=3))


def test_difficult_list_of_the_data_file(folder: Path) -> None:
    before = network().map("x.data")
    (folder / "hard").mkdir()
    for number in range(4):
        (folder / f"{number}.txt").write_text(f"{number % 2} 0.5 0.5 0.4 0.4\n")
        (folder / "hard" / f"{number}.txt").write_text("0 0.2 0.2 0.2 0.2\n")
    (folder / "hard.txt").write_text("".join(f"hard/{number}.png\n" for number in range(4)))
    (folder / "x.data").write_text("classes=2\nvalid=list.txt\nnames=x.names\ndifficult=hard.txt\n")
    after = network().map("x.data")
    assert (before.truth_count, after.truth_count) == (8, 4)
    assert len(after.evidence.objects) == 8


@pytest.mark.parametrize("verb", ["map", "recall"])
def test_a_classifier_is_refused_with_the_reason(folder: Path, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "c.cfg").write_text("[net]\nwidth=8\nheight=8\nchannels=3\n[avgpool]\n[softmax]\n")
    assert main(["detector", verb, "x.data", "c.cfg"]) == 1
    assert "[softmax], it is a classifier" in capsys.readouterr().err
    with pytest.raises(pydn.UnsupportedError, match="it is a classifier"):
        getattr(pydn.load("c.cfg"), verb)("x.data")


def test_compare_weights(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, bias in (("none", -20.0), ("x", 2.0), ("same", 2.0)):
        net = pydn.load(CFG)
        net.weights[0, "weights"][...] = 0  # so that every anchor is found everywhere, or nothing
        net.weights[0, "biases"].reshape(2, 7)[:] = [0, 0, 0, 0, bias, bias, bias]
        net.save(folder / f"{name}.weights")
    for number in range(4):
        (folder / f"{number}.txt").write_text("0 0.375 0.375 0.5 0.5\n")
    assert main(["compare-weights", "x.data", "x.cfg", "none.weights", "x.weights", "same.weights"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["none.weights", "x.weights", "same.weights"]
    assert lines[2].split()[1:] == lines[3].split()[1:]
    assert network().map("x.data").map > 0
    assert f"{network().map('x.data').map:.2%}" == lines[2].split()[1]
    assert lines[4:] == ["best by mAP: x.weights", "best by F1: x.weights", "best by average IoU: x.weights"]


def test_out_writes_what_the_suffix_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("r.json", "r.csv", "r.txt"):
        assert main(["detector", "map", "x.data", "x.cfg", "x.weights", "-out", name, "-metric", "coco"]) == 0
    assert json.loads((folder / "r.json").read_text())["metric"] == "coco"
    assert (folder / "r.csv").read_text().startswith("class_id,name,ap")
    assert (folder / "r.txt").read_text().rstrip() in capsys.readouterr().out
    assert main(["detector", "recall", "x.data", "x.cfg", "x.weights", "-out", "recall.json"]) == 0
    assert json.loads((folder / "recall.json").read_text())["total"] == 8


def test_an_unknown_metric_is_a_wrong_command_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detector", "map", "x.data", "x.cfg", "x.weights", "-metric", "kitti"]) == 2
    assert "-metric" in capsys.readouterr().err
    assert main(["detector", "map", "x.data", "x.cfg", "x.weights", "-batch", "0"]) == 2
    assert "-batch" in capsys.readouterr().err


def test_the_batch_of_the_verb_changes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = []
    for flags in ([], ["-batch", "1"], ["-batch", "3"]):
        assert main(["detector", "map", "x.data", "x.cfg", "x.weights", *flags]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] == printed[2]


def test_plot_is_a_picture(folder: Path) -> None:
    pytest.importorskip("matplotlib", reason="plot() needs it: pip install pydn[plot]")
    result(simple()).plot(folder / "p.png")
    assert min(cv2.imread(str(folder / "p.png")).shape[:2]) > 500
    assert result(evidence([], [], 0, 1)).plot() is not None
    network().map("x.data").save(folder / "q.svg")
    assert b"<svg" in (folder / "q.svg").read_bytes()[:2000]


def test_without_matplotlib_the_error_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from pydn.evaluation.evidence import Collector\n"
        "from pydn.evaluation.map_result import MapResult\n"
        "from pydn.evaluation.rules import Rules\n"
        "MapResult(Collector().evidence(['a'], .45, .005, letterbox=False), Rules()).plot()"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'pydn[plot]'" in run.stderr
