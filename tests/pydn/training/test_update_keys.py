"""Keys about updates: gradients are written by hand, numpy says what comes of them and in which layers."""

import logging
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import pydn
from pydn._core.training import TrainingNetwork
from pydn.training.checkpoint import restore, save
from pydn.training.rejecting import similar_filters

Array = NDArray[np.float32]

NET = """[net]
batch=2
width=4
height=4
channels=2
learning_rate=0.5
momentum=0
decay=0
max_batches=100
"""
CONV = "[convolutional]\nfilters=3\nsize=3\npad=1\nactivation=leaky\n"
HEAD = "[connected]\noutput=2\nactivation=linear\n[softmax]\n"
RATE = np.float32(0.5)


def network(cfg: str, **options: object) -> TrainingNetwork:
    return TrainingNetwork(cfg.encode(), batch=0, training=True, **options)


def random(shape: tuple[int, ...], seed: int = 3) -> Array:
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


def update(net: TrainingNetwork, gradient: Array, name: str = "weights", layer: int = 0, **settings: object) -> Array:
    """Write a gradient, update, and give back what is added to a parameter for one image at rate 1."""
    before, into = np.array(net.weights[layer, name]), net.gradient(layer, name)
    assert into is not None
    into[...] = gradient.reshape(into.shape)
    net.update(**{"learning_rate": 0.5, "images": 1, "momentum": 0.0} | settings)  # type: ignore[arg-type]
    return (net.weights[layer, name] - before) / RATE


def session_of(cfg: str, dialect: str = "alexeyab") -> tuple[pydn.Network, Array, NDArray[np.int64]]:
    net = pydn.load(cfg.encode(), dialect=dialect)  # type: ignore[arg-type]
    return net, random((net.cfg_batch, 2, 4, 4)), np.arange(net.cfg_batch) % 2


# ---- what is added


@pytest.mark.parametrize("device", ["ref", "cpu"])
@pytest.mark.parametrize("adam", [False, True])
def test_gradient_centralization(device: str, adam: bool) -> None:
    """Every filter's gradient loses its mean, decay comes after it."""
    plain, keyed = (
        network(NET + CONV + f"batch_normalize=1\n{key}" + HEAD, device=device) for key in ("", "grad_centr=1\n")
    )
    g, w = random((3, 2, 3, 3)) + 1, random((3, 2, 3, 3), 4)
    centred = g - g.mean((1, 2, 3), keepdims=True)
    for net in (plain, keyed):
        net.weights[0, "weights"][...] = w
    if adam:
        wanted = update(plain, centred, adam=True)
        np.testing.assert_allclose(update(keyed, g, adam=True), wanted, atol=1e-5)
        return
    np.testing.assert_allclose(update(plain, g, decay=0.1), g - np.float32(0.1) * w, atol=1e-5)
    np.testing.assert_allclose(update(keyed, g, decay=0.1), centred - np.float32(0.1) * w, atol=1e-5)
    np.testing.assert_allclose(update(keyed, g[:, 0, 0, 0], "scales"), g[:, 0, 0, 0], atol=1e-5)


@pytest.mark.parametrize("power", [1, 0.5])
def test_reverse(power: float) -> None:
    """The size of a gradient counts as (10 · size + 1) ** reverse, in the step of the weights alone."""
    net = network(NET + CONV + f"reverse={power}\n" + HEAD)
    g, w, b = random((3, 2, 3, 3)), random((3, 2, 3, 3), 4), random((3,))
    g[0, 0] = 0
    net.weights[0, "weights"][...] = w
    step = np.sign(g) * (10 * abs(g) + 1) ** power
    np.testing.assert_allclose(
        update(net, g, decay=0.1, momentum=0.9), step - np.float32(0.1) * w, rtol=1e-4, atol=1e-4
    )
    np.testing.assert_allclose(net.gradient(0, "weights"), np.float32(0.9) * g, rtol=1e-6)
    np.testing.assert_allclose(update(net, b, "biases"), b, atol=1e-5)


def test_gradient_centralization_needs_batch_norm() -> None:
    net = network(NET + CONV + "grad_centr=1\n" + HEAD)
    g = random((3, 2, 3, 3)) + 1
    np.testing.assert_allclose(update(net, g), g, atol=1e-5)


