"""No sequence of calls may crash the interpreter, and an array outlives everything it came from."""

from __future__ import annotations

import copy
import gc
import itertools
import pickle
import weakref

import numpy as np
import pytest

from pydn._core.layer import Layer, Layers
from pydn._core.network import Network
from pydn._core.plan import Plan, Planned
from pydn._core.results import Results
from pydn._core.threads import RunLock
from pydn._core.view import Floats, View
from pydn._core.weights import Weights


def image(rng, width=6, height=4):
    return rng.random((1, 2, height, width), dtype=np.float32)


class Session:
    """A network, everything that was taken from it, and what it showed when it was taken."""

    def __init__(self, net, rng):
        self.net, self.rng, self.closed = net, rng, False
        self.results = []
        self.live = []

    def forward(self):
        if self.net is None:
            return
        x = image(self.rng, self.net.width, self.net.height)
        if self.closed:
            with pytest.raises(ValueError, match="the network is closed"):
                self.net.forward(x)
            return
        (y,) = self.net.forward(x)
        self.results.append((y, y.copy()))

    def views(self):
        if self.net is None:
            return
        for get in (lambda n: n.input, lambda n: n.layers[0].weights, lambda n: n.weights[1, "biases"]):
            if self.closed:
                with pytest.raises(ValueError, match="the network is closed"):
                    get(self.net)
            else:
                self.live.append(get(self.net))

    def resize(self):
        if self.net is None:
            return
        if self.closed:
            with pytest.raises(ValueError, match="the network is closed"):
                self.net.resize(9, 3)
            return
        self.net.resize(9, 3)
        assert (self.net.width, self.net.height) == (9, 3)

    def close(self):
        if self.net is not None:
            self.net.close()
            self.closed = True
            assert self.net.closed

    def forget(self):
        self.net = None

    def collect(self):
        gc.collect()

    def check(self):
        for y, then in self.results:
            np.testing.assert_array_equal(y, then)
        for array in self.live:
            array[...] = array + 1  # writable for ever
            assert np.isfinite(array).all()


