"""`adversarial_lr`: when pictures move, by how much, and where to."""

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

import pydn
from pydn import demo_training
from pydn.training.adversarial import Adversary
from pydn.training.attention import AttentionFiles, attention

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


def test_attention_by_hand() -> None:
    """Four blocks of 4×4 pixels, of which the corners keep their values through the blur."""
    values = np.kron([[0.0, 1.0], [3.0, 8.0]], np.ones((4, 4))) / 3
    found = attention(np.stack([values] * 3).astype(np.float32))
    assert found.shape == (8, 8)
    corners = found[[0, 0, -1, -1], [0, -1, 0, -1]]  # the sums' mean is 3, 8 lies between the least and the largest
    np.testing.assert_allclose(corners, [4 * 3 / 8, 4 * 2 / 8, 0, 4 * 5 / 8], atol=1e-6)
    assert not attention(np.ones((3, 8, 8), np.float32)).any()


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_of_attention(channels: int, tmp_path: Path) -> None:
    """Red over the image, that shines through; of the first mini-batch of an iteration."""
    keep = AttentionFiles(tmp_path / "net")
    delta = np.kron([[0.0, 0.25], [0.25, 0.5]], np.ones((4, 4))).astype(np.float32) / channels
    deltas = np.stack([[delta] * channels] * 2)
    x = np.zeros((2, channels, 8, 8), np.float32)
    x[0] = np.linspace(0.25, 0.5, channels)[:, None, None]
    keep(7, x, deltas)
    keep(7, 0 * x, deltas)
    blue, green, red = 255 * 0.3 * np.array([0.5, 0.375, 0.25] if channels == 3 else [0.25] * 3)
    both, alone = (cv2.imread(str(tmp_path / f"net_attention{part}.png")) for part in ("", "_mask"))
    assert (sorted(path.name for path in tmp_path.iterdir())) == ["net_attention.png", "net_attention_mask.png"]
    np.testing.assert_allclose(both[0, 0], [blue, green, 255], atol=0.51)  # 0.7 · 4 · 0.5 and more are 1
    np.testing.assert_allclose(both[0, -1], [blue, green, red], atol=0.51)
    np.testing.assert_array_equal(alone[[0, 0], [0, -1]], [[0, 0, 255], [0, 0, 0]])
    keep(8, 0 * x, deltas)
    assert not cv2.imread(str(tmp_path / "net_attention.png"))[..., :2].any()


@pytest.mark.parametrize("key", ["attention=1", ""])
def test_a_training_keeps_them(key: str, tmp_path: Path) -> None:
    data = demo_training.draw_set(tmp_path / "set", train=4, valid=1)
    keys = f"[net]\n{key}\nadversarial_lr=0.1\n".encode()
    cfg = demo_training.cfg(8).replace(b"[net]\n", keys).replace(b"burn_in=30", b"burn_in=0")
    with pydn.load(cfg, data=data) as net:
        net.train(data, batch=1, backup=tmp_path / "kept", base="shapes")
    names = {path.name for path in (tmp_path / "kept").iterdir()}
    assert ({"shapes_attention.png", "shapes_attention_mask.png"} <= names) == bool(key)
    if key:
        picture = cv2.imread(str(tmp_path / "kept" / "shapes_attention.png"))
        assert picture.shape == (128, 160, 3)
