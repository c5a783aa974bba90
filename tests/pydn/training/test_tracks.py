"""Tracks: by which numbers losses know an object again in another picture."""

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest

import pydn
from pydn.evaluation.truth import TruthSet
from pydn.training.augment import DetectorAugmentation, detector_maker
from pydn.training.sequences import SequentialOrder
from pydn.training.task import trainer_of

CFG = b"""[net]
batch=4
width=16
height=16
channels=3
contrastive=1
contrastive_jit_flip=1
[convolutional]
filters=8
size=1
activation=linear
[convolutional]
filters=7
size=1
activation=linear
[yolo]
anchors=8,8
num=1
classes=2
jitter=.1
[route]
layers=0
[contrastive]
yolo_layer=2
temperature=1
"""


@dataclass
class Sample:
    path: str
    boxes: np.ndarray
    tracks: np.ndarray = field(default_factory=lambda: np.full(3, -1, np.float32))


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    """Three boxes each, of the classes 0 to 2."""
    found = []
    for number in range(5):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((60, 80, 3), 40 * number, np.uint8))
        boxes = np.float32([[k, 0.2 + 0.2 * k, 0.5, 0.15, 0.4] for k in range(3)])
        found.append(Sample(str(tmp_path / f"{number}.png"), boxes))
    return found


def tracks_of(samples: list[Sample], images: int, order: SequentialOrder | None = None, **keys: object) -> list:
    """Of the images of an iteration: (class, track) of their boxes."""
    how = DetectorAugmentation(tracks=True, **keys)  # type: ignore[arg-type]
    make = detector_maker(samples, how, lambda iteration: (64, 64), images, 1, order=order)  # type: ignore[arg-type]
    boxes = [np.asarray(make(0, image).truth) for image in range(images)]
    assert all(rows.shape[1] == 6 for rows in boxes)
    return [{(int(row[0]), int(row[5])) for row in rows} for rows in boxes]


@pytest.mark.parametrize("kind", ["mosaic", "mixup", "plain"])
def test_tracks_of_labels_stay_with_their_boxes(samples: list[Sample], kind: str) -> None:
    for sample in samples:
        sample.tracks = 100 + sample.boxes[:, 0]
    keys = {"jitter": 0.0} if kind == "plain" else {kind: True, "jitter": 0.2}
    found = set().union(*tracks_of(samples, 12, **keys))
    assert found == {(0, 100), (1, 101), (2, 102)}


def test_without_them_views_of_a_picture_have_the_same(samples: list[Sample]) -> None:
    found = tracks_of(samples, 8, contrastive=True, contrastive_jit_flip=True, jitter=0.05, flip=True)
    assert all(len(one) == 3 for one in found)
    assert found[::2] == found[1::2]
    assert len(set().union(*found)) == 4 * 3


def test_frames_have_others_as_in_the_reference(samples: list[Sample]) -> None:
    order = SequentialOrder(5, 2, 3, lambda iteration: 1, repeats=2)
    found = tracks_of(samples, 6, order, contrastive=True, jitter=0.05)
    assert found[::2] == found[1::2]
    assert len(set().union(*found)) == 3 * 3


def test_sixth_numbers_of_labels(tmp_path: Path) -> None:
    lines = ["1 .5 .5 .2 .2 7", "0 .5 .5 .2 .2", "0 .4 .5 .2 .2 0"]
    wrong = [
        "0 .5 .5 .2 .2 -1",
        "0 .5 .5 .2 .2 1.5",
        "0 .5 .5 .2 .2 nan",
        "0 .5 .5 .2 .2 16777216",
        "0 .5 .5 .2 .2 1 1",
    ]
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 4, 3), np.uint8))
    (tmp_path / "a.txt").write_text("\n".join(lines + wrong))
    truths = TruthSet([str(tmp_path / "a.png")])
    assert truths[0].tracks.tolist() == [7, -1, 0]
    assert truths[0].boxes.shape == (3, 5)
    assert [problem.line for problem in truths.problems] == [4, 5, 6, 7, 8]
    assert all("[track]" in problem.text for problem in truths.problems)


def test_a_training_compares_pictures(samples: list[Sample], tmp_path: Path) -> None:
    """Every sample has its other view to be like, and those of the other picture to be unlike."""
    for sample in samples:
        Path(sample.path).with_suffix(".txt").write_text("0 .3 .5 .2 .3\n0 .7 .5 .2 .3\n")
    (tmp_path / "train.txt").write_text("\n".join(sample.path for sample in samples))
    with pydn.load(CFG) as net:
        assert DetectorAugmentation.of(net).tracks
        trainer = trainer_of(net, tmp_path / "train.txt", iterations=1)
        (step,) = trainer
        assert step.heads[4].class_count == 4 * 2