@pytest.mark.parametrize("key", [False, True])
def test_what_is_not_finite(key: bool) -> None:
    net = network(NET + ("try_fix_nan=1\n" if key else "") + CONV + HEAD)
    g, w = random((3, 2, 3, 3)), random((3, 2, 3, 3), 4)
    net.weights[0, "weights"][...] = w
    net.weights[0, "weights"][2, 1, 1, 1] = np.nan
    g[0, 0, 0, 0], g[1, 0, 2, 2] = np.nan, np.inf
    with np.errstate(invalid="ignore"):
        update(net, g)
    found = net.weights[0, "weights"]
    if not key:
        assert np.count_nonzero(~np.isfinite(found)) == 3
        return
    g[~np.isfinite(g)] = 0
    w[2, 1, 1, 1] = 0
    np.testing.assert_allclose(found, w + RATE * g, atol=1e-6)


def test_training_goes_on_without_what_is_not_finite(caplog: pytest.LogCaptureFixture) -> None:
    cfg = NET.replace("decay=0", "decay=0\ntry_fix_nan=1") + CONV + "batch_normalize=1\n" + HEAD
    net, x, classes = session_of(cfg)
    with net, caplog.at_level(logging.WARNING, "pydn"):
        good = net.train_step(x, classes)
        assert not caplog.records
        bad = net.train_step(x * np.float32(np.nan), classes)
        assert "iteration 2: the loss is" in caplog.text
        assert not np.isfinite(bad.loss)
        assert bad.average_loss == good.average_loss
        assert all(np.isfinite(values).all() for _, values in net.weights.items())
        again = net.train_step(x, classes)
        assert again.average_loss == pytest.approx(0.9 * good.loss + 0.1 * again.loss)


@pytest.mark.parametrize(("dialect", "where", "cut"), [
    ("alexeyab", "layer", True), ("alexeyab", "net", False), ("pjreddie", "net", True),
])  # fmt: skip
def test_clip(dialect: str, where: str, cut: bool) -> None:
    """Weights are held to ±clip after an update, of a layer or, in dialect pjreddie, of all of them."""
    net_keys, keys = ("clip=0.25\n", "") if where == "net" else ("", "clip=0.25\n")
    net = network(NET + net_keys + CONV + keys + HEAD, dialect=dialect)
    w, g = random((3, 2, 3, 3)), random((3, 2, 3, 3), 4)
    net.weights[0, "weights"][...] = w
    update(net, g)
    wanted = w + RATE * g
    assert np.abs(wanted).max() > 0.5
    np.testing.assert_allclose(net.weights[0, "weights"], np.clip(wanted, -0.25, 0.25) if cut else wanted, atol=1e-6)
    b = np.float32([1, -1, 0])
    np.testing.assert_allclose(update(net, b, "biases"), b, atol=1e-6)


def test_rate_of_a_layer() -> None:
    net = network(NET + CONV + "learning_rate=0.25\n" + HEAD)
    g = random((3, 2, 3, 3))
    np.testing.assert_allclose(update(net, g), 0.25 * g, atol=1e-5)


@pytest.mark.parametrize("dialect", ["pjreddie", "alexeyab"])
@pytest.mark.parametrize("device", ["ref", "cpu"])
def test_smooth_outputs(dialect: str, device: str) -> None:
    """The delta of an output grows by `smooth` times what its neighbours, two steps around, are larger."""
    cfg = "[net]\nbatch=2\nwidth=7\nheight=4\nchannels=1\n[convolutional]\nactivation=leaky\nsmooth=0.25\n"
    net = network(cfg, dialect=dialect, device=device)
    x, delta = random((2, 1, 4, 7)), random((2, 1, 4, 7), 5)
    net.weights[0, "weights"][...] = 2
    (y,) = net.forward(x)
    np.testing.assert_allclose(y, np.where(x > 0, 2, 0.2) * x, rtol=1e-6)
    into = net.delta(0)
    assert into is not None
    into[...] = delta
    net.backward()
    wide = np.pad(y.astype(float), ((0, 0), (0, 0), (2, 2), (2, 2)), constant_values=np.nan)
    around = np.stack([wide[:, :, u : u + 4, v : v + 7] for u in range(5) for v in range(5)])
    pulled = delta + (0.25 * np.nansum(around - y, axis=0) if dialect == "pjreddie" else 0)
    slope = np.where(x > 0, 1, 0.1)
    assert net.gradient(0, "weights")[0, 0, 0, 0] == pytest.approx((pulled * slope * x).sum(), rel=1e-4)


