"""[cost] of every type, beside the formulas of its page in float64; which are computed by name, and what is said."""

import logging

import numpy as np
import pytest
from numpy.typing import NDArray

from pydn._core.training import TrainingNetwork

from ..layers.support import Engine

X = np.float64([[0.25, -0.5, 2.5, -1.75, 0.125, 0.75], [1, 0, -0.25, 0.5, -3, 0.0625]])
TRUTH = np.float64([[1, 0, 0, 1, 0, -1], [0, 1, -1, 0, 0, 1]])
HIDDEN = np.where([[False, True, False, False, True, False], [False] * 6], -1234, TRUTH)
D = TRUTH - X

FORMULAS: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {
    "sse": (D**2, D),
    "masked": (np.where(HIDDEN == TRUTH, D**2, 0), np.where(HIDDEN == TRUTH, D, 0)),
    "smooth": (np.where(abs(D) < 1, D**2, 2 * abs(D) - 1), np.clip(D, -1, 1)),
    "L1": (abs(D), np.sign(D)),
    "seg": (np.where(TRUTH == 0, 0.5, 1) * D**2, np.where(TRUTH == 0, 0.5, 1) * D),
    "wgan": (np.where(TRUTH != 0, -X, X), np.where(TRUTH > 0, 1, -1)),
}
"""Cost and delta of every value; seg with noobj=0.5."""


def network(keys: str, engine: Engine, net: str = "", dialect: str = "alexeyab") -> TrainingNetwork:
    """A convolution of ones, whose gradient says what the loss hands back: delta of the cost times its scale."""
    cfg = f"[net]\nbatch=2\nwidth=3\nheight=2\nchannels=1\n{net}\n[convolutional]\nactivation=linear\n[cost]\n{keys}"
    device, isa = engine
    made = TrainingNetwork(cfg.encode(), batch=0, training=True, device=device, isa=isa, dialect=dialect)
    made.weights[0, "weights"][...] = 1
    return made


def compare(net: TrainingNetwork, truth: NDArray[np.float64]) -> tuple[float, NDArray[np.float64], float]:
    """Cost, delta of the head, and the gradient of the biases: the sum of what the convolution was handed."""
    net.forward(X.reshape(2, 1, 2, 3).astype(np.float32))
    loss = net.loss(truth.astype(np.float32))
    net.backward()
    delta, biases = net.delta(1), net.gradient(0, "biases")
    assert delta is not None
    assert biases is not None
    return loss, delta.reshape(2, 6).astype(float), float(biases[0])


@pytest.mark.parametrize("kind", FORMULAS)
@pytest.mark.parametrize("form", ["pjreddie", "by name", "alexeyab"])
def test_kinds(kind: str, form: str, engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    truth = HIDDEN if kind == "masked" else TRUTH
    with caplog.at_level(logging.WARNING, "pydn"):
        net = network(
            f"type={kind}\nscale=3\nnoobj=0.5\n",
            engine,
            "cost_by_name=1" if form == "by name" else "",
            "pjreddie" if form == "pjreddie" else "alexeyab",
        )
    otherwise = form == "alexeyab" and kind in ("L1", "seg", "wgan")
    assert ("cost_by_name=1 of [net]" in caplog.text) == otherwise
    assert bool(caplog.records) == otherwise
    cost, delta = FORMULAS["sse" if otherwise else kind]
    loss, found, handed = compare(net, truth)
    assert loss == pytest.approx(cost.sum(), rel=1e-6)
    np.testing.assert_allclose(found, delta, atol=1e-6)
    assert handed == pytest.approx(3 * delta.sum(), rel=1e-5)


def test_unknown_kinds_are_sse(caplog: pytest.LogCaptureFixture) -> None:
    loss, *_ = compare(network("type=hinge\n", ("ref", None)), TRUTH)
    assert loss == pytest.approx((D**2).sum())
    assert "type=hinge of [cost] computes sse: it is not one of" in caplog.text


@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
def test_thresh_and_smooth(dialect: str, engine: Engine) -> None:
    """Of pjreddie's program: deltas below thresh / inputs are none; smooth spreads a share of the truth evenly."""
    theirs = dialect == "pjreddie"
    *_, found, _ = compare(network("thresh=4.5\n", engine, dialect=dialect), TRUTH)
    np.testing.assert_allclose(found, np.where(abs(D) < 0.75, 0, D) if theirs else D, atol=1e-6)
    assert (abs(D) < 0.75).any()
    loss, found, _ = compare(network("smooth=0.25\n", engine, dialect=dialect), TRUTH)
    wanted = (0.75 * TRUTH + 0.25 / 6 if theirs else TRUTH) - X
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert loss == pytest.approx((wanted**2).sum(), rel=1e-6)
