"""Classifiers with a tree of classes."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import pydn
from pydn.cli import main

TREE = b"animal -1\nvehicle -1\ncat 0\ndog 0\ncar 1\nbus 1\nbike 1\npoodle 3\npug 3\n"
NAMES = ["animal", "vehicle", "cat", "dog", "car", "bus", "bike", "poodle", "pug"]
PARENTS = [-1, -1, 0, 0, 1, 1, 1, 3, 3]
CFG = b"[net]\nwidth=4\nheight=4\nchannels=3\n[avgpool]\n[connected]\noutput=9\nactivation=linear\n[softmax]\ntree=t\n"
LOGITS = [2.0, 0.0, 0.0, 1.0, 3.0, 0.0, 0.0, 0.5, -0.5]
IMAGE = np.zeros((4, 4, 3), np.uint8)


def network(dialect: str = "alexeyab") -> pydn.Network:
    net = pydn.load(CFG, files={"t": TREE}, names=NAMES, dialect=dialect)
    net.layers[1].weights[...] = 0
    net.layers[1].biases[:] = LOGITS
    return net


def expected() -> np.ndarray:
    """Softmax over the children of each parent, times the parent's probability."""
    values = np.zeros(9)
    for node, parent in enumerate(PARENTS):
        siblings = [k for k in range(9) if PARENTS[k] == parent]
        given = np.exp(LOGITS[node]) / np.exp([LOGITS[k] for k in siblings]).sum()
        values[node] = given * (values[parent] if parent >= 0 else 1)
    return values


def test_probabilities_are_multiplied_down_the_tree() -> None:
    net = network()
    result = net.predict(IMAGE, top=9)
    np.testing.assert_allclose(result.probabilities, expected(), rtol=1e-6)
    assert result.class_id.tolist() == np.argsort(-expected(), kind="stable").tolist()
    assert result.label == "animal"
    parents = net.class_parents
    assert parents is not None
    assert parents.tolist() == PARENTS
    (raw,) = net.forward(np.zeros((1, 3, 4, 4), np.float32))  # what the layer says, as the reference has it
    assert raw[0, :2].sum() == pytest.approx(1)
    assert raw[0, 7:].sum() == pytest.approx(1)


def test_pjreddie_lists_leaves() -> None:
    result = network("pjreddie").predict(IMAGE, top=9)
    leaves = expected() * np.array([0, 0, 1, 0, 1, 1, 1, 1, 1])
    np.testing.assert_allclose(result.probabilities, leaves, rtol=1e-6)
    assert result.label == "poodle"


def test_without_a_tree() -> None:
    net = pydn.load(CFG.replace(b"tree=t", b""))
    assert net.class_parents is None
    assert net.predict(IMAGE).probabilities.sum() == pytest.approx(1)


@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
def test_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str], dialect: str) -> None:
    net = network()
    net.save(tmp_path / "net.weights")
    (tmp_path / "net.cfg").write_bytes(CFG)
    (tmp_path / "t").write_bytes(TREE)
    (tmp_path / "names").write_text("\n".join(NAMES) + "\n")
    (tmp_path / "set.data").write_text(f"classes=9\nnames={tmp_path}/names\ntop=3\n")
    cv2.imwrite(str(tmp_path / "image.png"), IMAGE)
    words = ["set.data", "net.cfg", "net.weights", "image.png"]
    flags = [] if dialect == "alexeyab" else ["--compat", "pjreddie"]
    assert main(["classifier", "predict", *(str(tmp_path / word) for word in words), *flags]) == 0
    p = expected()
    if dialect == "alexeyab":
        lines = capsys.readouterr().out.splitlines()[1:]
        assert lines == [
            f"0, animal: {p[0]:f}, parent: Root",
            f"3, dog: {p[3]:f}, parent: animal",
            f"7, poodle: {p[7]:f}, parent: dog",
        ]
    else:
        assert capsys.readouterr().out.splitlines() == [
            f"{100 * p[7]:5.2f}%: poodle",
            f"{100 * p[2]:5.2f}%: cat",
            f"{100 * p[8]:5.2f}%: pug",
        ]
