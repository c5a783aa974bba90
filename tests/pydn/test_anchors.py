"""Anchors from labels: the optimum against all partitions, labels with mistakes, the command line."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import pydn
from pydn.anchors import cluster, nearest
from pydn.cli import main

Sizes = NDArray[np.float64]


def iou(a: Sizes, b: Sizes) -> float:
    """IoU of two boxes with one corner in common."""
    common = min(a[0], b[0]) * min(a[1], b[1])
    return float(common / (a[0] * a[1] + b[0] * b[1] - common))


def best_of_all_partitions(sizes: Sizes, count: int) -> float:
    """The largest mean IoU of all ways to part the boxes in which every box is nearest to the mean of its own part."""
    best = 0.0
    for parts in product(range(count), repeat=len(sizes)):
        if len(set(parts)) < count:
            continue
        anchors = [sizes[np.array(parts) == part].mean(axis=0) for part in range(count)]
        table = np.array([[iou(size, anchor) for anchor in anchors] for size in sizes])
        if (table.argmax(axis=1) == parts).all():
            best = max(best, float(table.max(axis=1).mean()))
    return best


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_no_partition_is_better(count: int, seed: int) -> None:
    sizes = np.random.default_rng(seed).uniform(0.05, 1, (7, 2)) * 100
    anchors = cluster(sizes, count)
    found = np.mean([max(iou(size, anchor) for anchor in anchors) for size in sizes])
    assert found == pytest.approx(best_of_all_partitions(sizes, count), rel=1e-12)
    assert (np.diff(anchors.prod(axis=1)) >= 0).all()


def test_nearest_by_hand() -> None:
    """IoU of 2x2 with 2x4 is 4/8, with 1x2 2/4: the first of equal ones; of 1x1 with 1x2 it is 1/2."""
    index, best = nearest(np.array([[2.0, 2], [1, 1], [1, 2]]), np.array([[2.0, 4], [1, 2]]))
    assert index.tolist() == [0, 1, 1]
    assert best.tolist() == [0.5, 0.5, 1]


def test_as_many_anchors_as_sizes_fit_exactly() -> None:
    sizes = np.array([[10.0, 20], [30, 10], [50, 60]] * 3)
    assert cluster(sizes, 3).tolist() == [[10, 20], [30, 10], [50, 60]]


def test_many_boxes_are_clustered_on_a_sample_first() -> None:
    """Three heaps that do not touch; with as many boxes the means are exact to four digits."""
    rng = np.random.default_rng(1)
    centres = np.array([[20.0, 20], [60, 40], [150, 200]])
    sizes = np.concatenate([centre * rng.uniform(0.9, 1.1, (20000, 2)) for centre in centres])
    means = [heap.mean(axis=0) for heap in np.split(sizes, 3)]
    np.testing.assert_allclose(cluster(sizes, 3), means, rtol=1e-9)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two pictures, of which only the labels exist: in a network of 100 x 200, boxes of 10x40, 20x80, 10x40, 50x200."""
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("0 .5 .5 .1 .2\n2 .5 .5 .2 .4\n")
    Path("b.txt").write_text("2 .5 .5 .1 .2\n0 .5 .5 .5 1\n")
    Path("list.txt").write_text("a.jpg\nb.jpg\n")
    Path("set.data").write_text("classes = 4\ntrain = list.txt\n")
    return tmp_path


def test_result(data: Path) -> None:
    """The two anchors of one box each fit exactly, 10x40 twice."""
    found = pydn.calc_anchors("set.data", 3, 100, 200)
    assert found.anchors.tolist() == [[10, 40], [20, 80], [50, 200]]
    assert found.average_iou == pytest.approx(1, abs=1e-6)
    assert found.counters_per_class == (2, 0, 2, 0)
    assert repr(found) == "Anchors(10x40, 20x80, 50x200; average IoU 100.00 %, 4 boxes)"
    assert found.to_cfg() == "anchors =  10, 40,  20, 80,  50,200\nnum = 3\n"


def test_one_anchor_is_the_mean(data: Path) -> None:
    """22.5x90; IoU with 10x40 and 20x80 is their share of its area, with 50x200 its share of that."""
    found = pydn.calc_anchors("set.data", 1, 100, 200)
    assert found.anchors.tolist() == [[22.5, 90]]
    area = 22.5 * 90
    assert found.average_iou == pytest.approx((2 * 400 / area + 1600 / area + area / 10000) / 4, rel=1e-6)


