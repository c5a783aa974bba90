"""Classes that are nodes of a tree of classes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import pydn
from pydn import DataError, UnsupportedError
from pydn.evaluation.detector_valid import write_detections
from pydn.evaluation.mapped import read_map

TREE = b"animal -1\nplant -1\ncat 0\ndog 0\noak 1\n"
CFG = b"""[net]
width=32
height=32
channels=3
[convolutional]
filters=10
size=1
stride=32
activation=linear
[region]
anchors=0.5,0.25
num=1
classes=5
coords=4
softmax=1
tree=t.tree
"""


def tree_net(dialect: str) -> pydn.Network:
    """One cell with one box in the middle: objectness .8; animal .75 (cat .9, dog .1), plant .25 (oak 1)."""
    net = pydn.load(CFG, files={"t.tree": TREE}, dialect=dialect, names=["first", "second"])  # type: ignore[arg-type]
    net.weights[0, "weights"][...] = 0
    classes = np.log([0.75, 0.25, 0.9, 0.1, 1.0])
    net.weights[0, "biases"][...] = np.float32([0, 0, 0, 0, np.log(0.8 / 0.2), *classes])
    return net


@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
def test_scores_are_those_of_the_nodes(tmp_path: Path, dialect: str) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((100, 100, 3), np.uint8))
    (tmp_path / "m.map").write_text("3\n0\n")
    written = write_detections(
        tree_net(dialect), [tmp_path / "1.png"], "voc", tmp_path / "out", class_map=tmp_path / "m.map"
    )
    assert written.found == 2
    box = "26.000000 38.500000 76.000000 63.500000"  # half and a quarter of 100 around 50, counted from 1
    for name, score in (("first", 0.8 * 0.75 * 0.1), ("second", 0.8 * 0.75)):
        words = (tmp_path / "out" / f"comp4_det_test_{name}.txt").read_text().split()
        assert [words[0], " ".join(words[2:])] == ["1", box]
        assert float(words[1]) == pytest.approx(score, abs=1e-5)


def test_bad_maps(tmp_path: Path) -> None:
    path = tmp_path / "m.map"
    for text in ("0\n5\n", "0\n-1", "0\nx", "0\n1.5"):
        path.write_text(text)
        with pytest.raises(DataError, match="is not the number of a class of the tree, 0 to 4") as caught:
            read_map(path, 5)
        assert caught.value.line == 2
    path.write_text("")
    with pytest.raises(DataError, match="the map is empty"):
        read_map(path, 5)


def test_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.map"
    path.write_text("0\n")
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((10, 10, 3), np.uint8))
    with pytest.raises(ValueError, match="exclude each other"):
        write_detections(tree_net("alexeyab"), [tmp_path / "1.png"], class_map=path, flip=True, folder=tmp_path)
    flat = pydn.load(CFG.replace(b"tree=t.tree\n", b""))
    with pytest.raises(UnsupportedError, match=r"needs a \[region\] with tree="):
        write_detections(flat, [tmp_path / "1.png"], class_map=path, folder=tmp_path / "out")
