"""`train_step` and `Session` on small networks: numbers that a page of numpy gives as well."""

import numpy as np
import pytest

import pydn
from pydn.training import Schedule, Session

LINEAR = b"""[net]
batch=4
subdivisions=2
width=1
height=1
channels=3
learning_rate=0.1
momentum=0.9
decay=0.01
max_batches=10

[connected]
output=2
activation=linear

[softmax]
"""
X = np.array([[0.5, -1, 2], [1, 1, -1], [0, 2, 0.5], [-1, 0.25, 1]], np.float32).reshape(4, 3, 1, 1)
CLASSES = np.array([0, 1, 1, 0])


def softmax(values: np.ndarray) -> np.ndarray:
    e = np.exp(values - values.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def by_hand(w: np.ndarray, b: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """Softmax regression with darknet's momentum and decay, in float64."""
    x, truth = X.reshape(4, 3).astype(float), np.eye(2)[CLASSES]
    u, v, losses = np.zeros_like(w), np.zeros_like(b), []
    for _ in range(steps):
        p = softmax(x @ w.T + b)
        losses.append(float(-np.log(p[np.arange(4), CLASSES]).mean()))
        u += (truth - p).T @ x - 0.01 * 4 * w
        v += (truth - p).sum(0)
        w, b = w + 0.1 / 4 * u, b + 0.1 / 4 * v
        u, v = 0.9 * u, 0.9 * v
    return w, b, losses


@pytest.mark.parametrize("device", ["ref", "cpu"])
def test_softmax_regression(device: str) -> None:
    with pydn.load(LINEAR, device=device) as net:
        w, b, losses = by_hand(net.layers[0].weights.astype(float), net.layers[0].biases.astype(float), 5)
        steps = [net.train_step(X, CLASSES) for _ in range(5)]
        np.testing.assert_allclose([step.loss for step in steps], losses, rtol=1e-5)
        np.testing.assert_allclose(net.layers[0].weights, w, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(net.layers[0].biases, b, rtol=1e-5, atol=1e-6)
        assert [step.iteration for step in steps] == [1, 2, 3, 4, 5]
        assert steps[-1].images == net.seen == 20
        assert net.iteration == 5
        average = losses[0]
        for loss in losses:
            average = 0.9 * average + 0.1 * loss
        assert steps[-1].average_loss == pytest.approx(average, rel=1e-5)


def test_the_network_sees_what_was_trained() -> None:
    """The network and its training network stand on the same weights."""
    with pydn.load(LINEAR) as net:
        before = net.forward(X)[0].copy()
        net.train_step(X, CLASSES)
        after = net.forward(X)[0]
        assert np.abs(after - before).max() > 1e-4
        expected = softmax(X.reshape(4, 3) @ net.layers[0].weights.T + net.layers[0].biases)
        np.testing.assert_allclose(after, expected, rtol=1e-5)


def test_a_loss_of_ones_own() -> None:
    """Deltas written into the head, in place of a loss: the gradient is their product with the input."""
    with pydn.load(LINEAR) as net:
        session = net.session()
        engine = session.network
        engine.forward(X[:2])
        delta = engine.delta(1)
        assert delta is not None
        delta[...] = np.array([[1, 0], [0.5, -2]], np.float32).reshape(delta.shape)
        engine.backward()
        gradient = engine.gradient(0, "weights")
        np.testing.assert_allclose(gradient, [[1, -0.5, 1.5], [-2, -2, 2]], rtol=1e-6)
        np.testing.assert_allclose(engine.gradient(0, "biases"), [1.5, -2])


def test_iterations_with_a_loss_of_ones_own() -> None:
    """Forward, deltas, backward of each mini-batch, the update: with softmax's own deltas the same as `train_step`."""
    with pydn.load(LINEAR) as net, pydn.load(LINEAR) as other:
        for key, values in net.weights.items():
            other.weights[key][...] = values
        session, truth = other.session(), np.eye(2, dtype=np.float32)[CLASSES]
        for iteration in range(1, 4):
            step = net.train_step(X, CLASSES)
            for first in (0, 2):
                (p,) = session.forward(X[first : first + 2], first)
                delta = session.network.delta(session.network.head_layers[-1])
                assert delta is not None
                delta[...] = (truth[first : first + 2] - p.reshape(2, 2)).reshape(delta.shape)
                session.backward()
            assert session.update() == step.learning_rate
            assert (session.iteration, other.seen) == (iteration, net.seen)
            np.testing.assert_array_equal(other.layers[0].weights, net.layers[0].weights)
        assert session.update(0.5) == 0.5


def test_loss_scale_changes_nothing() -> None:
    found = []
    for cfg in (LINEAR, LINEAR.replace(b"[net]", b"[net]\nloss_scale=128")):
        with pydn.load(cfg) as net:
            net.train_step(X, CLASSES)
            found.append(net.weights.tobytes())
    assert found[0] == found[1]


def test_softmax_without_a_loss() -> None:
    with pydn.load(LINEAR + b"noloss=1\n") as net:
        session = net.session()
        session.forward(X[:2])
        with pytest.raises(ValueError, match="no layer of the network has a loss"):
            session.network.loss()


def test_wrong_sizes_are_told() -> None:
    with pydn.load(LINEAR) as net:
        with pytest.raises(ValueError, match="an iteration takes 4"):
            net.train_step(X[:3], CLASSES[:3])
        with pytest.raises(ValueError, match="0 to 1"):
            net.train_step(X, np.array([0, 1, 2, 0]))
        with pytest.raises(ValueError, match="subdivisions"):
            net.session(batch=2, subdivisions=3)


def test_a_loss_that_is_not_a_number() -> None:
    with pydn.load(LINEAR) as net:
        weights = net.layers[0].weights.copy()
        with pytest.raises(pydn.TrainingError, match="iteration 1"):
            net.train_step(X * np.float32(np.nan), CLASSES)
        np.testing.assert_array_equal(net.layers[0].weights, weights)


def test_same_seed_same_weights() -> None:
    """Repeats are bit-exact."""
    results = []
    for _ in range(2):
        with pydn.load(LINEAR) as net:
            for _ in range(3):
                net.train_step(X, CLASSES)
            results.append(net.weights.tobytes())
    assert results[0] == results[1]


def test_moving_average() -> None:
    """It begins in the middle and replaces the weights 1000 iterations before the end."""
    cfg = LINEAR.replace(b"max_batches=10", b"max_batches=3000\nema_alpha=0.5")
    with pydn.load(cfg) as net:
        net.seen = 4 * 1499
        session = Session(net)
        values = []
        for _ in range(2):
            session.step(X, CLASSES)
            values.append(net.layers[0].weights.copy())
        assert session.average is not None
        assert session.average.values is not None
        average = session.average.values[0, "weights"]
        np.testing.assert_allclose(average, 0.5 * values[0] + 0.5 * values[1], rtol=1e-6)


def test_schedule_of_ones_own() -> None:
    with pydn.load(LINEAR) as net:
        step = net.session(schedule=Schedule(learning_rate=0.5)).step(X, CLASSES)
        assert step.learning_rate == 0.5


def test_updates_of_a_layer() -> None:
    """The layers of the network show the gradients of whoever trains its weights."""
    with pydn.load(LINEAR) as net:
        with pytest.raises(ValueError, match="not being trained"):
            _ = net.layers[0].delta
        session = net.session(outputs="all")
        session.network.forward(X[:2])
        session.network.loss(np.eye(2, dtype=np.float32)[CLASSES[:2]])
        session.network.backward()
        p = softmax(X[:2].reshape(2, 3) @ net.layers[0].weights.T + net.layers[0].biases)
        delta = np.eye(2)[CLASSES[:2]] - p
        np.testing.assert_allclose(net.layers[0].delta.reshape(2, 2), delta, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(net.layers[0].weight_updates, delta.T @ X[:2].reshape(2, 3), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(net.layers[0].bias_updates, delta.sum(0), rtol=1e-5, atol=1e-6)
        with pytest.raises(AttributeError, match="scales"):
            _ = net.layers[0].scale_updates


def test_adam_by_hand() -> None:
    """Kingma & Ba's update in float64, on the sum over the images, with darknet's decay of the weights."""
    cfg = LINEAR.replace(b"momentum=0.9", b"adam=1\nB1=0.8\nB2=0.9\neps=0.001")
    with pydn.load(cfg) as net:
        w, b = net.layers[0].weights.astype(float), net.layers[0].biases.astype(float)
        x, truth = X.reshape(4, 3).astype(float), np.eye(2)[CLASSES]
        moments = {key: [np.zeros_like(value), np.zeros_like(value)] for key, value in (("w", w), ("b", b))}
        for t in range(1, 4):
            delta = truth - softmax(x @ w.T + b)
            changed = []
            for key, value, g in (("w", w, delta.T @ x - 0.01 * 4 * w), ("b", b, delta.sum(0))):
                m, v = moments[key]
                m += 0.2 * (g - m)
                v += 0.1 * (g * g - v)
                changed.append(value + 0.1 * (m / (1 - 0.8**t)) / (np.sqrt(v / (1 - 0.9**t)) + 0.001))
            w, b = changed
            net.train_step(X, CLASSES)
        np.testing.assert_allclose(net.layers[0].weights, w, rtol=2e-5, atol=1e-6)
        np.testing.assert_allclose(net.layers[0].biases, b, rtol=2e-5, atol=1e-6)


def test_clip_cuts_weights() -> None:
    with pydn.load(LINEAR.replace(b"activation=linear", b"activation=linear\nclip=0.05")) as net:
        net.layers[0].weights[...] = [[1, -1, 0.01], [0.02, 0.5, -0.5]]
        net.train_step(X, CLASSES)
        assert np.abs(net.layers[0].weights).max() <= np.float32(0.05)


def test_layers_that_wait() -> None:
    """`burnin_update=2` holds a layer until twice `burn_in`; `train_only_bn=1` trains biases and batch norm alone."""
    with pydn.load(
        LINEAR.replace(b"decay=", b"burn_in=2\ndecay=").replace(b"output=2", b"output=2\nburnin_update=2")
    ) as net:
        before = net.layers[0].weights.copy()
        changed = []
        for _ in range(4):
            net.train_step(X, CLASSES)
            changed.append(bool(np.any(net.layers[0].weights != before)))
        assert changed == [False, False, False, True]
    with pydn.load(LINEAR.replace(b"output=2", b"output=2\ntrain_only_bn=1")) as net:
        weights, biases = net.layers[0].weights.copy(), net.layers[0].biases.copy()
        net.train_step(X, CLASSES)
        np.testing.assert_array_equal(net.layers[0].weights, weights)
        assert np.any(net.layers[0].biases != biases)