def test_cells_have_four_digits(data: Path) -> None:
    assert str(pydn.calc_anchors("set.data", 3, 10, 20)) == "1.0000,4.0000, 2.0000,8.0000, 5.0000,20.0000"


def test_paths_and_lists_without_a_data_file(data: Path) -> None:
    assert pydn.calc_anchors("list.txt", 2, 100, 100).counters_per_class == (2, 0, 2)
    assert pydn.calc_anchors(["a.jpg"], 2, 100, 100).boxes == 2


def test_pjreddie_looks_in_labels(data: Path) -> None:
    for folder in ("images", "labels"):
        Path(folder).mkdir()
    Path("labels/c.txt").write_text("0 .5 .5 .3 .3\n")
    assert pydn.calc_anchors(["images/c.jpg"], 1, 100, 100, dialect="pjreddie").anchors[0] == pytest.approx([30, 30])


def test_mistakes_in_labels_are_told_and_left_out(data: Path) -> None:
    Path("b.txt").write_text("0 .5 .5 0 .2\n1 .5 .5 .2 nan\n4 .5 .5 .1 .1\n3 200 200 50 60\nx\n2 .5 .5 .1 .2\n")
    Path("list.txt").write_text("a.jpg\nb.jpg\nnone.jpg\n")
    found = pydn.calc_anchors("set.data", 2, 100, 200)
    assert found.anchors.tolist() == [[10, 40], [20, 80]]
    assert found.boxes == 3
    assert found.counters_per_class == (2, 0, 2, 1)
    assert [(problem.file, problem.line) for problem in found.problems] == [
        *(("b.txt", line) for line in (1, 2, 3, 4, 5)),
        ("none.txt", 0),
    ]


def test_a_class_number_without_bounds_takes_no_memory(data: Path) -> None:
    Path("a.txt").write_text("4000000000 .5 .5 .1 .1\n1 .5 .5 .1 .2\n")
    found = pydn.calc_anchors(["a.jpg"], 1, 100, 200)
    assert found.counters_per_class == (0, 1)
    assert len(found.problems) == 1


def test_too_few_boxes(data: Path) -> None:
    with pytest.raises(pydn.DataError, match="3 boxes of different sizes are not enough for 4 anchors"):
        pydn.calc_anchors("set.data", 4, 100, 200)
    with pytest.raises(pydn.DataError, match=r"0 boxes .* anchors; no\.txt: no such label file"):
        pydn.calc_anchors(["no.jpg"], 4, 100, 200)


@pytest.mark.parametrize("arguments", [(0, 416, 416), (5, 0, 416), (5, 416, -1)])
def test_arguments_out_of_range(data: Path, arguments: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="must be 1 or more"):
        pydn.calc_anchors("set.data", *arguments)


def test_verb_writes_and_draws(data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for screen in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(screen, raising=False)
    assert main("detector calc_anchors set.data -num_of_clusters 2 -width 100 -height 200 -show".split()) == 0
    assert Path("counters_per_class.txt").read_text() == "counters_per_class = 2, 0, 2, 0"
    assert capsys.readouterr().out.splitlines()[-1] == f"anchors = {Path('anchors.txt').read_text()}"
    picture = cv2.imread("cloud.png")
    assert picture is not None
    assert picture.shape == (700, 700, 3)
    white = np.argwhere((picture == 255).all(axis=2))
    assert white.max(axis=0).tolist() == [490, 245]  # the larger anchor is the mean of 20x80 and 50x200
    assert picture[140, 70].any()  # the dot of 10 x 40


def test_verb_shows_some_of_many_problems(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Path("list.txt").open("a") as file:
        file.writelines(f"missing{number}.jpg\n" for number in range(13))
    assert main("detector calc_anchors set.data -num_of_clusters 2 -width 100 -height 200".split()) == 0
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 11
    assert "missing0.txt: no such label file" in err[0]
    assert err[-1].endswith("and 3 more like these")


@pytest.mark.parametrize(
    "flags", ["", "-width 100", "-width 0 -height 100", "-width 10 -height 10 -num_of_clusters 0", "-width x -height 1"]
)
def test_verb_wants_the_size(data: Path, flags: str) -> None:
    assert main(["detector", "calc_anchors", "set.data", *flags.split()]) == 2
    assert not Path("anchors.txt").exists()


def test_verb_has_five_clusters_by_default(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main("detector calc_anchors set.data -width 100 -height 200".split()) == 1
    assert "3 boxes of different sizes are not enough for 5 anchors" in capsys.readouterr().err
