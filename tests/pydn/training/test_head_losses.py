"""Losses of [region], [detection], [iseg] and [contrastive] beside numpy, and labels that no one should have written.

AlexeyAB's [region] and [detection] are compared with recorded runs in tests/shared."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import pydn
from pydn._core.training import TrainingNetwork

from ...reference.head_losses import Truth, contrastive_loss, iseg_loss, region_loss_pjreddie

Engine = tuple[str, str | None]
Floats = NDArray[np.float32]

ANCHORS = [(0.8, 1.0), (1.6, 1.3), (2.6, 2.9)]
BOXES: list[list[Truth]] = [
    [(0.31, 0.42, 0.3, 0.25, 1), (0.33, 0.44, 0.29, 0.24, 2), (0.74, 0.71, 0.6, 0.5, 0)],
    [(0.55, 0.91, 0.2, 0.6, 2)],
]
REGION = {
    "classes": 3, "num": 3, "anchors": ", ".join(f"{w},{h}" for w, h in ANCHORS), "max": 6, "thresh": 0.5,
    "object_scale": 5, "rescore": 1, "bias_match": 1,
}  # fmt: skip


def network(
    kind: str,
    keys: dict[str, Any],
    shape: tuple[int, ...],
    *,
    dialect: str = "alexeyab",
    engine: Engine = ("ref", None),
) -> TrainingNetwork:
    """The layer right behind the input of two images."""
    channels, height, width = shape
    lines = [f"[net]\nwidth={width}\nheight={height}\nchannels={channels}\nbatch=2\n[{kind}]"]
    cfg = "\n".join([*lines, *(f"{k}={v}" for k, v in keys.items())]).encode() + b"\n"
    return TrainingNetwork(cfg, batch=0, training=True, dialect=dialect, device=engine[0], isa=engine[1])


def delta_of(net: TrainingNetwork, layer: int = 0) -> Floats:
    delta = net.delta(layer)
    assert delta is not None
    return delta


def rows(boxes: list[list[Truth]], size: int, values: int) -> Floats:
    out = np.zeros((2, values), np.float32)
    for image, of in zip(out, boxes, strict=True):
        for k, truth in enumerate(of):
            image[k * size : k * size + 5] = truth
    return out


@pytest.mark.parametrize("softmax", [False, True])
@pytest.mark.parametrize("seen", [12_799, 12_800])
def test_region_of_pjreddie(softmax: bool, seen: int, engine: Engine, rng: np.random.Generator) -> None:
    keys = {**REGION, "softmax": int(softmax)}
    net = network("region", keys, (24, 4, 5), dialect="pjreddie", engine=engine)
    x = rng.normal(0, 0.7, (2, 24, 4, 5)).astype(np.float32)
    net.set_clock(seen=seen)
    net.forward(x)
    loss = net.loss(rows(BOXES, 5, net.truths))
    wanted = [
        region_loss_pjreddie(image.reshape(3, 8, 4, 5).astype(float), ANCHORS, boxes, softmax, seen < 12_800)
        for image, boxes in zip(x, BOXES, strict=True)
    ]
    found = delta_of(net).reshape(2, 3, 8, 4, 5)
    np.testing.assert_allclose(found, np.stack([delta for delta, _ in wanted]), rtol=1e-4, atol=1e-5)
    assert loss == pytest.approx(sum(cost for _, cost in wanted), rel=1e-5)
    figures = net.figures(0)
    assert figures is not None
    assert (figures.matched, figures.boxes) == (4, 120)


def test_iseg(engine: Engine, rng: np.random.Generator) -> None:
    classes, ids, h, w = 3, 4, 5, 6
    x = rng.normal(0, 1, (2, classes + ids, h, w)).astype(np.float32)
    masks = (rng.random((4, h, w)) < 0.3).astype(np.float32)
    instances = [[(0, masks[0]), (2, masks[1]), (2, masks[2])], [(1, masks[3])]]
    net = network("iseg", {"classes": classes, "ids": ids}, (classes + ids, h, w), engine=engine)
    truth = np.full((2, 90, h * w + 1), -1, np.float32)
    for image, of in zip(truth, instances, strict=True):
        for k, (kind, mask) in enumerate(of):
            image[k] = [kind, *mask.ravel()]
    net.forward(x)
    loss = net.loss(truth.reshape(2, -1))
    wanted = np.stack([iseg_loss(i.astype(float), classes, of) for i, of in zip(x, instances, strict=True)])
    np.testing.assert_allclose(delta_of(net), wanted, rtol=1e-4, atol=1e-6)
    assert loss == pytest.approx(np.square(wanted).sum(), rel=1e-5)


CONTRASTIVE = b"""[net]
batch=2
width=8
height=8
channels=3
[convolutional]
filters=8
size=1
activation=linear
[convolutional]
filters=7
size=1
activation=linear
[yolo]
anchors=8,8
num=1
classes=2
max=10
[route]
layers=0
[contrastive]
yolo_layer=2
temperature=%s
contrastive_neg_max=%d
cls_normalizer=%s
max_delta=%s
"""
SAMPLES = [  # image, column, row, class, track
    (0, 0, 0, 0, 5), (0, 3, 1, 0, 5), (0, 6, 2, 0, 7), (0, 1, 5, 1, 9), (0, 7, 7, 1, 9), (1, 2, 0, 0, 7),
    (1, 4, 4, 0, 5), (1, 5, 6, 1, 4), (1, 0, 7, 0, 8),
]  # fmt: skip


@pytest.mark.parametrize(("temperature", "limit", "scale", "most"), [(1, 3, 1, 1e30), (0.5, 100, 2.0, 0.05)])
def test_contrastive(
    temperature: float, limit: int, scale: float, most: float, engine: Engine, rng: np.random.Generator
) -> None:
    text = CONTRASTIVE % (str(temperature).encode(), limit, str(scale).encode(), str(most).encode())
    net = TrainingNetwork(text, batch=0, training=True, device=engine[0], isa=engine[1], outputs="all")
    net.forward(rng.normal(0, 1, (2, 3, 8, 8)).astype(np.float32))
    embeddings = net.layers[0].output.copy().astype(float)
    truth = np.zeros((2, 10, 6), np.float32)
    for number, (image, column, row, kind, track) in enumerate(SAMPLES):
        place = number if image == 0 else number - 5
        truth[image, place] = [(column + 0.5) / 8, (row + 0.5) / 8, 0.9, 0.9, kind, track]
    net.loss(truth.reshape(2, -1))
    ordered = sorted(SAMPLES, key=lambda s: (s[0], s[2], s[1]))
    z = np.stack([embeddings[image, :, row, column] for image, column, row, _, _ in ordered])
    found = contrastive_loss(z, [s[4] for s in ordered], [s[3] for s in ordered], temperature, limit)
    wanted = np.zeros_like(embeddings)
    for (image, column, row, _, _), delta in zip(ordered, found, strict=True):
        wanted[image, :, row, column] = np.clip(scale * delta, -most, most)
    figures = net.figures(4)
    assert figures is not None
    assert np.abs(wanted).max() > 0.01
    np.testing.assert_allclose(delta_of(net, 3), wanted, rtol=1e-3, atol=1e-6)
    assert figures.cost == pytest.approx(np.square(wanted).sum(), rel=1e-3)
    assert 0 < figures.class_count <= len(SAMPLES)


HOSTILE = [0, -1, 1, 1e9, -1e9, 3e38, np.nan, np.inf, -np.inf, 1e-40, 0.5, 2, 254]
HEADS: dict[str, tuple[str, dict[str, Any], tuple[int, int, int], str]] = {
    "region": ("region", REGION, (24, 4, 5), "alexeyab"),
    "region, classfix": ("region", {**REGION, "classfix": 2, "thresh": 0}, (24, 4, 5), "alexeyab"),
    "region, pjreddie": ("region", REGION, (24, 4, 5), "pjreddie"),
    "detection": ("detection", {"classes": 2, "coords": 4, "num": 2, "side": 3, "sqrt": 1}, (12, 3, 3), "alexeyab"),
    "detection, random": (
        "detection", {"classes": 2, "coords": 4, "num": 2, "side": 3, "random": 1}, (12, 3, 3), "pjreddie",
    ),
    "iseg": ("iseg", {"classes": 2, "ids": 3}, (5, 3, 4), "pjreddie"),
}  # fmt: skip


@pytest.mark.parametrize("name", HEADS)
def test_labels_that_no_one_should_have_written(name: str, rng: np.random.Generator) -> None:
    kind, keys, shape, dialect = HEADS[name]
    net = network(kind, keys, shape, dialect=dialect)
    net.forward(rng.normal(0, 1, (2, *shape)).astype(np.float32))
    for _ in range(300):
        truth = rng.choice(np.array(HOSTILE, np.float32), (2, net.truths))
        truth[:, ::7] = rng.random(truth[:, ::7].shape)
        net.loss(truth)
        assert np.isfinite(delta_of(net)).mean() > 0.5


@pytest.mark.parametrize("bad", [np.nan, -1, 3, 1e9])
def test_a_label_of_no_class_teaches_nothing(bad: float, rng: np.random.Generator) -> None:
    net = network("region", REGION, (24, 4, 5))
    net.forward(rng.normal(0, 1, (2, 24, 4, 5)).astype(np.float32))
    none = np.zeros((2, net.truths), np.float32)
    net.loss(none)
    expected = delta_of(net).copy()
    none[:, :5] = 0.4, 0.4, 0.5, 0.5, bad
    net.loss(none)
    np.testing.assert_array_equal(delta_of(net), expected)


def test_random_boxes_of_detection_depend_on_the_clock_alone(rng: np.random.Generator) -> None:
    kind, keys, shape, dialect = HEADS["detection, random"]
    net = network(kind, {**keys, "num": 2}, shape, dialect=dialect)
    net.forward(rng.normal(0, 1, (2, *shape)).astype(np.float32))
    truth = np.tile(np.array([1, 1, 0, 0.5, 0.5, 0.4, 0.4], np.float32), (2, 9))

    def deltas(**clock: int) -> Floats:
        net.set_clock(**clock)
        net.loss(truth)
        return delta_of(net).copy()

    first = deltas(seed=1, iteration=5, seen=10)
    np.testing.assert_array_equal(deltas(seed=1, iteration=5, seen=10), first)
    assert not np.array_equal(deltas(seed=1, iteration=6, seen=10), first)
    late = deltas(seed=1, iteration=5, seen=64_000)
    np.testing.assert_array_equal(deltas(seed=1, iteration=6, seen=64_000), late)


def test_detection_trains_boxes_of_four_coordinates_only() -> None:
    with pytest.raises(pydn.UnsupportedError, match="coords=1: set coords=4"):
        network("detection", {"classes": 2, "num": 2, "side": 3}, (6, 3, 3))