# ---- when, and to what


@pytest.mark.parametrize(("key", "held"), [
    ("dont_update=1", 5), ("dont_update=3", 3), ("burnin_update=2", 3), ("dont_update=0", 0),
])  # fmt: skip
def test_layers_that_wait(key: str, held: int) -> None:
    """What was said while a layer waited is forgotten: the first update is that of one iteration."""
    net = network(NET + CONV + f"{key}\n" + HEAD)
    g = random((3, 2, 3, 3))
    for iteration in range(1, 6):
        into = net.gradient(0, "weights")
        assert into is not None
        into += g
        before = net.weights[0, "weights"].copy()
        net.update(learning_rate=0.5, images=1, momentum=0.0, iteration=iteration, burn_in=2)
        moved = (net.weights[0, "weights"] - before) / RATE
        np.testing.assert_allclose(moved, g if iteration > held else 0 * g, atol=1e-5, err_msg=str(iteration))


def test_train_only_bn() -> None:
    """Of this layer and all before it; biases and scales learn."""
    cfg = NET + CONV + "batch_normalize=1\n" + CONV + "train_only_bn=1\n" + CONV + HEAD
    net = network(cfg)
    g, b = random((3, 2, 3, 3)), random((3,))
    assert not update(net, g).any()
    assert not update(net, random((3, 3, 3, 3)), layer=1).any()
    np.testing.assert_allclose(update(net, random((3, 3, 3, 3)), layer=2), random((3, 3, 3, 3)), atol=1e-5)
    for name in ("scales", "biases"):
        np.testing.assert_allclose(update(net, b, name), b, atol=1e-5)


@pytest.mark.parametrize(("dialect", "value", "moves"), [
    ("alexeyab", 1, [False] * 4), ("alexeyab", 3, [False] * 3 + [True]), ("pjreddie", 3, [False] * 4),
])  # fmt: skip
def test_stopbackward(dialect: str, value: int, moves: list[bool]) -> None:
    """A number above 1 is that of iterations, in AlexeyAB's dialect. The layer behind it learns all along."""
    net, x, classes = session_of(NET + CONV + CONV + f"stopbackward={value}\n" + HEAD, dialect)
    with net:
        found = []
        for _ in moves:
            before = {key: np.array(values) for key, values in net.weights.items()}
            net.train_step(x, classes)
            changed = {layer for (layer, _), values in net.weights.items() if (values != before[layer, _]).any()}
            assert 2 in changed
            assert (0 in changed) == (1 in changed)
            found.append(0 in changed)
        assert found == moves


def test_onlyforward() -> None:
    """Nothing goes back through such a layer; a head of that kind has no loss."""
    net, x, classes = session_of(NET + CONV + CONV + "onlyforward=1\n" + HEAD)
    with net:
        before = {key: np.array(values) for key, values in net.weights.items()}
        net.train_step(x, classes)
        changed = {layer for (layer, name), values in net.weights.items() if (values != before[layer, name]).any()}
        assert changed == {2}
    heads = "[convolutional]\nfilters=7\nactivation=linear\n[yolo]\nclasses=2\nanchors=2,2\n{0}[route]\nlayers=0\n"
    heads += "[convolutional]\nfilters=7\nactivation=linear\n[yolo]\nclasses=2\nanchors=2,2\n"
    two = network(NET + CONV + heads.format("onlyforward=1\n"))
    two.forward(random((2, 2, 4, 4)))
    assert two.loss(np.zeros((2, two.truths), np.float32)) > 0
    assert (two.figures(2), two.figures(5) is None) == (None, False)
    two.backward()
    assert two.gradient(1, "weights") is None
    assert np.any(two.gradient(4, "weights"))


# ---- backward in slices


