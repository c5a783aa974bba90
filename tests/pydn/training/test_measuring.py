"""What decides about the best weights, which layers stay, and other numbers of classes."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import pydn
from pydn import demo_training
from pydn.training.freezing import frozen_layers
from pydn.training.measuring import judge_of
from pydn.training.trainer import Plan, Trainer
from pydn.training.validation import ValidationLoss

CLASSIFIER = b"""[net]
batch=4
width=8
height=8
channels=3
learning_rate=0.01
max_batches=300

[convolutional]
batch_normalize=1
filters=4
size=3
pad=1
activation=leaky

[dropout]
probability=0.5

[convolutional]
filters=2
size=1
activation=linear

[avgpool]

[softmax]
"""


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    random = np.random.default_rng(3)
    for key, count in (("train", 8), ("valid", 7)):
        names = []
        for number in range(count):
            name = ("dark", "light")[number % 2]
            (tmp_path / key / name).mkdir(parents=True, exist_ok=True)
            path = tmp_path / key / name / f"{number}.png"
            cv2.imwrite(str(path), random.integers(0, 100, (8, 8, 3)).astype(np.uint8) + 120 * (number % 2))
            names.append(str(path))
        (tmp_path / f"{key}.list").write_text("\n".join(names))
    (tmp_path / "c.names").write_text("dark\nlight\n")
    (tmp_path / "c.data").write_text("classes=2\ntrain=train.list\nvalid=valid.list\nlabels=c.names\nnames=c.names\n")
    return tmp_path / "c.data"


def test_the_loss_of_a_classifier_is_its_cross_entropy(classes: Path) -> None:
    """Minus the mean log of the true class's probability, by the network as it predicts."""
    with pydn.load(CLASSIFIER, data=classes) as net:
        net.weights[0, "rolling_mean"][...] = [0.1, 0.2, 0.3, 0.1]
        net.weights[0, "rolling_variance"][...] = [1, 2, 3, 4]
        before = net.weights.tobytes()
        expected = []
        for path in pydn.DataFile.read(classes).file("valid").read_text().split():
            x = cv2.imread(path)[None, :, :, ::-1].transpose(0, 3, 1, 2).astype(np.float32) / 255
            expected.append(-np.log(net.forward(x)[0].ravel()[int(Path(path).parent.name == "light")]))
        assert ValidationLoss(pydn.DataFile.read(classes))(net) == pytest.approx(np.mean(expected), rel=1e-4)
        assert net.weights.tobytes() == before


def test_the_loss_of_a_detector_hardly_depends_on_the_batch(tmp_path: Path) -> None:
    data = demo_training.draw_set(tmp_path, train=2, valid=5)
    losses = []
    with pydn.load(demo_training.cfg(), data=data) as net:
        start = net.weights.tobytes()
    for batch in (b"batch=16", b"batch=2", b"batch=1"):
        with pydn.load(demo_training.cfg().replace(b"batch=16", batch), start, data=data) as net:
            net.seen = 10**6
            losses.append(ValidationLoss(data)(net))
            assert ValidationLoss(data)(net) == losses[-1]
    assert losses[0] > 1
    np.testing.assert_allclose(losses, losses[0], rtol=5e-3)  # darknet's has a mean over the boxes of a mini-batch


@pytest.mark.parametrize("measure", ["loss", "topk", "top1"])
def test_measures_of_classifiers(classes: Path, measure: str) -> None:
    with pydn.load(CLASSIFIER, data=classes) as net:
        result = net.train(classes, iterations=6, measure=measure, measure_every=2, backup=classes.parent / "b")
        assert [score.iteration for score in result.scores] == [2, 4, 6]
        values = [score.value for score in result.scores]
        assert result.best is not None
        assert result.best.value == (min(values) if measure == "loss" else max(values))
        assert (classes.parent / "b/network_best.weights").exists()


@pytest.mark.parametrize("measure", ["f1", "iou", "precision", "recall", "map"])
def test_measures_of_detectors(tmp_path: Path, measure: str) -> None:
    data = demo_training.draw_set(tmp_path, train=2, valid=2)
    with pydn.load(demo_training.cfg(), data=data) as net:
        judge = judge_of(net, data, measure)  # type: ignore[arg-type]
        assert judge is not None
        figures = {"iou": "average_iou"}
        np.testing.assert_equal(judge.measure(net), getattr(net.map(data), figures.get(measure, measure)))
        with pytest.raises(pydn.UnsupportedError, match="choose map, f1"):
            judge_of(net, data, "topk")


