"""Gradients of the recurrent layers through time, beside central differences of their numpy oracles in float64.

A state that lasts from one mini-batch to the next is a constant there. [rnn] and [crnn] begin every mini-batch with
zeros."""

from collections.abc import Iterator
from copy import deepcopy
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from pydn._core.training import TrainingNetwork

from ...reference import network as reference
from ...reference.types import Array
from ..layers.support import Case, Engine, Row, conv, row

EPSILON = 1e-5


def behind(*rows: Row, steps: int = 3, dialect: str = "alexeyab", channels: int = 2) -> Case:
    """The layers behind a convolution, whose gradient says what arrives at their input."""
    shape = (2, 3, 4)
    return Case([conv(filters=channels, size=1), *rows], shape, batch=2, steps=steps, dialect=dialect)  # type: ignore[arg-type]


LSTM = {"size": 3, "pad": 1, "output": 2, "lstm_activation": "tanh"}
CASES = {
    "rnn": behind(row("rnn", output=3, hidden=2, activation="tanh")),
    "rnn, two": behind(row("rnn", output=3, hidden=4, activation="leaky", logistic=1), row("rnn", output=2, hidden=3)),
    "rnn, shortcut": behind(row("rnn", output=3, hidden=2, activation="logistic", shortcut=1)),
    "rnn, one step": behind(row("rnn", output=3, hidden=2, activation="tanh"), steps=1),
    "rnn, pjreddie": behind(row("rnn", output=3, activation="tanh"), dialect="pjreddie"),
    "crnn": behind(row("crnn", output=3, hidden=2, size=3, pad=1, activation="tanh")),
    "crnn, shortcut": behind(row("crnn", output=2, hidden=3, size=3, pad=1, activation="logistic", shortcut=1)),
    "crnn, pjreddie": behind(row("crnn", output_filters=2, hidden_filters=3, activation="tanh"), dialect="pjreddie"),
    "gru": behind(row("gru", output=3)),
    "gru, pjreddie": behind(row("gru", output=3, tanh=1), dialect="pjreddie"),
    "lstm": behind(row("lstm", output=3)),
    "lstm, pjreddie": behind(row("lstm", output=2), row("lstm", output=3), dialect="pjreddie"),
    "conv_lstm": behind(row("conv_lstm", **LSTM)),
    "conv_lstm, peephole": behind(row("conv_lstm", **LSTM, peephole=1, activation="tanh")),
    "conv_lstm, bottleneck": behind(row("conv_lstm", **LSTM, bottleneck=1, shortcut=1)),
    "conv_lstm, held": behind(row("conv_lstm", **{**LSTM, "lstm_activation": "linear"}, state_constrain=1)),
    "history": behind(row("history", history_size=3), conv(filters=2, size=3, pad=1, activation="tanh")),
    "history of few steps": behind(row("history", history_size=4), conv(filters=2, size=1), steps=2),
}  # fmt: skip


def inputs(case: Case) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of two mini-batches; values that make gates neither open nor shut."""
    one, two = np.random.default_rng(5).normal(0, 1, (2, *case.x.shape)).astype(np.float32)
    return one, two


def pull(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Minus the gradient of the loss by the last layer's output: the loss is its product with that output."""
    return np.random.default_rng(6).normal(0, 1, shape).astype(np.float32)


