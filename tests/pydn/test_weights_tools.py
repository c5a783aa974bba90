"""`pydn.tools`: what changed weights compute, against the unchanged ones and numpy."""

from __future__ import annotations

import numpy as np
import pytest

import pydn
from pydn import tools
from pydn._core.plan import Plan
from pydn._core.weights import Header
from pydn.tools.slots import families

NET = "[net]\nwidth=10\nheight=8\nchannels=3\n"
BODY = """
[convolutional]
batch_normalize=1
filters=6
size=3
pad=1
activation=leaky
[convolutional]
filters=4
size=1
activation=linear
[convolutional]
batch_normalize=1
filters=4
groups=2
size=3
stride=2
pad=1
activation=mish
[batchnorm]
[connected]
batch_normalize=1
output=5
activation=relu
[connected]
output=3
activation=linear
[softmax]
"""
SHARED = """
[convolutional]
batch_normalize=1
filters=3
size=3
pad=1
activation=leaky
[convolutional]
batch_normalize=1
filters=3
size=3
pad=1
share_index=0
activation=linear
[avgpool]
[softmax]
"""
DIALECTS = ["alexeyab", "pjreddie"]


def filled(cfg: str, dialect: str = "alexeyab", seed: int = 1) -> pydn.Weights:
    """Weights with the statistics that a training might leave, some variances small."""
    rng = np.random.default_rng(seed)
    weights = pydn.Weights(Plan(cfg.encode(), dialect=dialect))
    for (_, name), values in weights.items():
        if name.endswith("rolling_variance"):
            values[...] = 10.0 ** rng.uniform(-4, 1, values.shape)
        elif name.endswith("scales"):
            values[...] = rng.uniform(0.5, 1.5, values.shape) * rng.choice([-1, 1], values.shape)
        else:
            values[...] = rng.normal(0, 0.5, values.shape)
    weights.header = Header(0, 2, tools.slots.REVISIONS[dialect], 6400)
    return weights


def outputs(cfg: bytes, weights: pydn.Weights, x: np.ndarray) -> np.ndarray:
    net = pydn.load(cfg, weights.tobytes(), dialect=weights.plan.dialect, prepare="none", outputs="all", device="ref")
    net.forward(x)
    return net.layers[-2].output.copy()  # before the softmax


def same(a: pydn.Weights, b: pydn.Weights) -> bool:
    return list(a) == list(b) and all(np.array_equal(a[key], b[key]) for key in a)


