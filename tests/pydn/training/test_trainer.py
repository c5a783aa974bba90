"""The trainer over a feed of made-up batches: files, states, ends."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import pydn
from pydn.training.measuring import Judge
from pydn.training.randomness import generator
from pydn.training.trainer import Plan, Trainer

CFG = b"""[net]
batch=4
subdivisions=2
width=6
height=6
channels=1
learning_rate=0.05
momentum=0.9
decay=0.001
max_batches=300

[convolutional]
batch_normalize=1
filters=3
size=3
pad=1
activation=leaky

[avgpool]

[connected]
output=2
activation=linear

[softmax]
"""


@dataclass
class Batch:
    x: np.ndarray
    truth: np.ndarray
    paths: tuple[str, ...] = ("a.png", "b.png")


class Feed:
    """Pictures whose class is whether their middle is bright; the same for every iteration number."""

    waited = 0.0

    def __init__(self, first: int, bad_at: int = -1) -> None:
        self.first, self.bad_at, self.closed = first, bad_at, False

    def __iter__(self) -> Iterator[Batch]:
        for iteration in range(self.first, 10**6):
            random = generator(1, iteration, 0)
            x = random.normal(size=(4, 1, 6, 6)).astype(np.float32)
            classes = random.integers(0, 2, 4)
            x[classes == 1, :, 1:5, 1:5] += 4
            if iteration == self.bad_at:
                x[0] = np.nan
            yield Batch(x, classes)

    def close(self) -> None:
        self.closed = True


def network(cfg: bytes = CFG) -> pydn.Network:
    return pydn.load(cfg)


def test_learns_and_ends() -> None:
    with network() as net:
        feeds: list[Feed] = []

        def feed(first: int) -> Feed:
            feeds.append(Feed(first))
            return feeds[-1]

        result = Trainer(net, feed, Plan(iterations=120)).run()
        assert len(result) == 120
        assert result.stopped == "finished"
        assert result[-1].average_loss < 0.5 * result[0].loss
        assert net.iteration == 120
        assert feeds[0].closed
        assert "120 iterations" in str(result)
        assert len(result.to_csv().splitlines()) == 121
        assert len(result.to_json().splitlines()) == 120


def test_files_of_a_detector_or_classifier(tmp_path: Path) -> None:
    with network() as net:
        plan = Plan(iterations=200, backup=tmp_path / "made" / "here", base="net", names="classifier", epoch=400)
        result = Trainer(net, Feed, plan).run()
        names = sorted(path.name for path in (tmp_path / "made/here").iterdir())
        assert names == ["net.state", "net.weights", "net_final.weights", "net_last.weights"]
        assert set(result.files) == {"net.weights", "net_final.weights", "net_last.weights"}
        saved = pydn.load(CFG, tmp_path / "made/here/net_final.weights")
        assert saved.weights.tobytes() == net.weights.tobytes()
        assert saved.seen == 800


def test_pjreddie_names(tmp_path: Path) -> None:
    with pydn.load(CFG, dialect="pjreddie") as net:
        Trainer(net, Feed, Plan(iterations=200, backup=tmp_path, base="net")).run()
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == ["net.backup", "net.state", "net_100.weights", "net_200.weights", "net_final.weights"]


def test_resume_gives_the_same_weights(tmp_path: Path) -> None:
    """Stopped at 100 and resumed, or in one go: the same bytes."""
    with network() as net:
        start = net.weights.tobytes()
        Trainer(net, Feed, Plan(iterations=150)).run()
        whole = net.weights.tobytes()
    with pydn.load(CFG, start) as net:
        Trainer(net, Feed, Plan(iterations=100, backup=tmp_path, base="n")).run()
    with pydn.load(CFG) as net:
        trainer = Trainer(net, Feed, Plan(iterations=150, backup=tmp_path, base="n", resume=True))
        assert trainer.session.iteration == 100
        trainer.run()
        assert net.weights.tobytes() == whole


def test_a_state_remembers_the_iterations_before(tmp_path: Path) -> None:
    judge = Judge("guess", lambda net: net.iteration / 100)
    with network() as net:
        plan = Plan(iterations=20, backup=tmp_path, base="n", judge=judge, score_every=10)
        first = Trainer(net, Feed, plan).run()
    for begin, end in ((20, 30), (30, 33)):
        with pydn.load(CFG) as net:
            trainer = Trainer(net, Feed, Plan(iterations=end, backup=tmp_path, base="n", resume=True))
            past, result = trainer.past, trainer.run()
            assert [step.iteration for step in past] == list(range(1, begin + 1))
            assert [step.loss for step in past[:20]] == [step.loss for step in first]
            assert [score.value for score in past.scores] == [0.1, 0.2]
            assert [step.iteration for step in result] == list(range(begin + 1, end + 1))


def test_iterations_are_checked() -> None:
    with network() as net, pytest.raises(ValueError, match="iterations must be 1 or more, not 0"):
        Trainer(net, Feed, Plan(iterations=0))


def test_a_training_that_is_over_is_not_continued(tmp_path: Path) -> None:
    with network() as net:
        Trainer(net, Feed, Plan(iterations=3, backup=tmp_path, base="n")).run()
    with pydn.load(CFG) as net:
        trainer = Trainer(net, Feed, Plan(iterations=3, backup=tmp_path, base="n", resume=True))
        assert len(trainer.run()) == 0
        assert net.iteration == 3


def test_adam_resumes_too(tmp_path: Path) -> None:
    cfg = CFG.replace(b"momentum=0.9", b"adam=1\nema_alpha=0.9\nmax_batches=40").replace(b"max_batches=300\n", b"")
    with network(cfg) as net:
        start = net.weights.tobytes()
        Trainer(net, Feed, Plan(iterations=30)).run()
        whole = net.weights.tobytes()
    with pydn.load(cfg, start) as net:
        Trainer(net, Feed, Plan(iterations=25, backup=tmp_path, base="n")).run()
    with pydn.load(cfg) as net:
        Trainer(net, Feed, Plan(iterations=30, backup=tmp_path, base="n", resume=True)).run()
        assert net.weights.tobytes() == whole


def test_the_state_of_another_network_is_refused(tmp_path: Path) -> None:
    with network() as net:
        Trainer(net, Feed, Plan(iterations=1, backup=tmp_path, base="n")).run()
    with (
        network(CFG.replace(b"filters=3", b"filters=4")) as net,
        pytest.raises(pydn.DataError, match="another network"),
    ):
        Trainer(net, Feed, Plan(backup=tmp_path, base="n", resume=True))
    (tmp_path / "n.state").write_bytes(b"no archive")
    with network() as net, pytest.raises(pydn.DataError, match="not the state"):
        Trainer(net, Feed, Plan(backup=tmp_path, base="n", resume=True))


def test_frozen_layers_stay() -> None:
    with network() as net:
        before = {key: values.copy() for key, values in net.weights.items()}
        Trainer(net, Feed, Plan(iterations=5, freeze=("convolutional",))).run()
        for (layer, name), values in net.weights.items():
            assert np.array_equal(values, before[layer, name]) == (layer == 0), (layer, name)
        with pytest.raises(ValueError, match="cannot be frozen"):
            Trainer(net, Feed, Plan(freeze=(9,)))


def test_patience_and_best(tmp_path: Path) -> None:
    scores = iter([0.1, 0.5, 0.4, 0.3, 0.2])
    with network() as net:
        plan = Plan(
            iterations=100,
            backup=tmp_path,
            base="n",
            judge=Judge("map", lambda _: next(scores)),
            score_every=2,
            patience=2,
        )
        result = Trainer(net, Feed, plan).run()
        assert result.stopped == "patience"
        assert result.best is not None
        assert (result.best.iteration, result.best.value) == (4, 0.5)
        assert [score.value for score in result.scores] == [0.1, 0.5, 0.4, 0.3]
        assert pydn.load(CFG, tmp_path / "n_best.weights").iteration == 4


def test_callbacks_may_end_it() -> None:
    with network() as net:
        result = Trainer(net, Feed, Plan(), callbacks=[lambda trainer, step: step.iteration < 3]).run()
        assert len(result) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_tidily(tmp_path: Path, number: signal.Signals) -> None:
    before = signal.getsignal(number)

    def kill(trainer: Trainer, step: pydn.training.Step) -> None:
        if step.iteration == 7:
            os.kill(os.getpid(), number)

    with network() as net:
        result = Trainer(net, Feed, Plan(backup=tmp_path, base="n"), callbacks=[kill]).run()
        assert result.stopped == "interrupted"
        assert 7 <= len(result) <= 8
        assert pydn.load(CFG, tmp_path / "n_last.weights").iteration == len(result)
    assert signal.getsignal(number) == before


def test_not_a_number_is_named_and_keeps_the_weights(tmp_path: Path) -> None:
    with network() as net:
        trainer = Trainer(net, lambda first: Feed(first, bad_at=4), Plan(backup=tmp_path, base="n"))
        with pytest.raises(pydn.TrainingError, match=r"iteration 5.*a\.png"):
            trainer.run()
        assert all(np.isfinite(values).all() for values in net.weights.values())
        assert len(trainer.result) == 4
        assert pydn.load(CFG, tmp_path / "n_last.weights").iteration == 4


def test_finished_weights_begin_anew(caplog: pytest.LogCaptureFixture) -> None:
    with network() as net:
        net.seen = 4 * 300
        result = Trainer(net, Feed, Plan()).__iter__()
        assert next(result).iteration == 1
        assert "begins anew" in caplog.text


def test_the_network_may_be_used_in_between() -> None:
    with network() as net:
        for step in Trainer(net, Feed, Plan(iterations=3)):
            assert net.forward(np.zeros((1, 1, 6, 6), np.float32))[0].shape == (1, 2)
            assert step.iteration == net.iteration


def test_sizes_may_change() -> None:
    """Multi-scale training: the training network follows the images."""

    @dataclass
    class Sizes(Feed):
        first: int = 0
        bad_at: int = -1

        def __iter__(self) -> Iterator[Batch]:
            for iteration, side in enumerate((6, 8, 10, 6)):
                x = generator(2, iteration, 0).normal(size=(4, 1, side, side)).astype(np.float32)
                yield Batch(x, np.array([0, 1, 0, 1]))

    with network() as net:
        assert len(Trainer(net, Sizes, Plan(iterations=4)).run()) == 4
        assert (net.width, net.height) == (6, 6)