@pytest.fixture
def quick_collections():
    """Collections look at the test's own objects only: those of thousands of collected tests take much longer."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("first", ["forward", "views", "resize", "close", "forget", "collect"])
def test_all_orders(make, rng, first, quick_collections):
    others = [step for step in ("forward", "views", "resize", "close", "forget", "collect") if step != first]
    for order in itertools.permutations(others):
        session = Session(make(), rng)
        session.views()
        session.forward()
        for step in (first, *order, "forward", "views"):
            getattr(session, step)()
            session.check()


def test_views_of_before_a_resize_keep_the_old_memory(make, rng):
    net = make()
    net.input[...] = 5
    (before,) = net.forward(image(rng))
    old, then = net.input, before.copy()
    for size in ((9, 3), (6, 4), (20, 30)):
        net.resize(*size)
        assert net.input.shape == (1, 2, size[1], size[0])
        net.forward(image(rng, *size))
    assert (old == 5).all()
    np.testing.assert_array_equal(before, then)


def test_resize_to_another_batch(make, two, parameters, rng):
    net = make()
    net.resize(0, 0, batch=4)
    assert (net.batch, net.width, net.height) == (4, 6, 4)
    assert net.input.shape == (4, 2, 4, 6)
    x = rng.random((6, 2, 4, 6), dtype=np.float32)
    np.testing.assert_allclose(net.forward(x)[0], two.expected(x, parameters), rtol=1e-5, atol=1e-5)


def test_failed_resize_leaves_everything_as_it_was(make, rng):
    net, x = make(), image(rng)
    (before,) = net.forward(x)
    with pytest.raises(ValueError):
        net.resize(-3, 4)
    assert (net.width, net.height) == (6, 4)
    np.testing.assert_array_equal(net.forward(x)[0], before)


def test_closed_network(make, rng):
    with make() as net:
        layer, layers, weights, held = net.layers[0], net.layers, net.weights, net.layers[1].biases
        assert not net.closed
    assert net.closed
    net.close()
    calls = [
        net.forward,
        net.decode,
        net.reset_state,
        net.freeze,
        lambda: net.forward(image(rng)),
        lambda: net.forward_decode(image(rng), [(1, 1)]),
        lambda: net.resize(1, 1),
        lambda: net.input,
        lambda: net.weights,
        lambda: net.seen,
        lambda: net.nbytes,
        lambda: net.report,
        lambda: layer.weights,
        lambda: layer.output,
        lambda: layers[-1].biases,
    ]
    for call in calls:
        with pytest.raises(ValueError, match="the network is closed"):
            call()
    assert (net.width, layer.kind, len(layers), held.shape) == (6, "convolutional", 2, (5,))
    assert weights.header.seen == 640


def test_memory_goes_with_the_last_reference(make, rng):
    net = make()
    gone = weakref.ref(net.weights[0, "weights"].base.obj)
    assert gone() is None  # the view goes with the array
    array = net.layers[0].weights
    view = weakref.ref(array.base.obj)
    del net
    gc.collect()
    part = array[1:]
    del array
    gc.collect()
    assert view() is not None
    part[...] = 2
    del part
    gc.collect()
    assert view() is None


def test_cycles_are_collected(make):
    class Sub(Network):
        pass

    net = make()
    assert gc.is_tracked(net)
    sub = Sub(
        b"[net]\nwidth=2\nheight=2\nchannels=1\n[convolutional]\nfilters=1\nsize=1\nactivation=linear\n", device="ref"
    )
    sub.myself = sub
    sub.layer = sub.layers[0]
    gone = weakref.ref(sub)
    del sub
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("kind", [Network, Plan, Weights, Layer, Layers, Results])
def test_half_made_objects_do_not_exist(kind):
    with pytest.raises(TypeError):
        kind.__new__(kind)
    with pytest.raises(TypeError):
        kind.__new__(kind, None)


@pytest.mark.parametrize("kind", [View, Floats, Planned, RunLock])
def test_empty_objects_are_harmless(kind):
    empty = kind.__new__(kind)
    for name in dir(empty):
        try:
            value = getattr(empty, name)
            if name not in ("__init__", "__class__", "__new__", "__init_subclass__", "__subclasshook__") and callable(
                value
            ):
                value()
        except Exception:  # any exception will do: the point is to be here afterwards
            pass
    repr(empty)


def test_a_subclass_may_not_break_anything(two):
    class Sub(Network):
        def __init__(self, *args, **options):
            pass

    net = Sub(two.cfg, device="ref")
    net.__init__()
    Network.__init__(net)
    assert net.forward(np.zeros((1, 2, 4, 6), np.float32))[0].shape == (1, 5, 4, 6)


def test_objects_with_memory_are_not_copied(make):
    net = make()
    for thing in (net, net.weights, net.layers[0], net.plan, net.layers[0].weights.base.obj):
        with pytest.raises(TypeError):
            pickle.dumps(thing)
        with pytest.raises(TypeError):
            copy.copy(thing)


def test_hostile_input_object(make):
    class Hostile:
        def __init__(self, net):
            self.net = net

        def __array__(self, dtype=None, copy=None):
            self.net.close()
            return np.zeros((1, 2, 4, 6), np.float32)

    net = make()
    with pytest.raises(ValueError, match="the network is closed"):
        net.forward(Hostile(net))


def test_layers_sequence(make):
    net = make()
    layers = net.layers
    assert len(layers) == 2
    assert layers[-1] == layers[1] == list(layers)[1] == layers[1:][0]
    assert layers[0] != layers[1]
    assert len({layers[0], net.layers[0], layers[1]}) == 2
    assert [layer.index for layer in reversed(layers)] == [1, 0]
    assert layers[1] in layers
    for wrong in (2, -3, 2**70):
        with pytest.raises(IndexError):
            layers[wrong]
    with pytest.raises((TypeError, AttributeError)):
        layers["x"]
    first = layers[0]
    assert (first.kind, first.input_shape, first.output_shape) == ("convolutional", (1, 2, 4, 6), (1, 3, 4, 6))
    assert first.options["filters"] == "3"
    assert first.facts["filters"] == 3
    assert first.activation == "linear"
    assert first.parameters == 9
    assert net.parameters == 9 + 20
    assert first.flops == 2 * 2 * 3 * 4 * 6
