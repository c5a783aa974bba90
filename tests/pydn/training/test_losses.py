"""Losses of [softmax], [logistic] and [cost]: numpy beside central differences, every engine beside numpy."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pydn._core.training import TrainingNetwork

from ...reference.activations import logistic
from ...reference.cost import cost_loss
from ...reference.differences import central_difference
from ...reference.logistic import logistic_loss
from ...reference.softmax import softmax_loss, softmax_parts, softmax_spatial
from ...reference.types import Array

Engine = tuple[str, str | None]
SHAPE = (12, 2, 3)
VALUES = 12 * 2 * 3
TREE = b"a -1\nb -1\nc -1\nd 0\ne 0\nf 2\ng 2\nh 4\ni 4\nj 4\nk 6\nl 6\n"
GROUPS = [3, 2, 2, 3, 2]


def run(
    kind: str,
    keys: dict[str, Any],
    x: Array,
    truth: Array,
    engine: Engine,
    *,
    dialect: str = "alexeyab",
    net: str = "",
) -> tuple[float, NDArray[np.float32]]:
    """Cost and delta of the layer right behind the input."""
    batch, channels, height, width = x.shape
    lines = [f"[net]\nwidth={width}\nheight={height}\nchannels={channels}\nbatch={batch}\n{net}\n[{kind}]"]
    cfg = "\n".join([*lines, *(f"{k}={v}" for k, v in keys.items())]).encode() + b"\n"
    device, isa = engine
    files = {"t.tree": TREE}
    made = TrainingNetwork(cfg, batch=0, training=True, dialect=dialect, device=device, isa=isa, files=files)
    made.forward(x.astype(np.float32))
    loss = made.loss(truth.astype(np.float32).reshape(batch, -1))
    delta = made.delta(0)
    assert delta is not None
    return loss, delta.reshape(batch, -1)


def check(found: tuple[float, NDArray[np.float32]], wanted: tuple[float, Array]) -> None:
    np.testing.assert_allclose(found[1], wanted[1].reshape(found[1].shape), rtol=1e-5, atol=2e-7)
    assert found[0] == pytest.approx(wanted[0], rel=1e-5)


def inputs(rng: np.random.Generator, shape: tuple[int, ...] = SHAPE) -> Array:
    return rng.normal(0, 1.5, (2, *shape)).astype(np.float32).astype(float)


def one_of_each(rng: np.random.Generator, sizes: list[int]) -> Array:
    """Two images with one class in every part."""
    return np.concatenate([np.eye(size)[rng.integers(size, size=2)] for size in sizes], axis=1)


# ---- [softmax] ----


@pytest.mark.parametrize("temperature", [1, 2.5])
@pytest.mark.parametrize("groups", [1, 4])
def test_softmax(groups: int, temperature: float, engine: Engine, rng: np.random.Generator) -> None:
    x, sizes = inputs(rng), [VALUES // groups] * groups
    truth = one_of_each(rng, sizes)
    p = softmax_parts(x, sizes, temperature)
    found = run("softmax", {"groups": groups, "temperature": temperature}, x, truth, engine)
    check(found, softmax_loss(p, truth))


def test_softmax_spatial(engine: Engine, rng: np.random.Generator) -> None:
    x = inputs(rng)
    truth = np.eye(12)[rng.integers(12, size=(2, 2, 3))].transpose(0, 3, 1, 2).reshape(2, -1)
    check(run("softmax", {"spatial": 1}, x, truth, engine), softmax_loss(softmax_spatial(x), truth))


@pytest.mark.parametrize("temperature", [1, 2.5])
def test_delta_of_softmax_is_the_gradient_but_for_the_temperature(temperature: float, rng: np.random.Generator) -> None:
    """`truth` adds up to 1 in each part, with all in one place or spread (then every cost counts by its share)."""
    x, sizes = rng.normal(size=(2, 12)), [4, 8]
    for share in (1.0, 0.9):
        truth = share * one_of_each(rng, sizes) + (1 - share) / np.repeat(sizes, sizes)

        def energy(values: Array, truth: Array = truth) -> Array:
            return np.array([-(truth * np.log(softmax_parts(values, sizes, temperature))).sum()])

        slope = central_difference(energy, x, np.ones(1))
        cost, delta = softmax_loss(softmax_parts(x, sizes, temperature), truth)
        np.testing.assert_allclose(delta, -temperature * slope, atol=1e-7)
        assert share != 1 or cost == pytest.approx(energy(x)[0])


def tree_truth(hidden: float) -> Array:
    """Class i (and e and a above it), class c alone: three groups say something of the one, one of the other."""
    truth = np.zeros((2, 12))
    truth[0, [0, 4, 8]] = 1
    truth[1, 2] = 1
    for row, unknown in zip(truth, ([5, 6, 10, 11], range(3, 12)), strict=True):
        row[list(unknown)] = hidden
    return truth


@pytest.mark.parametrize("hidden", [0, -1234])
@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
def test_groups_of_a_tree_without_a_truth_learn_nothing(
    dialect: str, hidden: float, engine: Engine, rng: np.random.Generator
) -> None:
    x, truth = inputs(rng, (12, 1, 1)), tree_truth(hidden)
    p = softmax_parts(x, GROUPS)
    found = run("softmax", {"tree": "t.tree"}, x, truth, engine, dialect=dialect)
    check(found, softmax_loss(p, truth, GROUPS))
    silent = np.array([[0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1], [0, 0, 0, *[1] * 9]], bool)
    assert not found[1][silent].any()
    assert found[1][~silent].all()

    def energy(values: Array) -> Array:
        return np.array([-np.log(softmax_parts(values, GROUPS))[truth == 1].sum()])

    slope = central_difference(energy, x.reshape(2, -1), np.ones(1))
    np.testing.assert_allclose(found[1], -slope, atol=1e-6)


def test_the_cpu_code_of_the_reference_knows_no_silent_groups(engine: Engine, rng: np.random.Generator) -> None:
    x, truth = inputs(rng, (12, 1, 1)), tree_truth(0)
    found = run("softmax", {"tree": "t.tree"}, x, truth, engine, net="reference_cpu=1")
    check(found, softmax_loss(softmax_parts(x, GROUPS), truth))


# ---- [logistic] ----


def test_logistic(engine: Engine, rng: np.random.Generator) -> None:
    x = inputs(rng)
    truth = rng.choice([0, 1, 0.3], (2, VALUES)).astype(np.float32).astype(float)
    found = run("logistic", {}, x, truth, engine, dialect="pjreddie")
    check(found, logistic_loss(logistic(x.reshape(2, -1)), truth))


def test_delta_of_logistic_is_the_gradient(rng: np.random.Generator) -> None:
    x, truth = rng.normal(size=(2, 12)), rng.choice([0, 1, 0.3], (2, 12))
    slope = central_difference(lambda v: np.array([logistic_loss(logistic(v), truth)[0]]), x, np.ones(1))
    np.testing.assert_allclose(logistic_loss(logistic(x), truth)[1], -slope, atol=1e-7)


# ---- [cost] ----

KINDS = ("sse", "masked", "smooth", "L1", "seg", "wgan")
THEIRS = {"noobj": 0.25, "thresh": 20}  # of pjreddie: thresh / 72 values = 0.28


def cost_truth(rng: np.random.Generator, kind: str) -> Array:
    truth = rng.choice([0, 1], (2, VALUES)) if kind in ("seg", "wgan") else rng.normal(size=(2, VALUES))
    if kind == "masked":
        truth = np.where(rng.random(truth.shape) < 0.3, -1234, truth)
    return truth.astype(np.float32).astype(float)


@pytest.mark.parametrize("as_cpu", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_cost_of_alexeyab(kind: str, as_cpu: int, engine: Engine, rng: np.random.Generator) -> None:
    """L1, seg and wgan are sse there, unless cost_by_name=1 says otherwise."""
    x, truth = inputs(rng), cost_truth(rng, kind)
    net = f"reference_cpu={as_cpu}\n"
    flat = x.reshape(2, -1)
    computed = kind if kind in KINDS[:3] else "sse"
    check(run("cost", {"type": kind, **THEIRS}, x, truth, engine, net=net), cost_loss(flat, truth, computed))
    named = run("cost", {"type": kind, **THEIRS}, x, truth, engine, net=f"{net}cost_by_name=1")
    check(named, cost_loss(flat, truth, kind, 0.25, 20))


@pytest.mark.parametrize("kind", KINDS)
def test_cost_of_pjreddie(kind: str, engine: Engine, rng: np.random.Generator) -> None:
    x, truth = inputs(rng), cost_truth(rng, kind)
    found = run("cost", {"type": kind, **THEIRS}, x, truth, engine, dialect="pjreddie")
    check(found, cost_loss(x.reshape(2, -1), truth, kind, 0.25, 20))


@pytest.mark.parametrize("kind", KINDS)
def test_cost_of_the_cpu_code_of_pjreddie(kind: str, engine: Engine, rng: np.random.Generator) -> None:
    """It has neither seg nor wgan nor thresh, and in smooth the wrong sign beyond 1."""
    x, truth = inputs(rng), cost_truth(rng, kind)
    keys = {"type": kind, **THEIRS}
    found = run("cost", keys, x, truth, engine, dialect="pjreddie", net="reference_cpu=1")
    flat = x.reshape(2, -1)
    cost, delta = cost_loss(flat, truth, "sse" if kind in ("seg", "wgan") else kind)
    if kind == "smooth":
        delta = np.where(np.abs(truth - flat) < 1, delta, -delta)
    check(found, (cost, delta))


@pytest.mark.parametrize(("kind", "factor"), [(k, 1 if k in ("L1", "wgan") else 2) for k in KINDS])
def test_delta_of_cost_is_the_gradient_or_half_of_it(kind: str, factor: int, rng: np.random.Generator) -> None:
    x, truth = rng.normal(0, 1.5, (2, VALUES)), cost_truth(rng, kind)
    slope = central_difference(lambda v: np.array([cost_loss(v, truth, kind, 0.25)[0]]), x, np.ones(1))
    delta = cost_loss(x, truth, kind, 0.25)[1]
    if kind == "smooth":
        far = np.abs(truth - x) >= 1
        assert 0.1 < far.mean() < 0.9
        factor = 2  # of 2 · |d| − 1, as of d²
    np.testing.assert_allclose(factor * delta, -slope, atol=1e-6)