def places(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Some of a parameter's values, all where they are few."""
    count = int(np.prod(shape))
    some = np.random.default_rng(7).permutation(count)[:12]
    yield from (tuple(int(i) for i in np.unravel_index(k, shape)) for k in some)


@cache
def expected(name: str) -> tuple[list[Array], list[tuple[int, str, tuple[int, ...], float]]]:
    """What both mini-batches give out, and derivatives of the second one's sum, by central differences."""
    case = CASES[name]
    one, two = inputs(case)
    parameters: list[dict[str, Array]] = [{k: v.astype(float) for k, v in of.items()} for of in case.parameters]
    setting = case.setting()
    begin_again = any(keys["kind"] in ("rnn", "crnn") for keys in case.rows)
    first = reference.forward(case.rows, parameters, one.astype(float), setting)[-1]
    states = {} if begin_again else deepcopy(setting.states)

    def output() -> Array:
        again = case.setting()
        again.states.update(deepcopy(states))
        return reference.forward(case.rows, parameters, two.astype(float), again)[-1]

    second = output()
    weights = pull(second.shape)
    slopes = []
    for index, of in enumerate(parameters):
        for key, values in of.items():
            for place in places(values.shape):
                middle = values[place]
                sums = []
                for step in (EPSILON, -EPSILON):
                    values[place] = middle + step
                    sums.append(float((output() * weights).sum()))
                values[place] = middle
                slopes.append((index, key, place, (sums[0] - sums[1]) / (2 * EPSILON)))
    return [first, second], slopes


def network(case: Case, engine: Engine) -> TrainingNetwork:
    """In training form, with the case's parameters."""
    device, isa = engine
    cfg = case.cfg.replace(b"[net]", f"[net]\nbatch={case.batch}".encode(), 1)
    net = TrainingNetwork(cfg, batch=0, training=True, device=device, isa=isa, dialect=case.dialect)
    for layer, of in zip(net.layers, case.parameters, strict=True):
        for name, value in of.items():
            net.weights[layer.index, name][...] = value
    return net


@pytest.mark.parametrize("name", CASES)
def test_gradients_through_time(name: str, engine: Engine) -> None:
    case = CASES[name]
    outputs, slopes = expected(name)
    net = network(case, engine)
    last = len(case.rows) - 1
    for x, wanted in zip(inputs(case), outputs, strict=True):
        np.testing.assert_allclose(net.forward(x)[0], wanted, rtol=1e-4, atol=1e-5)
    delta = net.delta(last)
    assert delta is not None
    delta[...] = pull(outputs[1].shape).reshape(delta.shape)
    net.backward()
    largest = max(abs(slope) for *_, slope in slopes)
    assert largest > 0.1
    for index, key, place, slope in slopes:
        gradient = net.gradient(index, key)
        assert gradient is not None, f"layer {index} {key}"
        assert gradient[place] == pytest.approx(slope, rel=1e-3, abs=2e-5 * largest), f"layer {index} {key} {place}"


def test_a_mini_batch_of_rnn_begins_with_zeros() -> None:
    net = network(CASES["rnn"], ("ref", None))
    x, _ = inputs(CASES["rnn"])
    first = net.forward(x)[0].copy()
    np.testing.assert_array_equal(net.forward(x)[0], first)


def test_the_state_of_gru_lasts() -> None:
    net = network(CASES["gru"], ("ref", None))
    x, _ = inputs(CASES["gru"])
    first = net.forward(x)[0].copy()
    assert np.abs(net.forward(x)[0] - first).max() > 1e-3


STEPS, SEQUENCES = 3, 4


def normalized(x: Array, scales: Array, biases: Array) -> tuple[Array, Array, Array]:
    """Batch norm by the rows' own statistics; also these."""
    mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), ddof=1)
    y = (x - mean[:, None, None]) / np.sqrt(variance + 1e-5)[:, None, None]
    return y * scales[:, None, None] + biases[:, None, None], mean, variance


def test_every_time_step_is_normalized_by_itself(engine: Engine) -> None:
    """Parts of size 1, so that a convolution is one product; no activation."""
    keys = {"size": 1, "output": 2, "hidden": 3, "batch_normalize": 1, "activation": "linear"}
    case = Case([row("crnn", **keys)], (2, 3, 4), batch=SEQUENCES, steps=STEPS)
    net = network(case, engine)
    of = {k: v.astype(float) for k, v in case.parameters[0].items()}
    rolling = {k: v.copy() for k, v in of.items() if "rolling" in k}

    def part(name: str, x: Array) -> Array:
        z = np.einsum("oi,nihw->nohw", of[f"{name}.weights"][:, :, 0, 0], x)
        y, mean, variance = normalized(z, of[f"{name}.scales"], of[f"{name}.biases"])
        for kind, found in (("mean", mean), ("variance", variance)):
            rolling[f"{name}.rolling_{kind}"] = 0.9 * rolling[f"{name}.rolling_{kind}"] + 0.1 * found
        return y

    state: Array = np.zeros((SEQUENCES, 3, 3, 4))
    wanted = []
    for x in np.split(case.x.astype(float), STEPS):
        state = part("input", x) + part("self", state)
        wanted.append(part("output", state))
    np.testing.assert_allclose(net.forward(case.x)[0], np.concatenate(wanted), rtol=1e-4, atol=1e-4)
    for name, value in rolling.items():
        np.testing.assert_allclose(net.weights[0, name], value, rtol=1e-4, atol=1e-5, err_msg=name)


def test_time_normalizer_of_a_bottleneck(engine: Engine) -> None:
    """What the bottleneck says of the time step before counts that much: over two steps, gradients are linear in it."""

    def gradient(**keys: float) -> Array:
        case = behind(row("conv_lstm", **LSTM, bottleneck=1, **keys), steps=2)
        net = network(case, engine)
        net.forward(inputs(case)[0])
        delta = net.delta(1)
        assert delta is not None
        delta[...] = pull(delta.shape)
        net.backward()
        found = net.gradient(1, "wf.weights")
        assert found is not None
        return found.astype(float)

    none, half, one = gradient(time_normalizer=0), gradient(time_normalizer=0.5), gradient()
    assert np.abs(one - none).max() > 1e-2 * np.abs(one).max()
    np.testing.assert_allclose(half, (none + one) / 2, atol=1e-5 * np.abs(one).max())
