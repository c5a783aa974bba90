"""Ternary, binary and xnor convolutions train straight through: against numpy, on every device and instruction set."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from tests.reference import quantized
from tests.reference.convolutional import convolve

import pydn
from pydn._core.training import TrainingNetwork
from pydn._core.weights import Weights
from pydn.tools import pack_ternary, ternarize, ternary_values, unpack_ternary
from pydn.training import Session
from pydn.training.checkpoint import restore, save

Engine = tuple[str, str | None]
NET = "[net]\nbatch=2\nsubdivisions=1\nwidth=7\nheight=6\nchannels=3\nlearning_rate=0.1\nmomentum=0.9\ndecay=0.01\n{}\n"
FIRST = "[convolutional]\nfilters=5\nsize=3\npad=1\nactivation=linear\n"
SECOND = "[convolutional]\nfilters=4\nsize=3\nstride={stride}\npad=1\nactivation=linear\n{form}=1\n"
LEARNS = (
    NET.format("max_batches=50")
    + "[convolutional]\nbatch_normalize=1\nfilters=8\nsize=3\nstride=2\npad=1\nactivation=leaky\n"
    + "[convolutional]\nbatch_normalize=1\nfilters=8\nsize=3\npad=1\nactivation=leaky\nternary=1\n"
    + "[convolutional]\nfilters=2\nsize=1\nactivation=linear\nternary=1\n[avgpool]\n[softmax]\n"
).encode()
TERNARY = [(1, "weights"), (2, "weights")]
FORMS = {"ternary": quantized.ternary, "binary": quantized.binary, "xnor": quantized.binary}


def close(found: np.ndarray | None, expected: np.ndarray) -> None:
    assert found is not None
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max(), rtol=2e-5)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("form", FORMS)
def test_outputs_deltas_and_gradients(form: str, stride: int, engine: Engine) -> None:
    """Two convolutions, the second of the form: what it computes, what it hands back, what its weights are told."""
    text = NET.format("binary_by_name=1") + FIRST + SECOND.format(form=form, stride=stride)
    device, isa = engine
    net = TrainingNetwork(text.encode(), None, batch=0, training=True, device=device, isa=isa, outputs="all")
    rng = np.random.default_rng(3)
    x = rng.standard_normal((2, 3, 6, 7), dtype=np.float32)
    first, second = (net.weights[k, "weights"].astype(float) for k in (0, 1))
    y = net.forward(x)[0]
    inner = convolve(x.astype(float), first, padding=1)
    weights = FORMS[form](second)
    read = quantized.signs(inner) if form == "xnor" else inner
    close(y, convolve(read, weights, padding=1, stride=(stride, stride)))
    delta = rng.standard_normal(y.shape, dtype=np.float32)
    net.delta(1)[...] = delta
    net.backward()
    inner_delta, gradient = quantized.backward(read, weights, delta.astype(float), padding=1, stride=stride)
    if form == "xnor":
        inner_delta = quantized.through_signs(inner, inner_delta)
    close(net.gradient(1, "weights"), gradient)
    close(net.gradient(0, "weights"), quantized.backward(x.astype(float), first, inner_delta, padding=1)[1])


def test_the_update_moves_the_weights_themselves(engine: Engine) -> None:
    """Also where they are 0 in the ternary form; momentum and decay are those of any weights."""
    device, isa = engine
    text = NET.format("") + SECOND.format(form="ternary", stride=1)
    net = TrainingNetwork(text.encode(), None, batch=0, training=True, device=device, isa=isa)
    weights = net.weights[0, "weights"]
    before, x = weights.astype(float), np.random.default_rng(1).standard_normal((2, 3, 6, 7), dtype=np.float32)
    assert (quantized.ternary(before) == 0).any()
    momentum, expected = np.zeros_like(before), before.copy()
    for iteration in (1, 2):
        y = net.forward(x)[0].astype(float)
        biases = net.weights[0, "biases"].astype(float)[:, None, None]
        net.delta(0)[...] = -y
        net.backward()
        net.update(learning_rate=0.1, images=2, momentum=0.9, decay=0.01, iteration=iteration)
        formed = quantized.ternary(expected)
        close(y, convolve(x.astype(float), formed, padding=1) + biases)
        momentum += quantized.backward(x.astype(float), formed, -y, padding=1)[1] - 0.01 * 2 * expected
        expected = expected + 0.1 / 2 * momentum
        momentum *= 0.9
        close(weights, expected)
    assert len(np.unique(weights)) > 3


def test_dilated_and_grouped(engine: Engine) -> None:
    """The form is of the whole layer, whatever its groups: the same as a plain layer that has the formed weights."""
    text = NET.format("") + "[convolutional]\nfilters=6\nsize=3\ngroups=3\npad=1\ndilation=2\nactivation=leaky\n"
    device, isa = engine
    options = {"batch": 0, "training": True, "device": device, "isa": isa}
    net = TrainingNetwork(f"{text}ternary=1\n".encode(), None, **options)
    plain = TrainingNetwork(text.encode(), None, **options)
    for key, values in net.weights.items():
        plain.weights[key][...] = ternary_values(values) if key[1] == "weights" else values
    x = np.random.default_rng(5).standard_normal((2, 3, 6, 7), dtype=np.float32)
    for one in (net, plain):
        one.forward(x)
        one.delta(0)[...] = 1
        one.backward()
    np.testing.assert_array_equal(net.forward(x)[0], plain.forward(x)[0])
    np.testing.assert_array_equal(net.gradient(0, "weights"), plain.gradient(0, "weights"))


def test_devices_agree() -> None:
    """Ten iterations of the same network on the plain kernels and on the fast ones."""
    found = {}
    for device, isa in (("ref", None), ("cpu", "portable"), ("cpu", None)):
        with pydn.load(LEARNS, device=device, isa=isa) as net:
            train(net, 10)
            found[device, isa] = net.weights[1, "weights"].copy()
    expected = found.pop(("ref", None))
    for values in found.values():
        np.testing.assert_allclose(values, expected, atol=1e-4)


def batch_of(iteration: int) -> tuple[np.ndarray, np.ndarray]:
    """Two noisy pictures, one brighter on the left and one on the right, in either order."""
    rng = np.random.default_rng(iteration)
    x, classes = rng.standard_normal((2, 3, 6, 7)).astype(np.float32), np.array([iteration % 2, 1 - iteration % 2])
    x[:, 0, :, :3] += np.where(classes, 2, -2)[:, None, None]
    return x, classes


def train(net: pydn.Network, iterations: int, first: int = 0) -> list[float]:
    return [net.train_step(*batch_of(first + k)).loss for k in range(iterations)]


def session_steps(session: Session, iterations: int, first: int = 0) -> None:
    for k in range(iterations):
        session.step(*batch_of(first + k))


def test_it_learns() -> None:
    with pydn.load(LEARNS) as net:
        losses = train(net, 50)
        assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:10])


def test_files_have_three_values_a_layer(tmp_path: Path) -> None:
    """The file has the form of the weights of now; loaded again, it computes what the trained network computes."""
    with pydn.load(LEARNS) as net:
        size = len(net.weights.tobytes())
        train(net, 5)
        net.save(tmp_path / "t.weights")
        assert (tmp_path / "t.weights").stat().st_size == size
        again = pydn.load(LEARNS, tmp_path / "t.weights")
        for key, values in net.weights.items():
            if key in TERNARY:
                assert len(np.unique(again.weights[key])) <= 3 < len(np.unique(values))
                np.testing.assert_array_equal(again.weights[key], ternary_values(values))
            else:
                np.testing.assert_array_equal(again.weights[key], values)
        assert again.seen == net.seen == 10
        x = batch_of(99)[0]
        np.testing.assert_array_equal(net.forward(x)[0], again.forward(x)[0])
        assert not again.weights.shadow


def test_packed_after_training() -> None:
    """Two bits a weight, and back without a loss."""
    with pydn.load(LEARNS) as net:
        train(net, 5)
        packed = pack_ternary(net.weights)
        counts = [net.weights[key].size for key in TERNARY]
        floats = sum(values.size for values in net.weights.values()) - sum(counts)
        assert len(packed) == 36 + len(net.weights) + 4 * floats + sum(4 + -(-count // 4) for count in counts)
        back = unpack_ternary(packed, net.plan)
        assert back.tobytes() == net.weights.tobytes() == ternarize(net.weights).tobytes()


def test_partial_of_a_network_in_training(tmp_path: Path) -> None:
    """Nothing is zeroed: before the first forward the weights are as drawn, afterwards the first layers of `save`."""
    with pydn.load(LEARNS) as net:
        drawn = net.weights[1, "weights"].copy()
        net.partial(2, tmp_path / "p.weights")
        np.testing.assert_array_equal(pydn.load(LEARNS, tmp_path / "p.weights").weights[1, "weights"], drawn)
        train(net, 2)
        net.partial(2, tmp_path / "p.weights")
        net.seen = 0
        whole = net.weights.tobytes()
        part = (tmp_path / "p.weights").read_bytes()
        assert whole.startswith(part)
        assert len(part) < len(whole)
        assert np.abs(pydn.load(LEARNS, tmp_path / "p.weights").weights[1, "weights"]).max() > 0


def test_the_state_keeps_full_precision(tmp_path: Path) -> None:
    """Five iterations, state, five more: the same bytes as ten, which a start from the file of weights is not."""
    with pydn.load(LEARNS) as net:
        session = net.session()
        session_steps(session, 5)
        save(tmp_path / "n.state", session, {})
        net.save(tmp_path / "n.weights")
        session_steps(session, 5, 5)
        expected = {key: values.copy() for key, values in net.weights.items()}
    with pydn.load(LEARNS) as net:
        session = net.session()
        restore(tmp_path / "n.state", session)
        session_steps(session, 5, 5)
        for key, values in expected.items():
            np.testing.assert_array_equal(net.weights[key], values)
    with pydn.load(LEARNS, tmp_path / "n.weights") as net:
        session_steps(net.session(), 5, 5)
        assert (net.weights[1, "weights"] != expected[1, "weights"]).any()


@pytest.mark.parametrize("prepare", ["none", "fuse"])
def test_weights_of_files_are_computed_with_as_they_are(prepare: str, engine: Engine) -> None:
    """Unless ``ternarize=True``: then a file of floats is the network of its ternary form."""
    device, isa = engine
    weights = Weights(pydn.load(LEARNS).plan, seed=7)
    for layer in (0, 1):
        weights[layer, "rolling_variance"][...] = 1
    options = {"device": device, "isa": isa, "prepare": prepare}
    x = batch_of(0)[0]
    plain = pydn.load(LEARNS.replace(b"ternary=1", b"ternary=0"), weights.tobytes(), **options).forward(x)[0]
    formed = pydn.load(LEARNS, ternarize(weights).tobytes(), **options).forward(x)[0]
    net = pydn.load(LEARNS, weights.tobytes(), **options)
    np.testing.assert_array_equal(net.forward(x)[0], plain)
    asked = pydn.load(LEARNS, weights.tobytes(), ternarize=True, **options)
    np.testing.assert_array_equal(asked.forward(x)[0], formed)
    assert np.abs(formed - plain).max() > 1e-4
    assert asked.weights.tobytes() == ternarize(weights).tobytes()
    net.weights.shadow = True  # a network that was run before notices
    np.testing.assert_array_equal(net.forward(x)[0], formed)
    net.weights.shadow = False
    np.testing.assert_array_equal(net.forward(x)[0], plain)


def test_a_written_weight_is_seen() -> None:
    """Weights that somebody writes while the network is in training are made ternary anew."""
    with pydn.load(LEARNS) as net:
        train(net, 1)
        x = batch_of(0)[0]
        net.forward(x)
        net.weights[1, "weights"][...] *= np.linspace(0, 2, net.weights[1, "weights"].size).reshape(8, 8, 3, 3)
        after = net.forward(x)[0]
        np.testing.assert_array_equal(after, pydn.load(LEARNS, net.weights.tobytes()).forward(x)[0])


def test_weights_that_are_not_finite_stay() -> None:
    """A NaN is not made a 0 that nobody notices."""
    values = np.float32([1, np.nan, -2])
    np.testing.assert_array_equal(ternary_values(values), values)
    values = np.float32([1, np.inf, -2])
    np.testing.assert_array_equal(ternary_values(values), values)


def test_ternarize_without_ternary_layers(caplog: pytest.LogCaptureFixture) -> None:
    text = LEARNS.replace(b"ternary=1", b"")
    with caplog.at_level(logging.WARNING, "pydn"), pydn.load(text, ternarize=True) as net:
        assert not net.weights.shadow
    assert "nothing to make ternary" in caplog.text


def test_binary_is_plain_unless_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    """binary=1 computes with floats, as the reference on a CPU; the warning names the key that changes it."""
    text = (NET.format("") + SECOND.format(form="binary", stride=1)).encode()
    with caplog.at_level(logging.WARNING, "pydn"):
        net = TrainingNetwork(text, None, batch=0, training=True)
    assert "binary_by_name=1" in caplog.text
    x = np.random.default_rng(5).standard_normal((2, 3, 6, 7), dtype=np.float32)
    weights = net.weights[0, "weights"].astype(float)
    close(net.forward(x)[0], convolve(x.astype(float), weights, padding=1))
    caplog.clear()
    with caplog.at_level(logging.WARNING, "pydn"):
        named = text.replace(b"momentum", b"binary_by_name=1\nmomentum")
        net = pydn.load(named, batch=2)
        TrainingNetwork(named, None, batch=0, training=True)
    assert not caplog.text
    close(
        net.forward(x)[0],
        convolve(x.astype(float), quantized.binary(net.weights[0, "weights"].astype(float)), padding=1),
    )