def test_a_function_measures(classes: Path) -> None:
    def size(net: pydn.Network) -> float:
        return -net.iteration

    with pydn.load(CLASSIFIER, data=classes) as net:
        result = net.train(classes, iterations=50, measure=size, measure_every=1, patience=3, backup=classes.parent)
        assert (result.stopped, len(result)) == ("patience", 4)
        assert result.best is not None
        assert (result.best.name, result.best.iteration) == ("size", 1)
        assert result.network is net


def test_the_least_loss_is_the_best() -> None:
    judge = judge_of(None, "x", "loss")  # type: ignore[arg-type]
    assert judge is not None
    assert judge.better(1.0, None)
    assert judge.better(0.5, 1.0)
    assert not judge.better(1.5, 1.0)
    assert not judge.better(float("nan"), None)


@pytest.mark.parametrize(
    ("which", "layers"),
    [
        (["backbone"], {0, 1, 3}),
        (["0:2", -1], {0, 1, 4}),
        (["convolutional"], {0, 2}),
        ([1], {1}),
    ],
)
def test_frozen_layers(which: list[int | str], layers: set[int]) -> None:
    with pydn.load(CLASSIFIER) as net:
        assert frozen_layers(net, which) == layers


def test_the_backbone_of_a_detector_of_three_heads() -> None:
    with pydn.load(pydn.cfg_template("yolov3-tiny").encode()) as net:
        kept = set(range(len(net.layers))) - frozen_layers(net, ["backbone"])
        assert {net.layers[k].kind for k in kept} == {"convolutional", "yolo"}
        assert sorted(kept) == sorted({k for head in net.head_layers for k in (head - 1, head)})


@pytest.mark.parametrize("which", ["neck", "9:3", "a:b", 5, -6])
def test_layers_that_are_not_there(which: int | str) -> None:
    with pydn.load(CLASSIFIER) as net, pytest.raises(ValueError, match="layer"):
        frozen_layers(net, [which])


def test_other_classes_of_a_detector(tmp_path: Path) -> None:
    data = demo_training.draw_set(tmp_path, train=4, valid=1)
    with pydn.load(demo_training.cfg(2), classes=7) as net:
        before = {key: values.copy() for key, values in net.weights.items()}
        with pytest.raises(ValueError, match="layer"):
            net.train(data, classes="data", freeze=["no"])
        result = net.train(data, classes="data", freeze=["backbone"], iterations=1)
        other = result.network
        assert other is not None
        assert other is not net
        assert (net.classes, other.classes, other.names) == (7, len(demo_training.NAMES), list(demo_training.NAMES))
        last = other.head_layers[0] - 1
        for key, values in other.weights.items():
            if key[0] < last:
                np.testing.assert_array_equal(values, before[key])
        np.testing.assert_array_equal(net.weights[last, "weights"], before[last, "weights"])
        assert other.weights[last, "weights"].shape[0] == 3 * (5 + other.classes)
        assert (other.iteration, net.iteration) == (1, 0)


def test_other_classes_of_a_classifier(classes: Path) -> None:
    with pydn.load(CLASSIFIER.replace(b"filters=2", b"filters=9")) as net:
        other = net.train(classes, classes=2, iterations=1).network
        assert other is not None
        assert other.class_count == 2
        assert net.training(classes, classes=9).net is net
        with pytest.raises(pydn.DataError, match="names= or classes="):
            net.train(["a.png"], classes="data")


def test_waiting_is_counted(classes: Path) -> None:
    class Slow:
        """Half of the time is spent on waiting."""

        waited = 0.0

        def __init__(self, first: int) -> None: ...

        def __iter__(self):  # type: ignore[no-untyped-def]
            from types import SimpleNamespace

            x = np.zeros((4, 3, 8, 8), np.float32)
            for _ in range(2):
                self.waited += 3.0
                yield SimpleNamespace(x=x, truth=np.zeros(4, np.int64), paths=())

        def close(self) -> None: ...

    with pydn.load(CLASSIFIER) as net:
        result = Trainer(net, Slow, Plan(iterations=5)).run()
        seconds = sum(step.seconds for step in result)
        assert result.waited == 6.0
        assert result.waiting == pytest.approx(6 / (6 + seconds))
        assert "waited for pictures" in str(result)
