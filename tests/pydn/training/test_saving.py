"""When weights are written, and under which names."""

import math
from pathlib import Path

import numpy as np
import pytest

import pydn
from pydn.files import link_whole, write_whole
from pydn.training.saving import (
    LeastLoss,
    Names,
    classifier_names,
    detector_names,
    final_names,
    minloss_names,
    older_names,
    usual_every,
)
from pydn.training.trainer import Plan, Trainer

from .test_trainer import CFG, Feed


def all_names(end: int, dialect: str, every: int, last: int = 100) -> list[str]:
    return [name for i in range(1, end + 1) for name in detector_names("b", i, dialect, every, last)]


def test_names_of_detectors() -> None:
    assert all_names(300, "alexeyab", 200) == ["b_last.weights", "b_200.weights", "b_last.weights", "b_last.weights"]
    assert all_names(1100, "pjreddie", 1000, 500) == [
        *(f"b_{hundred}00.weights" for hundred in range(1, 5)),
        "b.backup",
        *(f"b_{hundred}00.weights" for hundred in range(5, 10)),
        "b.backup",
        "b_1000.weights",
    ]
    assert all_names(5000, "alexeyab", 0, 0) == []


def test_names_of_classifiers() -> None:
    assert list(classifier_names("b", 1000, 3, True, "pjreddie")) == ["b_3.weights", "b.backup"]
    assert list(classifier_names("b", 999, 3, False, "pjreddie")) == []
    assert list(classifier_names("b", 1000, 3, True, "alexeyab")) == ["b_1000.weights", "b_last.weights"]


def test_names_of_older_verbs() -> None:
    def names(iteration: int, kind: Names, new_epoch: bool = False) -> list[str]:
        return list(older_names("b", iteration, 4, new_epoch, kind, 1000, 100))

    assert names(99, "epochs", new_epoch=True) == ["b_4.weights"]
    assert names(200, "epochs") == ["b.backup"]
    assert names(200, "version1") == ["b_200.weights", "b.backup"]
    assert names(1100, "version1") == ["b.backup"]
    assert names(2000, "text") == ["b_2000.weights", "b.backup"]
    assert names(200, "text") == ["b.backup"]


def test_the_usual_interval() -> None:
    """AlexeyAB: 1000, or 10000 for 10000 iterations and more."""
    assert [usual_every("detector", "alexeyab", end) for end in (9999, 10000)] == [1000, 10000]
    assert usual_every("detector", "pjreddie", 500) == 10000
    assert usual_every("classifier", "alexeyab", 10**6) == 1000


def test_final_names() -> None:
    assert list(final_names("b", "classifier")) == ["b.weights", "b_final.weights"]
    assert list(final_names("b", "detector")) == ["b_final.weights"]


def test_minloss_names() -> None:
    assert list(minloss_names("yolov2-voc_M0", 7)) == [
        "yolov2-voc_M0.minloss.weights",
        "yolov2-voc_M0_7.minloss.weights",
        "yolov2-voc.minloss.weights",
    ]
    assert list(minloss_names("my_Model", 0)) == ["my_Model.minloss.weights", "my_Model_0.minloss.weights"]


def test_a_new_minimum_of_the_average() -> None:
    losses = [5.0, 4.0, 6.0, 5.5, 5.5, math.nan, 5.0, 5.2, 4.9]
    least = LeastLoss(burn_in=2)
    assert [i for i, loss in enumerate(losses, 1) if least(i, loss)] == [3, 4, 7, 9]
    assert least.value == 4.9


def test_links_are_files_of_their_own(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    write_whole(first, b"one")
    second.write_bytes(b"old")
    link_whole(first, second)
    link_whole(first, second)
    assert second.stat().st_ino == first.stat().st_ino
    write_whole(first, b"two")
    assert (first.read_bytes(), second.read_bytes()) == (b"two", b"one")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    with pytest.raises(OSError, match="nowhere"):
        link_whole(first, tmp_path / "nowhere" / "b")


def test_a_disk_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "not here")

    monkeypatch.setattr("os.link", refuse)
    write_whole(tmp_path / "a", b"one")
    link_whole(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"one"


def test_minloss_files_of_a_training(tmp_path: Path) -> None:
    """The files hold the weights after the iteration whose average loss is the least since burn_in."""
    cfg = CFG.replace(b"max_batches", b"burn_in=20\nmax_batches")
    after: dict[int, bytes] = {}
    said: list[str] = []
    with pydn.load(cfg) as net:
        plan = Plan(iterations=60, backup=tmp_path, base="n_M1", epoch=40, minloss=True, say=said.append)
        trainer = Trainer(net, Feed, plan)
        for step in trainer:
            after[step.iteration] = net.weights.tobytes()
        steps = trainer.result.steps
    best = min(steps[20:], key=lambda step: step.average_loss)
    assert f"Saving weights at minimum loss = {best.average_loss:f}" == [s for s in said if "minimum" in s][-1]
    written = (tmp_path / "n_M1.minloss.weights").read_bytes()
    assert written == after[best.iteration]
    assert (tmp_path / "n.minloss.weights").read_bytes() == written
    epochs = {path.name for path in tmp_path.glob("n_M1_*.minloss.weights")}
    assert epochs == {f"n_M1_{k}.minloss.weights" for k in {s.iteration * 4 // 40 for s in _minima(steps, 20)}}


def _minima(steps: list[pydn.training.Step], burn_in: int) -> list[pydn.training.Step]:
    averages = np.array([step.average_loss for step in steps[burn_in:]])
    before = np.minimum.accumulate(np.concatenate([[np.inf], averages[:-1]]))
    return [steps[burn_in + int(k)] for k in np.flatnonzero(averages < before)]


def test_the_least_loss_survives_a_resume(tmp_path: Path) -> None:
    """A training that goes on after 100 iterations ends with the same files as one that was never stopped."""
    with pydn.load(CFG) as net:
        start = net.weights.tobytes()
        Trainer(net, Feed, Plan(iterations=130, backup=tmp_path / "whole", base="n", minloss=True)).run()
    for end in (100, 130):
        with pydn.load(CFG, start) as net:
            plan = Plan(iterations=end, backup=tmp_path / "parts", base="n", minloss=True, resume=True)
            Trainer(net, Feed, plan).run()
    whole, parts = (tmp_path / name / "n.minloss.weights" for name in ("whole", "parts"))
    assert whole.read_bytes() == parts.read_bytes()