@pytest.mark.parametrize("device", ["ref", "cpu"])
def test_backward_in_slices(device: str) -> None:
    """Last layers first, each once: the same as all at once, to the bit; what was not reached has no gradient yet."""
    cfg = NET + CONV + "batch_normalize=1\n" + CONV + "[shortcut]\nfrom=-2\nactivation=leaky\n" + HEAD
    whole, parts = network(cfg, device=device), network(cfg, device=device)
    for key, values in whole.weights.items():
        parts.weights[key][...] = values
    truth = np.eye(2, dtype=np.float32)
    for net in (whole, parts):
        net.forward(random((2, 2, 4, 4)))
        net.loss(truth)
    whole.backward()
    parts.backward(3)
    assert np.any(parts.gradient(3, "weights"))
    assert not np.any(parts.gradient(1, "weights"))
    parts.backward(1, 3)
    parts.backward(2, 2)
    assert np.any(parts.gradient(1, "weights"))
    assert not np.any(parts.gradient(0, "weights"))
    parts.backward(0, 1)
    for layer, name in whole.weights:
        one, other = whole.gradient(layer, name), parts.gradient(layer, name)
        assert (one is None) == (other is None)
        if one is not None:
            np.testing.assert_array_equal(one, other)
    for first, last in ((-1, 2), (0, 6), (3, 1)):
        with pytest.raises(ValueError, match="of 5"):
            parts.backward(first, last)


# ---- filters that became too similar


def test_similar_filters() -> None:
    weights = np.float32([[1, 0, 0], [0, 2, 2], [0, 0, 0], [3, 4, 0], [0, -1, -1]])
    first, second, cosine = similar_filters(weights)  # 0 and 3: 3/5; 1 and 3: 4/5 / sqrt(2)
    assert (first, second) == (0, 3)
    assert cosine == pytest.approx(0.6)


def test_weights_reject_freq() -> None:
    """Every second iteration, up to three quarters; neither the first layer nor those near a head."""
    cfg = NET.replace("max_batches=100", "max_batches=6\nweights_reject_freq=2") + CONV + CONV + CONV + HEAD
    cfg = cfg.replace("learning_rate=0.5", "learning_rate=0")
    net, x, classes = session_of(cfg)
    with net:
        twins = [np.array(net.layers[layer].weights) for layer in range(3)]
        for layer in range(3):
            twins[layer][:] = np.eye(3, twins[layer][0].size).reshape(twins[layer].shape)
        twins[0][2] = twins[0][1]
        twins[1][2] = twins[1][1]  # [2] has three filters that are all different
        for layer in range(3):
            net.layers[layer].weights[...] = twins[layer]
        net.layers[1].biases[...] = 7
        net.train_step(x, classes)
        np.testing.assert_array_equal(net.layers[1].weights, twins[1])
        net.train_step(x, classes)
        for layer in (0, 2):
            np.testing.assert_array_equal(net.layers[layer].weights, twins[layer])
        found = net.layers[1].weights
        np.testing.assert_array_equal(found[[0, 2]], twins[1][[0, 2]])
        assert 0 < np.abs(found[1]).max() <= np.sqrt(2 / found[1].size)
        np.testing.assert_array_equal(net.layers[1].biases, [7, 0, 7])
        net.train_step(x, classes)
        net.train_step(x, classes)
        net.layers[1].weights[...] = twins[1]
        for _ in range(2):  # the sixth iteration lies beyond three quarters of six
            net.train_step(x, classes)
        np.testing.assert_array_equal(net.layers[1].weights, twins[1])


# ---- files


