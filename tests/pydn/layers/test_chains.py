"""Random chains of layers: the fast backend equals the plain one, and one image at a time equals many."""

from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pydn._core.threads import get_num_threads, set_num_threads

from ...reference import network as reference
from ...reference.types import Array
from .support import TOLERANCE, Case, Engine, Row, conv, nmse, row

ACTIVATIONS = ["linear", "leaky", "relu", "mish", "swish", "logistic", "tanh", "hard_mish", "gelu"]
Shape = tuple[int, int, int]
FEW = settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


class Chain:
    """Rows so far and the shape (channels, height, width) of every output."""

    def __init__(self, draw: Any, shape: Shape) -> None:
        self.draw, self.rows, self.shapes = draw, list[Row](), [shape]

    @property
    def shape(self) -> Shape:
        return self.shapes[-1]

    def append(self, keys: Row, shape: Shape) -> None:
        self.rows.append(keys)
        self.shapes.append(shape)

    def pick(self, values: Any) -> Any:
        return self.draw(st.sampled_from(list(values)))

    def earlier(self, same_channels: bool) -> list[int]:
        """Layers before the last whose rows and columns (and channels) are the last one's."""
        start = 0 if same_channels else 1
        return [i for i, shape in enumerate(self.shapes[1:-1]) if shape[start:] == self.shape[start:]]

    def convolutional(self) -> None:
        channels, height, width = self.shape
        size, stride = self.pick([s for s in (1, 2, 3, 5) if s <= min(height, width)]), self.pick([1, 1, 1, 2])
        groups = self.pick([1, 1, 1, *[g for g in (2, 3, 5, channels) if channels % g == 0]])
        filters = groups * self.pick([1, 2, 5, 16]) if groups < 8 else groups
        pad = self.pick([0, 1])
        self.append(
            conv(
                filters=filters,
                size=size,
                stride=stride,
                groups=groups,
                pad=pad,
                dilation=self.pick([1, 1, 2]),
                batch_normalize=self.pick([0, 1]),
                activation=self.pick(ACTIVATIONS),
            ),
            (filters, *((side + pad * (size // 2) * 2 - size) // stride + 1 for side in (height, width))),
        )

    def maxpool(self) -> None:
        channels, height, width = self.shape
        size, stride = self.pick([1, 2, 3, 5]), self.pick([1, 2])
        self.append(
            row("maxpool", size=size, stride=stride), (channels, (height - 1) // stride + 1, (width - 1) // stride + 1)
        )

    def upsample(self) -> None:
        channels, height, width = self.shape
        if height * width > 100:
            return self.maxpool()
        return self.append(row("upsample", stride=2, scale=self.pick([1, 0.5])), (channels, 2 * height, 2 * width))

    def reorg(self) -> None:
        channels, height, width = self.shape
        if channels % 4 or height % 2 or width % 2:
            return self.convolutional()
        return self.append(row("reorg", stride=2), (4 * channels, height // 2, width // 2))

    def route(self) -> None:
        named, others = [len(self.rows) - 1], self.earlier(False)
        if others:
            named += self.draw(st.lists(st.sampled_from(others), max_size=2))
        channels = [self.shapes[i + 1][0] for i in named]
        groups = self.pick([g for g in (1, 2, 3) if all(c % g == 0 for c in channels)])
        keys = row("route", layers=",".join(map(str, named)), groups=groups, group_id=self.pick(range(groups)))
        self.append(keys, (sum(channels) // groups, *self.shape[1:]))

    def shortcut(self) -> None:
        sources = self.earlier(False)
        if not sources:
            return self.convolutional()
        chosen = self.draw(st.lists(st.sampled_from(sources), min_size=1, max_size=3))
        keys = row("shortcut", **{"from": ",".join(map(str, chosen)), "activation": self.pick(ACTIVATIONS)})
        if self.pick([False, True]):
            keys = {
                **keys,
                "weights_type": self.pick(["per_feature", "per_channel"]),
                "weights_normalization": self.pick(["none", "softmax"]),
            }
        return self.append(keys, self.shape)

    def sam(self) -> None:
        sources = self.earlier(True)
        if not sources:
            return self.convolutional()
        return self.append(row("sam", **{"from": self.pick(sources)}), self.shape)

    def scale_channels(self) -> None:
        scaled, shape = len(self.rows) - 1, self.shape
        self.append(row("avgpool"), (shape[0], 1, 1))
        return self.append(row("scale_channels", **{"from": scaled, "activation": self.pick(ACTIVATIONS)}), shape)

    def batchnorm(self) -> None:
        self.append(row("batchnorm"), self.shape)

    def dropout(self) -> None:
        self.append(row("dropout"), self.shape)

    def empty(self) -> None:
        self.append(row("empty"), self.shape)

    def activation(self) -> None:
        self.append(row("activation", activation=self.pick(ACTIVATIONS)), self.shape)

    def local_avgpool(self) -> None:
        channels, height, width = self.shape
        size, stride = self.pick([1, 2, 3, 5]), self.pick([1, 2])
        shape = (channels, (height - 1) // stride + 1, (width - 1) // stride + 1)
        self.append(row("local_avgpool", size=size, stride=stride), shape)

    def crop(self) -> None:
        channels, height, width = self.shape
        rows, columns = (self.pick(range((side + 1) // 2, side + 1)) for side in (height, width))
        keys = row("crop", crop_height=rows, crop_width=columns, noadjust=self.pick([0, 1]))
        self.append(keys, (channels, rows, columns))

    def reorg3d(self) -> None:
        channels, height, width = self.shape
        if height % 2 or width % 2 or channels > 64:
            return self.crop()
        return self.append(row("reorg3d", stride=2), (4 * channels, height // 2, width // 2))

    def deconvolutional(self) -> None:
        channels, height, width = self.shape
        if channels * height * width > 2000:
            return self.local_avgpool()
        keys = {"filters": self.pick([1, 5, 16]), "size": 2, "stride": 2, "activation": self.pick(ACTIVATIONS)}
        return self.append(row("deconvolutional", **keys), (int(keys["filters"]), 2 * height, 2 * width))

    def local(self) -> None:
        channels, height, width = self.shape
        if channels * height * width > 2000:
            return self.local_avgpool()
        keys = {"filters": self.pick([1, 5]), "size": 3, "pad": 1, "activation": self.pick(ACTIVATIONS)}
        return self.append(row("local", **keys), (int(keys["filters"]), height, width))

    def implicit(self) -> None:
        scaled, shape = len(self.rows) - 1, self.shape
        self.append(row("implicit", filters=shape[0]), (shape[0], 1, 1))
        return self.append(row("scale_channels", **{"from": scaled}), shape)


KINDS = [
    Chain.convolutional,
    Chain.convolutional,
    Chain.maxpool,
    Chain.upsample,
    Chain.reorg,
    Chain.route,
    Chain.shortcut,
    Chain.sam,
    Chain.scale_channels,
    Chain.batchnorm,
    Chain.dropout,
    Chain.empty,
    Chain.activation,
    Chain.local_avgpool,
    Chain.crop,
    Chain.reorg3d,
    Chain.deconvolutional,
    Chain.local,
    Chain.implicit,
]
ENDS = [row("softmax"), row("softmax", spatial=1), row("connected", output=7), row("avgpool"), None]


def perturbed(rng: np.random.Generator, values: NDArray[np.float32]) -> Array:
    """Values that are off by about sixteen float32 roundings."""
    return values * (1 + 1e-6 * rng.normal(size=values.shape))


def well_conditioned(case: Case) -> bool:
    """Whether small errors stay small: not where nearly everything cancels and a ReLU leaves only the rest."""
    rng = np.random.default_rng(5)
    parameters = [{name: perturbed(rng, values) for name, values in layer.items()} for layer in case.parameters]
    moved = reference.forward(case.rows, parameters, perturbed(rng, case.x), case.setting())
    return all(nmse(a, b) <= TOLERANCE for a, b in zip(moved, case.expected("none"), strict=True))


@st.composite
def any_chains(draw: Any) -> Case:
    """Three to eight layers, and an end that a network may have."""
    shape = (draw(st.sampled_from([1, 3, 4, 17, 32])), draw(st.integers(1, 12)), draw(st.integers(1, 12)))
    chain = Chain(draw, shape)
    chain.convolutional()
    count = draw(st.integers(3, 7))
    while len(chain.rows) < count:
        draw(st.sampled_from(KINDS))(chain)
    end = draw(st.sampled_from(ENDS))
    rows = chain.rows if end is None else [*chain.rows, end]
    return Case(rows, shape, batch=draw(st.sampled_from([1, 2, 3])))


chains = any_chains().filter(well_conditioned)


@FEW
@given(case=chains)
def test_fused_equals_plain(engine: Engine, case: Case) -> None:
    plain = case.load(("ref", None), "all", "none").forward(case.x)
    net = case.load(engine, "heads", "fuse")
    fast = net.forward(case.x)
    assert [y.shape for y in fast] == [y.shape for y in plain]
    for ours, expected in zip(fast, plain, strict=True):
        assert np.isfinite(expected).all()
        assert nmse(ours, expected) <= TOLERANCE
    one_by_one = [net.forward(image[None]) for image in case.x]
    for head, ours in enumerate(fast):
        assert nmse(np.concatenate([heads[head] for heads in one_by_one]), ours) <= TOLERANCE


@FEW
@given(case=chains)
def test_no_trace_of_earlier_inputs(engine: Engine, case: Case) -> None:
    """Buffers are used again, and blocks of channels have unused lanes: nothing in them may reach a later result."""
    net = case.load(engine, "heads", "fuse")
    first = net.forward(case.x)
    for value in (np.nan, np.inf):
        net.forward(np.full_like(case.x, value))
        for before, after in zip(first, net.forward(case.x), strict=True):
            np.testing.assert_array_equal(before, after)


@FEW
@given(case=chains)
def test_plain_equals_oracle(case: Case) -> None:
    net = case.load(("ref", None), "all", "none")
    net.forward(case.x)
    for layer, expected in zip(net.layers, case.expected("none"), strict=True):
        assert layer.output.shape == expected.shape
        assert nmse(layer.output, expected) <= TOLERANCE


@FEW
@given(case=chains)
def test_more_images_than_the_batch(engine: Engine, case: Case) -> None:
    """A network made for one image takes many, in slices."""
    many = case.load(engine, "heads", "fuse").forward(case.x)
    sliced = case.load(engine, "heads", "fuse", batch=1).forward(case.x)
    for a, b in zip(many, sliced, strict=True):
        assert a.shape == b.shape
        assert nmse(a, b) <= TOLERANCE


@FEW
@given(case=chains)
def test_any_number_of_threads(engine: Engine, case: Case) -> None:
    """Work is cut otherwise for another number of threads; every value is still summed up in the same order."""
    usual = get_num_threads()
    results = []
    try:
        for threads in (1, 2, 5):
            set_num_threads(threads)
            results.append(case.load(engine, "heads", "fuse").forward(case.x))
    finally:
        set_num_threads(usual)
    for heads in results[1:]:
        for one, many in zip(results[0], heads, strict=True):
            np.testing.assert_array_equal(one, many)
