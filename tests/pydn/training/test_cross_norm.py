"""`cbn=1`: batch norm by the statistics of the mini-batches of an iteration so far, beside numpy in float64."""

import numpy as np
import pytest

from pydn._core.training import TrainingNetwork

from ...reference.differences import slope
from ...reference.types import Array

CFG = """[net]
batch=6
subdivisions=3
width=3
height=2
channels=2
batchnorm_momentum=0.75
{net}
[convolutional]
filters=3
size=1
activation=linear
{layer}
"""
KEYS = pytest.mark.parametrize("key", ["cbn=1", "batch_normalize=2", "batch_normalize=1\ncbn=1"])
X = np.random.default_rng(1).normal(0.3, 1, (6, 2, 2, 3)).astype(np.float32)


class ByHand:
    """The layer, in float64."""

    def __init__(self) -> None:
        rng = np.random.default_rng(2)
        self.weights = rng.normal(size=(3, 2, 1, 1)).astype(np.float32)
        self.scales, self.biases = (rng.uniform(0.5, 2, 3).astype(np.float32) for _ in range(2))

    def statistics(self, x: Array) -> tuple[Array, Array]:
        """Mean, and variance plus its square, of the products of a mini-batch."""
        z = np.einsum("fc,nchw->nfhw", self.weights[:, :, 0, 0].astype(float), x)
        mean = z.mean((0, 2, 3))
        return mean, z.var((0, 2, 3), ddof=1) + mean**2

    def of(self, parts: list[Array]) -> tuple[Array, Array, Array]:
        """The output for the last mini-batch, and the mean and variance that it was normalized by."""
        means, squares = (np.mean(values, 0) for values in zip(*map(self.statistics, parts), strict=True))
        variance = squares - means**2
        z = np.einsum("fc,nchw->nfhw", self.weights[:, :, 0, 0].astype(float), parts[-1])
        row = (slice(None), None, None)
        apart = (z - means[row]) / np.sqrt(variance[row] + 1e-5)
        return self.scales.astype(float)[row] * apart + self.biases.astype(float)[row], means, variance


def made(key: str, device: str, hand: ByHand, net: str = "") -> TrainingNetwork:
    cfg = CFG.format(layer=key, net=net).encode()
    network = TrainingNetwork(cfg, batch=0, training=True, input_delta=True, device=device)
    for name in ("weights", "scales", "biases"):
        network.weights[0, name][...] = getattr(hand, name)
    return network


@KEYS
@pytest.mark.parametrize("device", ["ref", "cpu"])
def test_forward_and_backward(device: str, key: str) -> None:
    """Two iterations: the first mini-batch of the second one knows nothing of the first one."""
    hand = ByHand()
    net = made(key, device, hand)
    rolling = [net.weights[0, name].astype(float) for name in ("rolling_mean", "rolling_variance")]
    for iteration in range(2):
        for k in range(3):
            parts = [X[2 * i : 2 * i + 2].astype(float) * (iteration + 1) for i in range(k + 1)]
            net.set_clock(iteration=iteration, image=2 * k)
            (y,) = net.forward(parts[-1].astype(np.float32))
            expected, mean, variance = hand.of(parts)
            np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
            rolling = [0.75 * old + 0.25 * new for old, new in zip(rolling, (mean, variance), strict=True)]
            check_slope(net, hand, parts)
    np.testing.assert_allclose(net.weights[0, "rolling_mean"], rolling[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(net.weights[0, "rolling_variance"], rolling[1], rtol=1e-5)


def check_slope(net: TrainingNetwork, hand: ByHand, parts: list[Array]) -> None:
    """By the pictures of this mini-batch, those before it as they are; and by scales and biases."""
    rng = np.random.default_rng(3)
    head = net.delta(0)
    assert head is not None
    delta = rng.normal(size=head.shape).astype(np.float32)
    before = {name: net.gradient(0, name).copy() for name in ("scales", "biases")}
    head[...] = delta
    net.backward()
    found = net.input_delta.astype(float)
    delta = delta.astype(float)

    def output(x: Array) -> Array:
        return hand.of([*parts[:-1], x])[0]

    for _ in range(3):
        direction = rng.uniform(-1, 1, found.shape)
        expected = slope(output, output(parts[-1]), parts[-1], delta, direction)
        assert float((found * direction).sum()) == pytest.approx(expected, abs=1e-5 * np.abs(delta).sum())
    apart = (output(parts[-1]) - hand.biases[:, None, None]) / hand.scales[:, None, None]
    by_hand = {"scales": (delta * apart).sum((0, 2, 3)), "biases": delta.sum((0, 2, 3))}
    for name, gradient in by_hand.items():
        np.testing.assert_allclose(net.gradient(0, name) - before[name], gradient, rtol=1e-4, atol=1e-5)


def test_as_the_reference_on_a_cpu() -> None:
    """There it is batch_normalize=1."""
    hand, outputs = ByHand(), []
    for key in ("cbn=1", "batch_normalize=1"):
        net = made(key, "cpu", hand, "reference_cpu=1")
        for k in range(3):
            net.set_clock(image=2 * k)
            (y,) = net.forward(X[2 * k : 2 * k + 2])
        outputs.append(y.copy())
    np.testing.assert_array_equal(*outputs)