@pytest.fixture
def x(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(-1, 1, (2, 3, 8, 10)).astype(np.float32)


def close(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.abs(a - b).max() <= 1e-5 * max(1, np.abs(b).max()))


# ---- batch norm


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("body", [BODY, SHARED], ids=["kinds", "shared"])
def test_denormalize_computes_the_same(dialect: str, body: str, x: np.ndarray) -> None:
    cfg, weights = (NET + body).encode(), filled(NET + body, dialect)
    new = tools.denormalize(cfg, weights)
    assert b"batch_normalize=1" not in new.cfg
    assert not any(name == "scales" and new.weights.plan.kinds[layer] != "batchnorm" for layer, name in new.weights)
    assert new.weights.header == weights.header
    expected = outputs(cfg, weights, x)
    assert np.abs(expected).max() > 0.1
    assert close(outputs(new.cfg, new.weights, x), expected)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_normalize_computes_the_same(dialect: str, x: np.ndarray) -> None:
    cfg, weights = (NET + BODY).encode(), filled(NET + BODY, dialect)
    new = tools.normalize(cfg, weights)
    added = set(new.weights) - set(weights)
    assert added == {(layer, name) for layer in (1, 5) for name in ("scales", "rolling_mean", "rolling_variance")}
    assert close(outputs(new.cfg, new.weights, x), outputs(cfg, weights, x))


def test_channels_of_a_deconvolution_are_its_second_axis(x: np.ndarray) -> None:
    for filters in (3, 5):  # as many as the input has channels, and others
        layer = f"[deconvolutional]\nbatch_normalize=1\nfilters={filters}\nsize=2\nstride=2\nactivation=linear\n"
        cfg = NET + layer + "[avgpool]\n[softmax]\n"
        weights = filled(cfg, "pjreddie")
        new = tools.denormalize(cfg.encode(), weights)
        assert close(outputs(new.cfg, new.weights, x), outputs(cfg.encode(), weights, x))


def test_normalize_as_darknet_leaves_variance_0() -> None:
    weights = filled(NET + BODY)
    new = tools.normalize((NET + BODY).encode(), weights, as_darknet=True)
    assert not new.weights[5, "rolling_variance"].any()
    assert not new.weights[5, "rolling_mean"].any()
    assert (new.weights[5, "scales"] == 1).all()


def test_normalize_leaves_layers_whose_batch_norm_no_file_would_hold() -> None:
    cfg = NET + "[convolutional]\nfilters=2\ndontload=1\n[convolutional]\nfilters=2\n[softmax]\n"
    new = tools.normalize(cfg.encode(), pydn.Weights(Plan(cfg.encode())))
    assert (0, "scales") not in new.weights
    assert (1, "scales") in new.weights


def test_normalize_and_denormalize_give_the_weights_back() -> None:
    cfg = NET + BODY.replace("batch_normalize=1", "batch_normalize=0")
    weights = filled(cfg)
    there = tools.normalize(cfg.encode(), weights)
    back = tools.denormalize(there.cfg, there.weights)
    assert back.cfg.count(b"batch_normalize=0") == cfg.count("[conv") + cfg.count("[conn")
    for key, values in weights.items():
        np.testing.assert_allclose(back.weights[key], values, rtol=1e-6)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_reset_computes_the_same(dialect: str, x: np.ndarray) -> None:
    cfg, weights = (NET + BODY).encode(), filled(NET + BODY, dialect)
    new = tools.reset(weights)
    for family in families(new.plan):
        if family.normalized:
            assert (new[family.key("scales")] == 1).all()
            assert not new[family.key("rolling_mean")].any()
    assert close(outputs(cfg, new, x), outputs(cfg, weights, x))


def test_a_cfg_of_another_network_is_refused() -> None:
    with pytest.raises(pydn.CfgError, match="1 layers, the weights belong to one with 7"):
        tools.denormalize((NET + "[softmax]\n").encode(), filled(NET + BODY))


# ---- average


def test_average_of_equal_weights_is_those() -> None:
    weights = filled(NET + BODY)
    for count in (1, 2, 3, 7):
        assert same(tools.average([weights] * count), weights)
    assert same(tools.average([weights] * 2, as_darknet=True), weights)
    assert tools.average([weights]).tobytes() == weights.tobytes()


def test_average_weighs() -> None:
    first, second = filled(NET + BODY, seed=1), filled(NET + BODY, seed=2)
    mean = tools.average(iter([first, second]), [3, 1])
    for key, values in mean.items():
        np.testing.assert_allclose(values, 0.75 * first[key] + 0.25 * second[key], atol=1e-7)
    assert same(tools.average([first, second], [0, 5]), second)


def test_average_as_darknet_keeps_what_darknet_keeps() -> None:
    first, second = filled(NET + BODY, seed=1), filled(NET + BODY, seed=2)
    mean = tools.average([first, second], as_darknet=True)
    kept = {key for key in first if np.array_equal(mean[key], first[key])}
    assert kept == {(4, name) for name in ("scales", "rolling_mean", "rolling_variance")} | {
        (3, name) for name in ("biases", "scales", "rolling_mean", "rolling_variance")
    }


@pytest.mark.parametrize(
    ("coefficients", "message"),
    [([1], "fewer"), ([1, 1, 1], "more coefficients"), ([1, -1], "sum"), ([1, float("nan")], "numbers")],
)
def test_average_refuses_coefficients(coefficients: list[float], message: str) -> None:
    weights = filled(NET + BODY)
    with pytest.raises(ValueError, match=message):
        tools.average([weights, weights], coefficients)


def test_average_refuses_other_weights() -> None:
    with pytest.raises(ValueError, match="at least one"):
        tools.average([])
    with pytest.raises(ValueError, match="no coefficients"):
        tools.average([filled(NET + BODY)], [1], as_darknet=True)
    with pytest.raises(pydn.WeightsError, match="layer 5") as caught:
        tools.average([filled(NET + BODY), filled(NET + BODY.replace("output=3", "output=4"))])
    assert caught.value.layer == 5


# ---- inputs


def test_rgbgr_swaps_red_and_blue(x: np.ndarray) -> None:
    cfg, weights = (NET + BODY).encode(), filled(NET + BODY)
    new = tools.rgbgr(weights)
    assert close(outputs(cfg, new, x[:, ::-1].copy()), outputs(cfg, weights, x))
    assert not same(new, weights)
    assert same(tools.rgbgr(new), weights)


def test_rgbgr_of_four_channels_leaves_the_fourth() -> None:
    weights = filled(NET.replace("channels=3", "channels=4") + BODY)
    old, new = weights[0, "weights"], tools.rgbgr(weights)[0, "weights"]
    np.testing.assert_array_equal(new, old[:, [2, 1, 0, 3]])


@pytest.mark.parametrize("body", ["[convolutional]\nfilters=3\ngroups=3\n", "[connected]\noutput=2\n"])
def test_rgbgr_refuses_what_has_no_red_and_blue(body: str) -> None:
    with pytest.raises(pydn.UnsupportedError):
        tools.rgbgr(filled(NET + body))


@pytest.mark.parametrize("batch_normalize", [0, 1])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_rescale(batch_normalize: int, dialect: str, x: np.ndarray) -> None:
    layer = f"[convolutional]\nfilters=4\nsize=3\nbatch_normalize={batch_normalize}\nactivation=linear\n"
    cfg = NET + layer + "[avgpool]\n[softmax]\n"
    weights = filled(cfg, dialect)
    for scale, shift in ((2, -1), (0.5, 3)):
        new = tools.rescale(weights, scale, shift)
        assert close(
            outputs(cfg.encode(), new, x), outputs(cfg.encode(), weights, np.float32(scale) * x + np.float32(shift))
        )
    if not batch_normalize:
        reference = tools.rescale(weights, as_darknet=True)
        for key, values in tools.rescale(weights).items():
            np.testing.assert_allclose(reference[key], values, rtol=1e-5, atol=1e-6)


# ---- surgery


def test_oneoff_starts_three_anchors_from_a_classifier() -> None:
    first = "[convolutional]\nfilters=4\nsize=3\nbatch_normalize=1\n"
    body = first + "[convolutional]\nfilters={}\nsize=1\nactivation=linear\n[softmax]\n"
    classifier = filled(NET + body.format(7))
    cfg = (NET + body.format(36)).encode()
    new = tools.oneoff(cfg, classifier.tobytes(), 7)
    start = pydn.Weights(Plan(cfg))
    assert new.header == (0, 2, 5, 0)
    np.testing.assert_array_equal(new[0, "weights"], classifier[0, "weights"])
    np.testing.assert_array_equal(new[0, "rolling_mean"], classifier[0, "rolling_mean"])
    for name in ("weights", "biases"):
        for anchor in range(3):
            rows = new[1, name][12 * anchor : 12 * anchor + 12]
            np.testing.assert_array_equal(rows[:5], start[1, name][:5])
            np.testing.assert_array_equal(rows[5:], classifier[1, name])


def test_oneoff_in_dialect_pjreddie_shrinks_the_start_values() -> None:
    body = "[convolutional]\nfilters={}\nsize=1\nactivation=linear\n[softmax]\n"
    classifier = filled(NET + body.format(2), "pjreddie")
    cfg = (NET + body.format(21)).encode()
    new = tools.oneoff(cfg, classifier.tobytes(), 2, dialect="pjreddie")
    start = pydn.Weights(Plan(cfg, dialect="pjreddie"))
    np.testing.assert_array_equal(new[0, "weights"][:5], start[0, "weights"][:5] * np.float32(0.1))
    assert not new[0, "biases"][:5].any()
    np.testing.assert_array_equal(new[0, "biases"][5:7], classifier[0, "biases"])
    assert new.header.revision == 0


def test_oneoff_refuses_what_does_not_fit() -> None:
    cfg = (NET + "[convolutional]\nfilters=9\n[softmax]\n").encode()
    data = filled(NET + "[convolutional]\nfilters=5\n[softmax]\n").tobytes()
    with pytest.raises(pydn.ShapeError, match="9 outputs"):
        tools.oneoff(cfg, data, 5)
    with pytest.raises(pydn.ShapeError, match="9372"):
        tools.oneoff(cfg, data)
    with pytest.raises(pydn.UnsupportedError, match="last layer but one is missing"):
        tools.oneoff((NET + "[softmax]\n").encode(), data, 5)
    with pytest.raises(pydn.UnsupportedError, match="parameters of its own"):
        tools.oneoff((NET + "[convolutional]\nfilters=9\n[connected]\n").encode(), data, 4)


def test_oneoff2_fills_later_layers_from_the_first() -> None:
    layer = "[convolutional]\nfilters=3\nsize=3\npad=1\n"
    weights = filled(NET + layer * 3)
    new = tools.oneoff2(weights, 1)
    for name in ("biases", "weights"):
        np.testing.assert_array_equal(new[0, name], weights[0, name])
        np.testing.assert_array_equal(new[1, name], weights[0, name])
        np.testing.assert_array_equal(new[2, name], weights[1, name])
    assert new.header.seen == 0


def test_oneoff2_of_first_layers_stops_where_they_end() -> None:
    layer = "[convolutional]\nfilters=3\nsize=3\npad=1\n"
    whole = filled(NET + layer * 3)
    data = whole.partial(1).tobytes()
    part = pydn.Weights(whole.plan, data)
    new = tools.oneoff2(part, 1)
    np.testing.assert_array_equal(new[1, "weights"], whole[0, "weights"])
    np.testing.assert_array_equal(new[2, "weights"], part[2, "weights"])
    odd = Plan((NET + layer + layer.replace("filters=3", "filters=4") * 2).encode())
    with pytest.raises(pydn.WeightsError, match="end inside"):
        tools.oneoff2(pydn.Weights(odd, data), 1)


# ---- figures


def test_statistics() -> None:
    weights = filled(NET + BODY)
    found = tools.statistics(weights)
    assert list(found) == [0, 1, 2, 3, 4, 5]
    assert [(layer, name) for layer, names in found.items() for name in names] == list(weights)
    values = weights[4, "weights"].astype(np.float64).ravel()
    expected = (values.size, np.sqrt((values**2).mean()), values.mean(), values.var(), values.min(), values.max())
    assert found[4]["weights"] == pytest.approx(expected)


def test_print_weights() -> None:
    weights = filled(NET + BODY)
    weights[1, "weights"][0, :3] = np.array([0.5, -1e-7, 123456.7]).reshape(3, 1, 1)
    lines = list(tools.print_weights(weights, 1))
    assert len(lines) == 4
    assert lines[0].startswith("0.5 -1e-07 123457 ")
    read = np.array([line.split() for line in lines], np.float32)
    np.testing.assert_allclose(read, weights[1, "weights"].reshape(4, 6), rtol=1e-5)
    with pytest.raises(pydn.UnsupportedError, match=r"layer 6 \[softmax\] has no weights"):
        tools.print_weights(weights, 6)
    with pytest.raises(IndexError):
        tools.print_weights(weights, 7)


def test_print_weights_of_a_layer_that_shares_them() -> None:
    weights = filled(NET + SHARED)
    assert list(tools.print_weights(weights, 1)) == list(tools.print_weights(weights, 0))


def test_ops_counts_groups() -> None:
    counted = tools.ops(pydn.load((NET + BODY).encode()))
    first, second = 2 * 6 * 27 * 80, 2 * 4 * 6 * 80
    grouped = 2 * 4 * (2 * 9) * 20  # each of 4 filters sees 2 of 4 channels, 5 x 4 places
    matrices = 2 * 80 * 5 + 2 * 5 * 3
    assert [layer.count for layer in counted.layers[:3]] == [first, second, grouped]
    assert counted.pjreddie == first + second + grouped + matrices
    assert counted.alexeyab == first + second + 2 * grouped + matrices
    assert counted.layers[4].count == 2 * 80 * 5


def test_speed_times_every_forward() -> None:
    net = pydn.load((NET + BODY).encode())
    taken = tools.speed(net, 20, warm_up=0)
    assert taken.count == 20
    assert taken.total == pytest.approx(20 * taken.mean)
    assert taken.hertz == pytest.approx(20 / taken.total)
    assert 0 < taken.percentile(0) <= taken.percentile(50) <= taken.percentile(100) <= taken.total
    with pytest.raises(ValueError, match="count"):
        tools.speed(net, 0)
