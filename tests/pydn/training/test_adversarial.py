"""`adversarial_lr`: when pictures move, by how much, and where to."""

import logging

import numpy as np
import pytest

import pydn
from pydn.training.adversarial import Adversary

CFG = """[net]
batch=2
subdivisions=1
width=2
height=1
channels=2
learning_rate=0.1
momentum=0
decay=0
max_batches=10
burn_in=2
adversarial_lr=3
policy=constant
power=0
{more}

[connected]
output=2
activation=linear

[softmax]
"""
X = np.array([[0.5, 0.1, 0.9, 0.3], [0.8, 0.25, 0.4, 0.02]], np.float32).reshape(2, 2, 1, 2)
CLASSES = np.array([0, 1])


def softmax(values: np.ndarray) -> np.ndarray:
    e = np.exp(values - values.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def moved(w: np.ndarray, b: np.ndarray, rate: float) -> np.ndarray:
    """Against an empty truth the delta of the scores is 0 − p."""
    x = X.reshape(2, 4).astype(float)
    return np.clip(x + rate * (0 - softmax(x @ w.T + b)) @ w, 0, 1)


@pytest.mark.parametrize("device", ["ref", "cpu"])
def test_a_step_learns_from_moved_pictures(device: str) -> None:
    """Ten iterations beside numpy, of which some move and some do not."""
    with pydn.load(CFG.format(more="").encode(), device=device) as net:
        net.layers[0].weights[...] = [[1, -2, 0.5, 1.5], [-1, 0.5, 2, -0.5]]
        w, b = net.layers[0].weights.astype(float), net.layers[0].biases.astype(float)
        session = net.session()
        adversary = session.adversary
        assert adversary is not None
        rates = [adversary.rate(iteration, 0) for iteration in range(10)]
        assert rates[:3] == [0, 0, 0]
        assert set(rates[3:]) - {0.0}, "none moves"
        assert 0.0 in rates[3:], "all move"
        assert all(rate == pytest.approx(0.3 * iteration) for iteration, rate in enumerate(rates) if rate)
        for rate in rates:
            x = moved(w, b, rate)
            error = np.eye(2)[CLASSES] - softmax(x @ w.T + b)
            step = session.step(X, CLASSES)
            assert step.loss == pytest.approx(-np.log(softmax(x @ w.T + b)[[0, 1], CLASSES]).mean(), rel=1e-5)
            w, b = w + 0.1 / 2 * error.T @ x, b + 0.1 / 2 * error.sum(0)
        np.testing.assert_allclose(net.layers[0].weights, w, rtol=1e-5, atol=1e-6)
        session.close()


def test_about_half_of_the_mini_batches_move() -> None:
    facts = {"adversarial_lr": 0.5, "burn_in": 100, "max_batches": 0}
    adversary = Adversary(lambda: pytest.fail("no network is needed"), facts, 7)
    rates = [adversary.rate(101 + k // 4, k % 4) for k in range(1000)]
    assert set(rates) == {0.0, 0.5}
    assert 420 < sum(rate > 0 for rate in rates) < 580
    assert rates == [adversary.rate(101 + k // 4, k % 4) for k in range(1000)]


def test_another_size_of_pictures() -> None:
    text = CFG.format(more="").replace("[connected]\noutput=2", "[convolutional]\nfilters=2\n[avgpool]\n[activation]")
    with pydn.load(text.encode()) as net:
        session = net.session()
        session.iteration = 9
        assert session.adversary is not None
        while session.adversary.rate(session.iteration, 0) == 0:
            session.iteration += 1
        for width in (2, 5):
            session.step(np.full((2, 2, 4, width), 0.5, np.float32), CLASSES)
            session.iteration -= 1
        session.close()


def test_where_it_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with pydn.load(CFG.format(more="contrastive=1").encode()) as net:
        assert net.session().adversary is None
    assert "adversarial_lr= changes nothing with contrastive=1" in caplog.messages[-1]
    caplog.clear()
    with pydn.load(CFG.format(more="").encode(), dialect="pjreddie") as net, caplog.at_level(logging.WARNING, "pydn"):
        assert net.session().adversary is None
    assert any("adversarial_lr=3" in message and "dialect alexeyab" in message for message in caplog.messages)
