"""What is said, and kept, when a number is none."""

from pathlib import Path

import numpy as np
import pytest

import pydn
from pydn.training import Schedule
from pydn.training.trouble import is_finite

CFG = b"""[net]
batch=4
subdivisions=2
width=6
height=6
channels=1
learning_rate=0.01
momentum=0.9
max_batches=300

[convolutional]
batch_normalize=1
filters=3
size=3
pad=1
activation=leaky

[convolutional]
filters=2
size=1
activation=linear

[avgpool]

[softmax]
"""
X = np.random.default_rng(0).normal(size=(4, 1, 6, 6)).astype(np.float32)
CLASSES = np.array([0, 1, 1, 0])


def test_a_weight_that_is_none() -> None:
    with pydn.load(CFG) as net:
        net.weights[1, "weights"][0, 2] = np.nan
        with pytest.raises(pydn.TrainingError, match=r"iteration 1: .*1 of 6 values of weights of layer 1") as caught:
            net.train_step(X, CLASSES)
        assert (caught.value.iteration, caught.value.layer) == (1, 1)


def test_an_output_too_large_is_the_first_layer_in_order() -> None:
    """Weights of 1e30 are finite, what a layer without batch norm makes of 1e30 times them is not."""
    with pydn.load(CFG.replace(b"batch_normalize=1\n", b"")) as net:
        net.weights[0, "weights"][...] = 1e30
        net.weights[1, "weights"][...] = 1e30
        net.weights[1, "biases"][...] = 0
        with pytest.raises(pydn.TrainingError, match=r"layer 1 \[convolutional\] is the first whose output") as caught:
            net.train_step(X, CLASSES)
        assert caught.value.layer == 1


def test_a_picture_that_is_none_leaves_the_weights() -> None:
    with pydn.load(CFG) as net:
        net.train_step(X, CLASSES)
        before = net.weights.tobytes()
        bad = X.copy()
        bad[3, 0, 2, 2] = np.inf
        with pytest.raises(pydn.TrainingError, match=r"1 of 36 values of picture 3 of the batch") as caught:
            net.train_step(bad, CLASSES)
        assert caught.value.iteration == 2
        assert net.weights.tobytes() == before
        assert np.isfinite(net.train_step(X, CLASSES).loss)  # and it may go on


def test_a_learning_rate_too_large_goes_back_to_the_last_good_weights() -> None:
    """The update of iteration 2 ruins the weights; those that it began with are the last with a finite loss."""
    with pydn.load(CFG.replace(b"batch_normalize=1\n", b"")) as net:
        session = net.session(schedule=Schedule(learning_rate=0.01))
        session.step(X, CLASSES)
        good, seen = net.weights.tobytes(), net.seen
        session.schedule = Schedule(learning_rate=1e37)
        session.step(X, CLASSES)
        with pytest.raises(pydn.TrainingError, match=r"iteration 3: .*layer [01] \[convolutional\]"):
            session.step(X, CLASSES)
        assert (net.weights.tobytes(), net.seen, session.iteration) == (good, seen, 1)
        session.schedule = Schedule(learning_rate=0.01)
        assert np.isfinite(session.step(X, CLASSES).loss)


def test_a_gradient_that_is_none_is_found_before_the_update() -> None:
    """A finite loss whose derivative is not: what the session adds up is looked at before the weights change."""
    with pydn.load(CFG) as net:
        session = net.session()
        before = net.weights[1, "weights"].copy()
        gradient = session.network.gradient(1, "weights")
        assert gradient is not None
        gradient[0, 0] = np.inf  # as left by the iteration before
        with pytest.raises(pydn.TrainingError, match="a gradient is not finite"):
            session.step(X, CLASSES)
        np.testing.assert_array_equal(net.weights[1, "weights"], before)


@pytest.mark.parametrize(
    ("values", "finite"),
    [([], True), ([1.0, 2.0], True), ([3e38, -3e38], True), ([1.0, np.nan], False), ([np.inf], False)],
)
def test_is_finite(values: list[float], finite: bool) -> None:
    assert is_finite(np.array(values, np.float32)) == finite


def test_an_iteration_without_objects_is_no_trouble() -> None:
    head = b"[yolo]\nmask=0,1\nanchors=2,2, 4,4\nclasses=2\nnum=2\n"
    cfg = CFG[: CFG.index(b"[convolutional]")] + b"[convolutional]\nfilters=14\nsize=1\nactivation=linear\n" + head
    with pydn.load(cfg) as net:
        step = net.train_step(X, [np.zeros((0, 5))] * 4)
        assert (step.count, step.iou, step.recall) == (0, 0.0, 0.0)
        assert np.isfinite([step.loss, step.class_loss, step.object_loss, step.iou_loss]).all()


def test_pictures_and_files(tmp_path: Path) -> None:
    """Through the trainer: the pictures of the mini-batch are named, the files that were written stay."""
    from dataclasses import dataclass, field

    from pydn.training.trainer import Plan, Trainer

    @dataclass
    class Batch:
        x: np.ndarray
        truth: np.ndarray
        paths: tuple[str, ...] = ("a.png", "b.png", "c.png", "d.png")

    @dataclass
    class Feed:
        first: int
        waited: float = 0.0
        ruined: bool = field(default=False)

        def __iter__(self):  # type: ignore[no-untyped-def]
            for _ in range(300):
                yield Batch(X, CLASSES)

        def close(self) -> None: ...

    def ruin(trainer: Trainer, step: pydn.training.Step) -> None:
        if step.iteration == 120:
            trainer.net.weights[0, "weights"][...] = np.nan

    with pydn.load(CFG) as net:
        trainer = Trainer(net, Feed, Plan(backup=tmp_path, base="n"), callbacks=[ruin])
        with pytest.raises(pydn.TrainingError, match=r"iteration 121: .*layer 0.*; pictures: a\.png, b\.png") as caught:
            trainer.run()
        assert caught.value.pictures == ("a.png", "b.png")  # of the first mini-batch
        assert (net.iteration, all(np.isfinite(values).all() for values in net.weights.values())) == (119, True)
        assert pydn.load(CFG, tmp_path / "n_last.weights").iteration == 100
        assert trainer.result.stopped == "failed"
