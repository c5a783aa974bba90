"""`sway`, `rotate`, `stretch`, `stretch_sway`: groups of filters follow the first one, beside numpy in float64."""

from typing import Any

import numpy as np
import pytest

from pydn._core.training import TrainingNetwork

from ...reference.types import Array

CFG = """[net]
batch=2
width=5
height=5
channels=2
max_batches=8
{net}
[convolutional]
filters=16
size={size}
{key}=1
angle=20
"""
ROUNDS, DECAY, RATE, MOMENTUM, IMAGES = 4, 0.1, 0.5, 0.9, 2


def sampled(kernel: Array, matrix: Array) -> Array:
    """The kernel at matrix · place, places counted from the value size / 2: every value weighs as a tent of width 1."""
    size = len(kernel)
    ys, xs = np.mgrid[:size, :size] - size // 2
    at_x, at_y = (row[0] * xs + row[1] * ys for row in matrix)
    across = np.maximum(0, 1 - np.abs(at_x[..., None] - xs[0]))
    down = np.maximum(0, 1 - np.abs(at_y[..., None] - ys[:, 0]))
    return np.asarray(np.einsum("yxi,yxj,ji->yx", across, down, kernel))


def turned(kernel: Array, degrees: float) -> Array:
    """Made up for what lies outside of the kernel."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.array([[c, s], [-s, c]])
    return sampled(kernel, matrix) * kernel.size / sampled(np.ones_like(kernel), matrix).sum()


def stretched(kernel: Array, by: float, always: bool) -> Array:
    return sampled(kernel, np.eye(2) / by) / (by if always or by > 1 else 1)


FORMS: dict[str, Any] = {
    "rotate": [lambda k, n=n: np.rot90(k, -n) for n in range(4)],
    "sway": [lambda k: k, lambda k: turned(k, 20), lambda k: turned(k, -20), lambda k: k[:, ::-1]],
    "stretch": [lambda k: k, *(lambda k, s=s: stretched(k, s, True) for s in (0.65, 0.8, 1.3))],
    "stretch_sway": [
        lambda k: k,
        *(lambda k, s=s: stretched(k, s, False) for s in (0.65, 0.8, 1.2, 1.4)),
        lambda k: turned(k, 20),
        lambda k: turned(k, -20),
        lambda k: k[:, ::-1],
    ],
}


def matrices(key: str, size: int) -> list[Array]:
    """What each group's kernels, as vectors, are made by."""
    units = np.eye(size * size).reshape(-1, size, size)
    return [np.stack([form(unit).ravel() for unit in units], 1) for form in FORMS[key]]


def network(key: str, size: int, net: str = "", dialect: str = "alexeyab") -> TrainingNetwork:
    cfg = CFG.format(key=key, size=size, net=net).encode()
    return TrainingNetwork(cfg, batch=0, training=True, dialect=dialect)


def update(net: TrainingNetwork, iteration: int) -> Array:
    """One with a gradient by chance, which is returned as kernels in rows."""
    gradient = net.gradient(0, "weights")
    assert gradient is not None
    fresh = np.random.default_rng(iteration).normal(size=gradient.shape).astype(np.float32)
    gradient += fresh
    net.update(learning_rate=RATE, images=IMAGES, momentum=MOMENTUM, decay=DECAY, iteration=iteration)
    return fresh.astype(float).reshape(-1, gradient.shape[2] ** 2)


@pytest.mark.parametrize("size", [3, 4, 5])
@pytest.mark.parametrize("key", FORMS)
def test_updates(key: str, size: int) -> None:
    """The first group moves by the mean of what all groups say about it, with decay and momentum."""
    forms, net = matrices(key, size), network(key, size)
    groups = len(forms)
    weights = net.weights[0, "weights"]
    w = weights.astype(float).reshape(groups, -1, size * size)[0]
    u = np.zeros_like(w)
    for iteration in range(1, ROUNDS + 1):
        parts = update(net, iteration).reshape(groups, -1, size * size)
        mean = sum(part @ form for part, form in zip(parts, forms, strict=True)) / groups
        step = u + mean - DECAY * IMAGES * w
        w, u = w + RATE / IMAGES * step, MOMENTUM * step
        found = weights.reshape(groups, -1, size * size)
        for group, form in enumerate(forms):
            np.testing.assert_allclose(found[group], w @ form.T, rtol=1e-4, atol=1e-5, err_msg=f"group {group}")
    before = weights.astype(float).reshape(-1, size * size)  # after half of max_batches every filter is by itself
    left = np.concatenate([u, np.zeros((len(before) - len(u), size * size))])
    moved = before + RATE / IMAGES * (left + update(net, ROUNDS + 1) - DECAY * IMAGES * before)
    np.testing.assert_allclose(weights.reshape(-1, size * size), moved, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("net", "dialect"), [("reference_cpu=1", "alexeyab"), ("", "pjreddie")])
def test_where_filters_stay_by_themselves(net: str, dialect: str) -> None:
    made = network("rotate", 3, net, dialect)
    weights = made.weights[0, "weights"]
    before = weights.astype(float)
    gradient = update(made, 1).reshape(before.shape)
    expected = before + RATE / IMAGES * (gradient - DECAY * IMAGES * before)
    np.testing.assert_allclose(weights, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("size", "filters"), [(1, 16), (3, 6)])
def test_what_has_no_groups_is_named(size: int, filters: int, caplog: pytest.LogCaptureFixture) -> None:
    text = CFG.format(key="sway", size=size, net="").replace("filters=16", f"filters={filters}")
    TrainingNetwork(text.encode(), batch=0, training=True)
    assert f"a multiple of 4 filters, these are {filters} of size {size}" in caplog.text
    caplog.clear()
    network("sway", 3)
    assert not caplog.text
