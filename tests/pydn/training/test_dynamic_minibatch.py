"""``dynamic_minibatch=1``: more images in a mini-batch the smaller they are."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import pydn
from pydn.training.sampling import Order, detector_sizes, grown_batches
from pydn.training.task import trainer_of

DETECTOR = """[net]
width={side}
height={side}
channels=3
batch={batch}
subdivisions=2
max_batches=2000
learning_rate=.001
dynamic_minibatch={dynamic}
[convolutional]
filters=6
size=1
stride=32
activation=linear
[yolo]
mask=0
anchors=16,16
classes=1
num=1
random={random}
"""
CLASSIFIER = b"""[net]
width=2
height=2
channels=1
batch=2
learning_rate=.1
[convolutional]
filters=3
activation=linear
[avgpool]
[softmax]
"""


def test_as_many_as_the_reference_takes() -> None:
    """4 · 608² / side² rounded down, then 8/10 of it rounded down where that is more than 4; 608 is the largest."""
    expected = {320: 11, 352: 8, 384: 8, 416: 6, 448: 5, 480: 6, 512: 5, 544: 4, 576: 4, 608: 4}
    net = pydn.load(DETECTOR.format(side=416, batch=8, dynamic=1, random=1).encode())
    sizes = detector_sizes(net, seed=4)
    grown = grown_batches(net, 4, sizes)
    assert grown is not None
    assert {sizes(k)[0]: grown(k) for k in range(2000)} == expected


@pytest.mark.parametrize(("dynamic", "random", "dialect"), [(0, 1, "alexeyab"), (1, 0, "alexeyab"), (1, 1, "pjreddie")])
def test_mini_batches_stay_as_they_are(dynamic: int, random: int, dialect: str) -> None:
    cfg = DETECTOR.format(side=64, batch=8, dynamic=dynamic, random=random).encode()
    net = pydn.load(cfg, dialect=dialect)  # type: ignore[arg-type]
    assert grown_batches(net, 4, detector_sizes(net)) is None


def test_every_epoch_has_every_picture_once() -> None:
    counts = [3, 5, 2, 4]
    order = Order(7, lambda iteration: counts[iteration % 4], seed=3)
    seen = [order(iteration, image) for iteration in range(8) for image in range(counts[iteration % 4])]
    assert all(sorted(seen[k : k + 7]) == list(range(7)) for k in range(0, 28, 7))


def test_means_are_over_the_images_there_are() -> None:
    """A mini-batch of 2 that has grown to 4 is one of 4, but for what was seen."""
    rng = np.random.default_rng(0)
    x, truth = rng.random((4, 1, 2, 2), np.float32), np.array([0, 1, 2, 0])
    with pydn.load(CLASSIFIER) as one, pydn.load(CLASSIFIER) as other:
        one.weights[0, "weights"][...] = other.weights[0, "weights"][...] = rng.normal(size=(3, 1, 1, 1))
        small, large = one.session(), other.session(batch=4)
        small.grown = lambda iteration: 4 if iteration else 2
        first = (small.step(x[:2], truth[:2]), other.session().step(x[:2], truth[:2]))
        assert first[0].loss == first[1].loss
        large.iteration = 1
        for name in ("weights", "biases"):
            large.network.gradient(0, name)[...] = small.network.gradient(0, name)  # type: ignore[index]
        steps = small.step(x, truth), large.step(x, truth)
        assert steps[0].loss == steps[1].loss
        assert np.array_equal(one.weights[0, "weights"], other.weights[0, "weights"])
        assert [step.images for step in steps] == [4, 6]
        assert small.network.batch == 4


def test_trainings_are_the_same_for_any_number_of_threads(tmp_path: Path) -> None:
    for number in range(5):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((20, 30, 3), 40 * number, np.uint8))
        (tmp_path / f"{number}.txt").write_text("0 .5 .5 .5 .5\n")
    (tmp_path / "train.txt").write_text("".join(f"{tmp_path / str(number)}.png\n" for number in range(5)))
    cfg = DETECTOR.format(side=128, batch=4, dynamic=1, random=1).encode()
    weights = []
    for workers in (1, 3):
        with pydn.load(cfg) as net:
            trainer = trainer_of(net, tmp_path / "train.txt", workers=workers, iterations=70, seed=2)
            counts = {}
            for step in trainer:
                shape = trainer.session.network.input.shape
                counts[shape[2]] = shape[0]
                assert step.images == 4 * step.iteration
            assert net.iteration == 70
            # the largest is 128 · 1.4 = 179.2, 5.6 steps of 32: with one added and rounded 224, whose mini-batch is 2
            room = {side: 2 * 224 * 224 // (side * side) for side in counts}
            assert counts == {side: int(0.8 * n) if int(0.8 * n) > 2 else n for side, n in room.items()}
            assert len(counts) > 2
            weights.append(np.array(net.weights[0, "weights"]))
    assert np.array_equal(*weights)
