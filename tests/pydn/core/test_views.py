"""Arrays over the engine's memory: right values, right shapes, no copies, and writes that take effect."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from pydn._core.network import Network
from pydn._core.view import View
from pydn._core.weights import Header, Weights
from pydn.errors import WeightsError

NEAR = {"rtol": 1e-5, "atol": 1e-5}


def address(array):
    return array.__array_interface__["data"][0]


def image(rng, n=1, width=6, height=4):
    return rng.random((n, 2, height, width), dtype=np.float32)


# ---- parameters


def test_parameters_have_the_values_and_shapes_of_the_file(make, parameters):
    first, second = make().layers
    for array, wanted in zip((first.biases, first.weights, second.biases, second.weights), parameters, strict=True):
        assert array.dtype == np.float32
        assert array.flags.writeable
        np.testing.assert_array_equal(array, wanted)


def test_layer_and_mapping_and_later_access_show_the_same_memory(make):
    net = make()
    first = net.layers[0].weights
    assert address(first) == address(net.layers[0].weights) == address(net.weights[0, "weights"])
    first[1, 1] = 7
    assert net.weights[0, "weights"][1, 1, 0, 0] == 7
    assert address(net.layers[1].weights) != address(first)


def test_view_is_the_engines_own_memory(make, two, parameters):
    net = make()
    net.layers[1].biases[:] = [1, 2, 3, 4, 5]
    assert net.weights.tobytes() == two.weights_file(*parameters[:2], [1, 2, 3, 4, 5], parameters[3], seen=640)


def test_array_stands_on_a_view(make):
    array = make().layers[0].weights
    assert isinstance(array.base, memoryview)
    assert isinstance(array.base.obj, View)


@pytest.mark.parametrize("prepare", ["none", "fuse"])
@pytest.mark.parametrize("how", ["array", "slice", "old array", "after resize"])
def test_write_changes_the_next_forward(make, two, parameters, rng, prepare, how):
    net = make(prepare=prepare)
    x = image(rng)
    held = net.layers[1].weights if how != "array" else None
    np.testing.assert_allclose(net.forward(x)[0], two.expected(x, parameters), **NEAR)
    if how == "after resize":
        net.resize(8, 5)
        x = image(rng, width=8, height=5)
    for value in (0.5, -2):  # twice: the write must be noticed every time
        if how == "array":
            net.layers[1].weights[2] = value
        elif how == "slice":
            part = held[2:3]
            part[...] = value
            del part
        else:
            held[2] = value
        parameters[3][2] = value
        np.testing.assert_allclose(net.forward(x)[0], two.expected(x, parameters), **NEAR)


def test_slice_whose_array_is_gone_still_takes_effect(make, two, parameters, rng):
    net, x = make(), image(rng)
    part = net.layers[0].weights[1:]
    net.forward(x)
    part *= 3
    parameters[1][1:] *= 3
    np.testing.assert_allclose(net.forward(x)[0], two.expected(x, parameters), **NEAR)


def test_write_reaches_every_network_that_shares_the_weights(make, two, device, parameters, rng):
    net, x = make(), image(rng)
    other = Network(two.cfg, net.weights, device=device, outputs="all")
    assert other.weights is net.weights
    net.forward(x)
    other.forward(x)
    net.layers[0].biases[...] = 9
    parameters[0][...] = 9
    np.testing.assert_allclose(other.forward(x)[0], two.expected(x, parameters), **NEAR)
    np.testing.assert_allclose(net.forward(x)[0], two.expected(x, parameters), **NEAR)
    net.close()
    np.testing.assert_allclose(other.forward(x)[0], two.expected(x, parameters), **NEAR)


def test_batch_norm_parameters_and_their_effect(device, two, rng):
    cfg = two.cfg.replace(b"filters=3", b"filters=3\nbatch_normalize=1")
    biases, scales, mean, variance = (rng.random(3, dtype=np.float32) + 0.5 for _ in range(4))
    weights, biases2, weights2 = rng.random((3, 2, 1, 1)), rng.random(5), rng.random((5, 3, 1, 1))
    net = Network(
        cfg, two.weights_file(biases, scales, mean, variance, weights, biases2, weights2), device=device, outputs="all"
    )
    layer = net.layers[0]
    for name, wanted in (
        ("biases", biases),
        ("scales", scales),
        ("rolling_mean", mean),
        ("rolling_variance", variance),
    ):
        np.testing.assert_array_equal(getattr(layer, name), wanted)
    assert layer.parameter_names == ("biases", "scales", "rolling_mean", "rolling_variance", "weights")
    x = image(rng)
    for _ in range(2):
        net.forward(x)
        plain = np.einsum("oi,nihw->nohw", weights[:, :, 0, 0], x)
        scaled = (plain - mean[:, None, None]) / np.sqrt(variance + 1e-5)[:, None, None] * scales[:, None, None]
        np.testing.assert_allclose(layer.output, scaled + biases[:, None, None], rtol=1e-4, atol=1e-4)
        layer.rolling_mean[...] = mean = mean * 2
        np.testing.assert_array_equal(layer.scales, scales)  # folding never shows


def test_shared_slots_are_the_same_memory(device):
    layer = b"[convolutional]\nfilters=2\nsize=1\nactivation=linear\n"
    net = Network(b"[net]\nwidth=3\nheight=3\nchannels=2\n" + layer + layer + b"share_index=0\n", device=device)
    assert address(net.layers[1].weights) == address(net.layers[0].weights)
    assert list(net.weights) == [(0, "biases"), (0, "weights")]


def test_a_parameter_that_a_layer_lacks(make):
    layer = make().layers[0]
    assert not hasattr(layer, "scales")
    with pytest.raises(AttributeError, match=r"layer 0 \[convolutional\] has no scales"):
        _ = layer.scales


# ---- freeze


def test_freeze_makes_old_and_new_arrays_read_only(make, two, parameters, rng):
    net, x = make(), image(rng)
    old = net.layers[0].weights
    old[0] = parameters[1][0] = 4  # noticed although the array is frozen before the forward
    net.freeze()
    assert net.weights.frozen
    for array in (old, net.layers[0].weights, net.weights[1, "biases"], net.weights.partial(1)[0, "weights"]):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 1
    with pytest.raises(ValueError):
        net.layers[0].weights.flags.writeable = True
    np.testing.assert_allclose(net.forward(x)[0], two.expected(x, parameters), **NEAR)


# ---- input and output


def test_input_is_what_forward_without_argument_runs_on(make, two, parameters, rng):
    net = make(batch=3)
    assert net.input.shape == (3, 2, 4, 6)
    x = image(rng, 3)
    net.input[...] = x
    results = net.forward()
    assert len(results) == 1
    np.testing.assert_allclose(results[0], two.expected(x, parameters), **NEAR)
    np.testing.assert_array_equal(net.input, x)


@pytest.mark.parametrize("batch", [1, 2, 3])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_any_number_of_images(make, two, parameters, rng, batch, n):
    x = image(rng, n)
    (y,) = make(batch=batch).forward(x)
    assert y.shape == (n, 5, 4, 6)
    np.testing.assert_allclose(y, two.expected(x, parameters), **NEAR)


def test_result_is_writable_and_never_changed_by_a_later_forward(make, rng):
    net = make()
    results = []
    for _ in range(6):
        (y,) = net.forward(image(rng))
        assert y.flags.writeable
        results.append((y, y.copy()))
    for y, then in results:
        np.testing.assert_array_equal(y, then)
    results[0][0][...] = 1
    np.testing.assert_array_equal(results[1][0], results[1][1])


def test_input_may_be_any_buffer_of_float32(make, two, parameters, rng):
    net, x = make(), image(rng)
    wanted = two.expected(x, parameters)
    wide = np.zeros((1, 2, 4, 12), np.float32)
    wide[..., ::2] = x
    unaligned = np.frombuffer(b"x" + x.tobytes(), np.uint8)[1:].view(np.float32).reshape(x.shape)
    readonly = x.copy()
    readonly.flags.writeable = False
    net.input[...] = x
    for form in (x, np.asfortranarray(x), wide[..., ::2], unaligned, readonly, memoryview(x), net.input):
        np.testing.assert_allclose(net.forward(form)[0], wanted, **NEAR)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros((1, 2, 4, 6)), "float32 was expected, not float64"),
        (np.zeros((1, 2, 4, 6), ">f4"), "float32 was expected, not >f4"),
        (np.zeros((1, 2, 4, 6), np.uint8), "float32 was expected, not uint8"),
        ([[0.0]], "a float32 array was expected, not list"),
        (3.5, "a float32 array was expected, not float"),
        (b"\0" * 192, "float32 was expected, not B"),
    ],
)
def test_input_of_another_type(make, x, words):
    with pytest.raises(TypeError, match=words):
        make().forward(x)


@pytest.mark.parametrize("shape", [(2, 4, 6), (1, 2, 6, 4), (1, 3, 4, 6), (0, 2, 4, 6), (), (1, 48), (1, 1, 2, 4, 6)])
def test_input_of_another_shape_names_both(make, shape):
    with pytest.raises(ValueError, match=r"\(n, 2, 4, 6\)") as caught:
        make().forward(np.zeros(shape, np.float32))
    assert str(shape) in str(caught.value)


def test_output_of_an_inner_layer(make, two, parameters, rng):
    x = image(rng)
    net = make(outputs="all")
    with pytest.raises(ValueError, match="call forward first"):
        _ = net.layers[1].output
    net.forward(x)
    assert net.layers[-1].output.shape == (1, 5, 4, 6)
    inner = net.layers[0].output
    np.testing.assert_allclose(inner, two.expected(x, parameters[:2]), **NEAR)
    assert not inner.flags.writeable
    net = make()
    net.forward(x)
    with pytest.raises(ValueError, match='outputs="all"'):
        _ = net.layers[0].output


# ---- the buffer protocol itself


def test_buffer_of_a_view(make):
    array = make().layers[0].weights
    view = array.base.obj
    with memoryview(view) as memory:
        assert (memory.format, memory.itemsize, memory.shape, memory.strides) == ("f", 4, (3, 2, 1, 1), (8, 4, 4, 4))
        assert memory.c_contiguous
        assert not memory.readonly
        np.testing.assert_array_equal(np.frombuffer(view, np.float32), array.ravel())
    with pytest.raises(TypeError, match="cannot be made"):
        View()
    with pytest.raises(BufferError, match="shows nothing"):
        memoryview(View.__new__(View))


# ---- weights as a mapping and as a file


def test_mapping_in_file_order(make, parameters):
    weights = make().weights
    keys = [(0, "biases"), (0, "weights"), (1, "biases"), (1, "weights")]
    assert list(weights) == list(weights.keys()) == keys
    assert len(weights) == 4
    for (key, array), wanted in zip(weights.items(), parameters, strict=True):
        np.testing.assert_array_equal(array, wanted)
        assert key in weights
    assert len(list(weights.values())) == 4
    for wrong in [
        (2, "biases"),
        (0, "scales"),
        (-1, "biases"),
        0,
        "biases",
        (0,),
        (0, 1),
        ("x", "biases"),
        (2**40, "biases"),
    ]:
        assert wrong not in weights
        assert weights.get(wrong) is None
        with pytest.raises(KeyError):
            weights[wrong]


def test_header_and_seen(make):
    net = make()
    assert net.weights.header == Header(0, 2, 5, 640) == (0, 2, 5, 640)
    assert net.report.layers_loaded == 2
    assert net.report.complete
    net.seen = 2**40
    assert net.weights.header.seen == net.seen == 2**40
    assert pickle.loads(pickle.dumps(net.weights.header)) == net.weights.header
    with pytest.raises(OverflowError):
        net.seen = -1


def test_save_and_load(make, two, parameters, tmp_path):
    weights = make().weights
    path = tmp_path / "net.weights"
    path.write_bytes(b"older")
    weights.save(path)
    assert path.read_bytes() == two.weights_file(*parameters, seen=640)
    assert [p.name for p in tmp_path.iterdir()] == ["net.weights"]
    assert weights.nbytes == path.stat().st_size
    (tmp_path / "net.cfg").write_bytes(two.cfg)
    again = Weights.load(path, tmp_path / "net.cfg")
    assert again.checksum() == weights.checksum()
    again[1, "biases"][0] += 1
    assert again.checksum() != weights.checksum()
    with pytest.raises(FileNotFoundError):
        weights.save(tmp_path / "missing" / "net.weights")
    with pytest.raises(FileNotFoundError):
        Weights.load(tmp_path / "none", two.cfg)


def test_partial_is_the_first_layers_with_nothing_seen(make, two, parameters, device):
    net = make()
    part = net.weights.partial(1)
    assert list(part) == [(0, "biases"), (0, "weights")]
    assert part.tobytes() == two.weights_file(*parameters[:2], seen=0)
    assert part.nbytes == 20 + 4 * 9
    assert (1, "biases") not in part
    part[0, "biases"][...] = 3
    assert (net.layers[0].biases == 3).all()
    for wrong in (-1, 3):
        with pytest.raises(ValueError, match="there are 2"):
            net.weights.partial(wrong)
    rest = Network(two.cfg, part.tobytes(), device=device, seed=1)
    assert (rest.report.layers_loaded, rest.report.complete, rest.seen) == (1, False, 0)
    with pytest.raises(ValueError, match="tobytes"):
        Network(two.cfg, part, device=device)


def test_weights_that_do_not_fit(two, parameters, device):
    whole = two.weights_file(*parameters)
    with pytest.raises(WeightsError) as caught:
        Network(two.cfg, whole[:-4], device=device, weights_file="a.weights")
    assert caught.value.file == "a.weights"
    assert str(caught.value).startswith("a.weights: ")
    assert caught.value.layer == 1
    with pytest.raises(WeightsError):
        Network(two.cfg, whole + b"\0" * 4, device=device)
    assert Network(two.cfg, whole + b"\0" * 4, device=device, strict=False).report.bytes_left == 4