@pytest.mark.parametrize("key", ["dontload", "dontloadscales"])
def test_what_was_not_loaded_is_saved(key: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A training may begin without a layer's parameters; what it makes of them is kept."""
    bare, keyed = (NET + CONV + CONV + f"batch_normalize=1\n{k}" + HEAD for k in ("", f"{key}=1\n"))
    path = tmp_path / "a.weights"
    with pydn.load(keyed.encode()) as net:
        for number, (_, values) in enumerate(net.weights.items()):
            values[...] = number + 1
        net.save(path)
        trained = {item: np.array(values) for item, values in net.weights.items()}
    with pydn.load(bare.encode(), path) as net:
        assert all((net.weights[item] == values).all() for item, values in trained.items())
        np.testing.assert_array_equal(net.weights.tobytes(), path.read_bytes())
    assert not caplog.records
    with pydn.load(keyed.encode(), path) as net:
        assert "dontload" in caplog.text
        scales = {(1, name) for name in ("scales", "rolling_mean", "rolling_variance")}
        left = scales if key == "dontloadscales" else scales | {(1, "weights"), (1, "biases")}
        for item, values in trained.items():
            assert (net.weights[item] == values).all() == (item not in left), item


def saved(keys: tuple[str, str, str], dialect: str, path: Path) -> dict[tuple[int, str], Array]:
    """Save a network of three equal layers with these keys; its parameters are 1, 2, 3, …."""
    with pydn.load(three(keys), dialect=dialect) as net:  # type: ignore[arg-type]
        for number, values in enumerate(net.weights.values()):
            values[...] = number + 1
        net.save(path)
        return {item: np.array(values) for item, values in net.weights.items()}


def three(keys: tuple[str, str, str]) -> bytes:
    layer = "[connected]\noutput=32\nactivation=linear\n"
    return (NET + "".join(f"{layer}{key}\n" for key in keys)).encode()


def test_what_is_not_to_be_saved(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Header, then the first and the last layer: 32 biases, 32·32 weights each."""
    path, keys = tmp_path / "a.weights", ("", "dontsave=1", "")
    trained = saved(keys, "pjreddie", path)
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.startswith(f"{path}: layers with dontsave=1 are left out (1);")
    contents = np.frombuffer(path.read_bytes()[20:], np.float32)
    np.testing.assert_array_equal(contents, np.repeat([1, 2, 5, 6], [32, 1024, 32, 1024]))
    with pydn.load(three(("", "dontload=1", "")), path, dialect="pjreddie") as net:
        assert [(net.weights[item] == values).all() for item, values in trained.items()] == [1, 1, 0, 0, 1, 1]
    caplog.clear()
    with pydn.load(three(keys), path, dialect="pjreddie") as net:
        assert [(net.weights[item] == values).all() for item, values in trained.items()] == [1, 1, 0, 0, 1, 1]
        report = net.weights.report
        assert report is not None
        assert (report.complete, report.layers_loaded, report.bytes_left) == (False, 1, 0)
        assert "lacks the parameters of layers with dontsave=1, the first of which is layer 1" in caplog.text
        assert len(net.weights.tobytes()) == 20 + 3 * 4 * 1056
        assert len(net.weights.partial(2).tobytes()) == 20 + 2 * 4 * 1056
        net.partial(2, path)
        assert path.stat().st_size == 20 + 4 * 1056
    whole = pydn.load(three(keys), path.read_bytes()[:20] + bytes(3 * 4 * 1056), dialect="pjreddie")
    assert not any(values.any() for values in whole.weights.values()), "a file of all layers is not read as one"


def test_neither_saved_nor_loaded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The file fits a cfg without the layer, as in the reference, and that is why saving it says nothing."""
    path, keys = tmp_path / "a.weights", ("dontsave=1\ndontload=1", "", "dontload=1")
    trained = saved(keys, "pjreddie", path)
    assert path.stat().st_size == 20 + 2 * 4 * 1056
    assert not caplog.records
    without = ("dontload=1", "", "")
    with pydn.load(three(without), path, dialect="pjreddie") as net:
        assert [(net.weights[item] == values).all() for item, values in trained.items()] == [0, 0, 1, 1, 1, 1]
    with pydn.load(three(keys), path, dialect="pjreddie") as net:
        assert [(net.weights[item] == values).all() for item, values in trained.items()] == [0, 0, 1, 1, 0, 0]
    assert [record.getMessage().split(" holds the")[0] for record in caplog.records] == [f"{path}: the weights file"]


def test_dontsave_of_alexeyab(tmp_path: Path) -> None:
    """It is no key of that dialect."""
    saved(("", "dontsave=1", ""), "alexeyab", tmp_path / "a.weights")
    assert (tmp_path / "a.weights").stat().st_size == 20 + 3 * 4 * 1056


def test_a_state_has_what_is_not_saved(tmp_path: Path) -> None:
    """A training that goes on from its files goes on with the layer."""
    cfg = NET + CONV + "dontsave=1\n" + HEAD
    net, x, classes = session_of(cfg, "pjreddie")
    session = net.session(seed=4)
    session.step(x, classes)
    net.save(tmp_path / "a.weights")
    save(tmp_path / "a.state", session, {})
    session.step(x, classes)
    again = pydn.load(cfg.encode(), tmp_path / "a.weights", dialect="pjreddie")
    resumed = again.session(seed=4)
    restore(tmp_path / "a.state", resumed)
    resumed.step(x, classes)
    assert again.weights.tobytes() == net.weights.tobytes()
