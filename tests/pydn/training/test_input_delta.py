"""What backward says about the input, beside central differences in float64, and what a frozen network leaves alone."""

import numpy as np
import pytest

from pydn._core.training import TrainingNetwork

from ...reference import network
from ...reference.differences import slope
from ...reference.types import Array
from ..layers.support import Case, Engine, conv, row

ENGINES: list[Engine] = [("ref", None), ("cpu", None), ("cpu", "portable")]
CASE = Case(
    rows=[
        conv(filters=8, size=3, pad=1, batch_normalize=1, activation="mish"),
        conv(filters=4, size=3, stride=2, pad=1, activation="logistic"),
        row("batchnorm"),
        row("route", layers="-1,-2"),
        row("connected", output=5, batch_normalize=1, activation="linear"),
    ],
    shape=(3, 6, 8),
    batch=2,
)


def training_network(case: Case, engine: Engine, frozen: bool, **options: bool) -> TrainingNetwork:
    device, isa = engine
    net = TrainingNetwork(
        case.cfg,
        batch=case.batch,
        training=True,
        device=device,
        isa=isa,
        dialect=case.dialect,
        frozen=frozen,
        **{"input_delta": True, **options},
    )
    for index, of in enumerate(case.parameters):
        for name, value in of.items():
            net.weights[index, name][...] = value
    return net


def check_slope(case: Case, net: TrainingNetwork, training: bool) -> None:
    """Along directions by chance, the delta's product with each is the slope of Σ delta · output."""
    rng = np.random.default_rng(4)
    setting = network.Setting(case.dialect, training=training)
    x = case.x.astype(np.float64)
    y = net.forward(case.x)[-1]
    head = net.delta(len(net.layers) - 1)
    assert head is not None
    head[...] = delta = rng.normal(size=head.shape).astype(np.float32)
    net.backward()
    found = net.input_delta.astype(float)
    assert found.shape == x.shape

    def output(values: Array) -> Array:
        return network.forward(case.rows, case.parameters, values, setting)[-1]

    expected = output(x)
    np.testing.assert_allclose(y, expected.reshape(y.shape), rtol=1e-4, atol=1e-5)
    for _ in range(3):
        direction = rng.uniform(-1, 1, x.shape)
        by_differences = slope(output, expected, x, delta.reshape(expected.shape).astype(float), direction)
        size = float(np.abs(found * direction).sum())
        assert abs(float((found * direction).sum()) - by_differences) <= 2e-5 * size


@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
@pytest.mark.parametrize("engine", ENGINES, ids=str)
def test_of_a_frozen_network(engine: Engine, dialect: str) -> None:
    """Batch norm by its rolling statistics, as in inference."""
    case = Case(rows=CASE.rows, shape=CASE.shape, batch=2, dialect=dialect)  # type: ignore[arg-type]
    check_slope(case, training_network(case, engine, frozen=True), training=False)


@pytest.mark.parametrize("engine", ENGINES, ids=str)
def test_in_training(engine: Engine) -> None:
    case = Case(rows=[CASE.rows[1], CASE.rows[3] | {"layers": "-1"}, conv(filters=2, size=3)], shape=(3, 9, 8), batch=2)
    net = training_network(case, engine, frozen=False)
    check_slope(case, net, training=True)
    assert np.abs(net.gradient(0, "weights")).max() > 0


def test_parameters_learn_the_same_with_it() -> None:
    """Asking for it changes no other number."""
    gradients = []
    for wanted in (False, True):
        net = training_network(CASE, ("cpu", None), frozen=False, input_delta=wanted)
        net.forward(CASE.x)
        net.delta(4)[...] = 1
        net.backward()
        gradients.append(net.gradient(0, "weights").copy())
    np.testing.assert_array_equal(*gradients)


def test_a_frozen_network_changes_nothing() -> None:
    net = training_network(CASE, ("cpu", None), frozen=True)
    before = {key: np.array(values) for key, values in net.weights.items()}
    net.forward(CASE.x)
    net.delta(4)[...] = 1
    net.backward()
    net.update(learning_rate=1, images=1)
    for key, values in before.items():
        np.testing.assert_array_equal(net.weights[key], values)
        assert net.gradient(*key) is None


def test_without_being_asked() -> None:
    net = training_network(CASE, ("cpu", None), frozen=False, input_delta=False)
    net.forward(CASE.x)
    net.backward()
    with pytest.raises(ValueError, match="input_delta=True"):
        _ = net.input_delta
    with pytest.raises(ValueError, match="input_delta asks for training"):
        TrainingNetwork(CASE.cfg, training=True, frozen=True)
