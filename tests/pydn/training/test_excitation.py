"""`assisted_excitation`: outputs are raised where the truth has boxes, beside numpy in float64."""

import logging
import math

import numpy as np
import pytest

import pydn
from pydn._core.training import TrainingNetwork
from pydn.training.validation import _plain_copy

from ...reference.excitation import excited, mask, strength
from ...reference.types import Array

CFG = """[net]
batch={batch}
subdivisions={subdivisions}
width=5
height=4
channels=2
max_batches=11
burn_in=2
{net}
[convolutional]
filters=7
size=1
activation=leaky
assisted_excitation={until}
{layer}
"""
YOLO = "[yolo]\nmask=0\nanchors=2,3\nnum=1\nclasses=2\nmax=3\n"
RNG = np.random.default_rng(5)
X = RNG.normal(0.2, 1, (2, 2, 4, 5)).astype(np.float32)
WEIGHTS = RNG.normal(0.3, 1, (7, 2, 1, 1)).astype(np.float32)
BOXES = [np.array([[0.3, 0.41, 0.19, 0.3], [0.9, 0.8, 0.41, 0.51]]), np.array([[0.05, 0.1, 0.31, 0.11]])]


def rows() -> Array:
    """x, y, w, h, class, track: classes that the head does not have count too; a box behind the end does not."""
    found = np.zeros((2, 3, 6), np.float32)
    found[0, :2, :4], found[1, :1, :4] = BOXES
    found[:, 0, 4] = 1, 7
    found[1, 2] = 0.5, 0.5, 1, 1, 0, 0
    return found.reshape(2, 18)


def made(until: int, device: str, net: str = "", layer: str = "", **options: object) -> TrainingNetwork:
    cfg = CFG.format(batch=2, subdivisions=1, until=until, net=net, layer=layer) + YOLO
    made = TrainingNetwork(cfg.encode(), batch=0, training=True, outputs="all", device=device, **options)
    made.weights[0, "weights"][...] = WEIGHTS
    return made


def leaky(z: Array) -> Array:
    return np.where(z > 0, z, 0.1 * z)


def products() -> Array:
    return np.asarray(np.einsum("fc,nchw->nfhw", WEIGHTS[:, :, 0, 0].astype(float), X))


def test_cells_by_hand() -> None:
    """Of the oracle: a box from 0.2 to 0.4 of 5 columns touches the second one, the third comes on top of it."""
    expected = [[0, 0, 0, 0, 0], [0, 1, 1, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 0, 0]]
    np.testing.assert_array_equal(mask(BOXES[0][:1], 4, 5), expected)


@pytest.mark.parametrize("cpu", [False, True])
@pytest.mark.parametrize("until", [1, 6])
@pytest.mark.parametrize("device", ["ref", "cpu"])
def test_forward_and_backward(device: str, until: int, cpu: bool) -> None:
    net = made(until, device, "reference_cpu=1" if cpu else "", input_delta=True)
    net.set_truth(rows())
    z, strengths = products(), []
    for iteration in range(9):
        a = strength(until, iteration, 2, 11, cpu=cpu)
        strengths.append(a)
        net.set_clock(iteration=iteration)
        net.forward(X)
        np.testing.assert_allclose(net.layers[0].output, excited(leaky(z), BOXES, a), rtol=1e-5, atol=1e-6)
    assert len({round(a, 6) for a in strengths}) > 3
    net.loss()
    net.backward()
    delta = net.delta(1)
    assert delta is not None
    assert delta.any()
    back = delta.reshape(z.shape) * np.where(z > 0, 1, 0.1)
    expected = np.einsum("fc,nfhw->nchw", WEIGHTS[:, :, 0, 0].astype(float), back)
    np.testing.assert_allclose(net.input_delta, expected, rtol=1e-4, atol=1e-6)


def test_schedule_by_hand() -> None:
    """The formulas of the oracle at points where the cosine is known."""
    assert strength(1, 0, 5, 12, cpu=False) == 1
    assert strength(1, 6, 5, 12, cpu=False) == pytest.approx(0.5)
    assert strength(1, 7, 5, 12, cpu=False) == 0
    assert strength(8, 1, 2, 12, cpu=False) == 0
    assert strength(8, 5, 2, 12, cpu=False) == pytest.approx(0.5)
    assert strength(8, 9, 2, 12, cpu=False) == 0
    assert strength(1, 0, 5, 12, cpu=True) == 2
    assert strength(8, 4, 5, 12, cpu=True) == pytest.approx(1)
    assert strength(1, 4, 5, 12, cpu=True) == pytest.approx(1 + math.cos(math.pi / 3))


def test_before_the_blur() -> None:
    """With antialiasing= what is raised is blurred."""
    outputs = []
    for until, iteration in ((1, 0), (0, 0)):
        net = made(until, "cpu", layer="antialiasing=1\nstride=1")
        net.set_truth(rows())
        net.set_clock(iteration=iteration)
        net.forward(X)
        outputs.append(net.layers[0].output.astype(float))
    raised = np.abs(outputs[0] - outputs[1]).max(1) > 1e-6
    touched = np.stack([mask(boxes, 4, 5) for boxes in BOXES]) > 0
    assert raised[touched].all()
    assert raised[~touched].any(), "not before the blur"


def test_each_mini_batch_by_its_own_truth() -> None:
    """A session hands them in before forward; forwards of inference, and the measure "loss", know nothing of it."""
    cfg = CFG.format(batch=2, subdivisions=2, until=1, net="", layer="") + YOLO
    with pydn.load(cfg.encode()) as net:
        net.layers[0].weights[...] = WEIGHTS
        session = net.session(outputs="all")
        z = products()
        session.step(X, rows())
        expected = excited(leaky(z[1:]), BOXES[1:], 1.0)
        np.testing.assert_allclose(session.network.layers[0].output, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("head", ["", "[softmax]\n"])
def test_without_boxes(head: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is raised, and that is said."""
    cfg = CFG.format(batch=2, subdivisions=1, until=1, net="", layer="") + head
    with pydn.load(cfg.encode()) as net, caplog.at_level(logging.WARNING, "pydn"):
        net.layers[0].weights[...] = WEIGHTS
        session = net.session(outputs="all")
        if head:
            session.network.set_truth(np.full((2, 140), 0.5, np.float32))
        session.forward(X)
        np.testing.assert_allclose(session.network.layers[0].output, leaky(products()), rtol=1e-5, atol=1e-6)
    assert "assisted_excitation=1" in caplog.text


def test_a_truth_of_another_shape() -> None:
    net = made(1, "cpu")
    with pytest.raises(ValueError, match=r"\(2, 17\) was given, \(2, 18\)"):
        net.set_truth(rows()[:, 1:].copy())
    with pytest.raises(TypeError, match="truth: a float32"):
        net.set_truth("boxes")
    net.close()
    with pytest.raises(ValueError, match="closed"):
        net.set_truth(rows())


def test_losses_of_pictures_that_are_only_measured() -> None:
    """For measure="loss" nothing is dropped, and nothing raised."""
    cfg = CFG.format(batch=2, subdivisions=1, until=1, net="", layer="") + YOLO
    with pydn.load(cfg.encode()) as net:
        net.layers[0].weights[...] = WEIGHTS
        measured = _plain_copy(net).session(outputs="all").network
        measured.set_truth(rows())
        measured.forward(X)
        np.testing.assert_allclose(measured.layers[0].output, leaky(products()), rtol=1e-5, atol=1e-6)
