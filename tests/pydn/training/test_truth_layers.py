"""`truth=1` of dialect pjreddie: losses compare with the output of a layer, beside numpy."""

import numpy as np
import pytest

import pydn
from pydn.training.session import Session

NET = """[net]
batch=2
width=2
height=1
channels=2
learning_rate=0.5
momentum=0
decay=0
max_batches=9
"""
FIRST = "[connected]\noutput=4\nactivation=linear\n"
SECOND = "[connected]\noutput={}\nactivation=linear\n"
RNG = np.random.default_rng(3)
X = RNG.normal(size=(2, 2, 1, 2)).astype(np.float32)
FLAT = X.reshape(2, 4).astype(float)


@pytest.fixture(params=["ref", "cpu"])
def device(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def session_of(cfg: str, device: str = "cpu", dialect: str = "pjreddie") -> Session:
    net = pydn.load((NET + cfg).encode(), dialect=dialect, device=device)  # type: ignore[arg-type]
    for values in net.weights.values():
        values[...] = RNG.normal(size=values.shape)
    return net.session(outputs="all")


def parts(session: Session, layer: int) -> tuple[np.ndarray, np.ndarray]:
    weights = session.network.weights
    return weights[layer, "weights"].astype(float).reshape(-1, 4), weights[layer, "biases"].astype(float)


def test_a_network_that_learns_its_input(device: str) -> None:
    """Without labels: three steps of an autoencoder."""
    session = session_of("[activation]\nactivation=linear\ntruth=1\n" + FIRST + SECOND.format(4) + "[cost]\n", device)
    assert session.network.truths == 0
    for _ in range(3):
        (w1, b1), (w2, b2) = parts(session, 1), parts(session, 2)
        hidden = FLAT @ w1.T + b1
        error = FLAT - (hidden @ w2.T + b2)
        step = session.step(X, np.array([5, 6]))
        assert step.loss == pytest.approx((error**2).sum() / 2, rel=1e-5)
        back = error @ w2
        for layer, w, b, delta, read in ((1, w1, b1, back, FLAT), (2, w2, b2, error, hidden)):
            found = parts(session, layer)
            np.testing.assert_allclose(found[0], w + 0.25 * delta.T @ read, rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(found[1], b + 0.25 * delta.sum(0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dialect", ["pjreddie", "alexeyab"])
def test_nothing_goes_back_through_the_truth(device: str, dialect: str) -> None:
    """The first layer learns by what the second one hands back alone; in alexeyab from labels."""
    session = session_of(FIRST + "truth=1\n" + SECOND.format(4) + "[cost]\n", device, dialect)
    own = dialect == "pjreddie"
    assert session.network.truths == (0 if own else 4)
    labels = RNG.normal(size=(2, 4)).astype(np.float32)
    (w1, b1), (w2, b2) = parts(session, 0), parts(session, 1)
    hidden = FLAT @ w1.T + b1
    error = (hidden if own else labels) - (hidden @ w2.T + b2)
    session.step(X, labels)
    np.testing.assert_allclose(parts(session, 0)[0], w1 + 0.25 * (error @ w2).T @ FLAT, rtol=1e-4, atol=1e-5)


def test_losses_before_it_read_labels_and_those_after_it_the_last_one() -> None:
    softmax, relay = "[softmax]\n[route]\nlayers=-2\ntruth=1\n", "[route]\nlayers=0\ntruth=1\n"
    session = session_of(
        SECOND.format(3) + softmax + SECOND.format(3) + "[cost]\n" + relay + SECOND.format(3) + "[cost]\n"
    )
    assert session.network.truths == 3
    step = session.step(X, np.array([2, 0]))
    outputs = {layer.index: layer.output.reshape(2, 3).astype(float) for layer in session.network.layers}
    p = np.exp(outputs[0]) / np.exp(outputs[0]).sum(1, keepdims=True)
    costs = {
        1: -np.log(p[[0, 1], [2, 0]]).sum(),
        4: ((outputs[2] - outputs[3]) ** 2).sum(),
        7: ((outputs[5] - outputs[6]) ** 2).sum(),
    }
    assert {layer: figures.cost for layer, figures in step.heads.items()} == pytest.approx(costs, rel=1e-5)
    assert step.loss == pytest.approx(sum(costs.values()) / 3 / 2, rel=1e-5)


def test_another_number_of_values() -> None:
    with pytest.raises(
        pydn.ShapeError, match=r"layer 0 \[connected\] has truth=1 and 4 values.* layer 2 \[cost\] reads 3"
    ):
        session_of(FIRST + "truth=1\n" + SECOND.format(3) + "[cost]\n")


def test_without_any_loss() -> None:
    with pytest.raises(ValueError, match="no layer of the network has a loss"):
        session_of(FIRST + "truth=1\n").step(X, np.array([0, 1]))
