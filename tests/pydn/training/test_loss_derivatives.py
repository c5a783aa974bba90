"""Where the deltas of a detector's head are minus the gradient of something: that, and its central differences.

Squares count half. Not gradients, in the reference and here: the IoU losses of [yolo] (tests/reference/yolo_loss.py
says how they differ), x and y of its mse losses with scale_x_y, [Gaussian_yolo]'s by the raw values, [contrastive]
(embeddings of the others as they are, not of length 1, and what one sample says about another left out), classes of
[detection] through a softmax, and all that takes the place of something else."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pydn._core.training import TrainingNetwork

from ...reference.activations import logistic
from ...reference.differences import central_difference
from ...reference.gaussian_yolo import gaussian_yolo
from ...reference.softmax import softmax
from ...reference.types import Array

SIDE, CLASSES = 4, 3
ANCHORS = [(1.1, 1.4), (2.6, 1.9)]
TRUTH = (0.36, 0.62, 0.6, 0.45, 1)  # x, y, w, h, class: cell (2, 1), the second anchor
ANCHOR, ROW, COLUMN = 1, 2, 1
POINT = np.array([TRUTH[0] * SIDE - COLUMN, TRUTH[1] * SIDE - ROW])
SIZES = np.log(np.array(TRUTH[2:4]) * SIDE / ANCHORS[ANCHOR])
OWN = np.eye(CLASSES)[TRUTH[4]]


def deltas(kind: str, keys: dict[str, Any], raw: Array, truth: Array, dialect: str = "alexeyab") -> NDArray[np.float32]:
    """What the head right behind the input says about one image."""
    _, channels, height, width = raw.shape
    lines = [f"[net]\nwidth={width}\nheight={height}\nchannels={channels}\nbatch=1\n[{kind}]"]
    cfg = "\n".join([*lines, *(f"{k}={v}" for k, v in keys.items())]).encode() + b"\n"
    net = TrainingNetwork(cfg, batch=0, training=True, dialect=dialect)
    net.set_clock(seen=1_000_000)
    net.forward(raw.astype(np.float32))
    row = np.zeros((1, net.truths), np.float32)
    row[0, : truth.size] = truth.ravel()
    net.loss(row)
    delta = net.delta(0)
    assert delta is not None
    return delta.reshape(raw.shape)


def check(found: NDArray[np.float32], energy: Callable[[Array], float], raw: Array) -> None:
    slope = central_difference(lambda values: np.array([energy(values)]), raw, np.ones(1))
    assert np.abs(slope).max() > 0.1
    np.testing.assert_allclose(found, -slope, atol=3e-6)


def raw_values(rng: np.random.Generator, entries: int) -> Array:
    return rng.normal(0, 0.8, (1, len(ANCHORS) * entries, SIDE, SIDE)).astype(np.float32).astype(float)


def entropy(p: Array, target: Array | float) -> float:
    return float(-(target * np.log(p) + (1 - target) * np.log(1 - p)).sum())


def squares(difference: Array) -> float:
    return float((difference**2).sum()) / 2


def objects() -> Array:
    """1 at the box that the truth teaches."""
    wanted = np.zeros((len(ANCHORS), SIDE, SIDE))
    wanted[ANCHOR, ROW, COLUMN] = 1
    return wanted


ANCHOR_KEYS: dict[str, Any] = {
    "classes": CLASSES, "num": len(ANCHORS), "anchors": ",".join(f"{w},{h}" for w, h in ANCHORS), "max": 5,
}  # fmt: skip
YOLO = {**ANCHOR_KEYS, "mask": "0,1", "ignore_thresh": 1}
YOLO_CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "normalizers": {"iou_normalizer": 0.3, "obj_normalizer": 0.4},
    "label_smooth_eps": {"label_smooth_eps": 0.2},
    "counters_per_class": {"counters_per_class": "20,10,5", "cls_normalizer": 0.5},
}


@pytest.mark.parametrize("keys", YOLO_CASES.values(), ids=YOLO_CASES)
def test_yolo(keys: dict[str, Any], rng: np.random.Generator) -> None:
    """Cross entropy of x, y, objectness and classes, squares of w and h."""
    raw = raw_values(rng, 5 + CLASSES)
    smooth, places = keys.get("label_smooth_eps", 0), keys.get("iou_normalizer", 0.75)
    objectness = keys.get("obj_normalizer", 1)
    rarity = 2.0 if "counters_per_class" in keys else 1.0  # 20 of the most frequent class, 10 of this one
    own_class = np.where(OWN > 0, rarity * keys.get("cls_normalizer", 1), 1)
    known = np.where(objects() > 0, rarity, 1)

    def energy(values: Array) -> float:
        boxes = values.reshape(len(ANCHORS), -1, SIDE, SIDE)
        own, wanted, target = boxes[ANCHOR, :, ROW, COLUMN], objects(), OWN * (1 - smooth) + smooth / 2
        point = entropy(logistic(own[:2]), POINT) + squares(own[2:4] - SIZES)
        classes = sum(entropy(logistic(own[5 + k : 6 + k]), target[k]) * own_class[k] for k in range(CLASSES))
        p = logistic(boxes[:, 4])
        surely = float(-(known * (wanted * np.log(p) + (1 - wanted) * np.log(1 - p))).sum())
        return (2 - TRUTH[2] * TRUTH[3]) * places * rarity * point + classes + objectness * surely

    check(deltas("yolo", {**YOLO, **keys}, raw, np.array(TRUTH)), energy, raw)


def test_focal_loss_of_yolo_is_a_gradient_by_the_true_class(rng: np.random.Generator) -> None:
    """Of −(1 − p)² · log(p) / 2. The deltas of the others carry the true class's factor."""
    raw = raw_values(rng, 5 + CLASSES)
    at = ANCHOR * (5 + CLASSES) + 5 + TRUTH[4]
    found = deltas("yolo", {**YOLO, "focal_loss": 1}, raw, np.array(TRUTH))[0, at, ROW, COLUMN]

    def energy(x: Array) -> Array:
        p = logistic(x)
        return -((1 - p) ** 2) * np.log(p) / 2

    slope = central_difference(energy, raw[0, at, ROW, COLUMN].reshape(1), np.ones(1))
    assert found == pytest.approx(-slope[0], rel=1e-4)


def test_gaussian_yolo_by_what_the_head_gives_out(rng: np.random.Generator) -> None:
    """−log of the density of the truth, of a normal distribution around the output (the reference divides by σ + 0.3
    and adds 1e-9). By the output: the slopes of σ(x) are left out."""
    entries = 9 + CLASSES
    raw = raw_values(rng, entries)
    keys = {**YOLO, "iou_loss": "mse", "iou_normalizer": 1}
    found = deltas("Gaussian_yolo", keys, raw, np.array(TRUTH))
    own = gaussian_yolo(raw, len(ANCHORS), CLASSES).reshape(len(ANCHORS), entries, SIDE, SIDE)[ANCHOR, :8, ROW, COLUMN]
    target, scale = np.array([*POINT, *SIZES]), 2 - TRUTH[2] * TRUTH[3]

    def energy(values: Array) -> Array:
        mean, doubt = values[::2], values[1::2]
        density = np.exp(-(((target - mean) / doubt) ** 2) / 2) / (np.sqrt(2 * np.pi) * (doubt + 0.3))
        return -np.log(density + 1e-9) * scale / 2

    slope = central_difference(energy, own, np.ones(4))
    # All of them over the number of classes whose delta is positive, which is the one of the truth.
    at = ANCHOR * entries
    np.testing.assert_allclose(found[0, at : at + 8, ROW, COLUMN], -slope, rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
@pytest.mark.parametrize("softmaxed", [0, 1])
def test_region(dialect: str, softmaxed: int, rng: np.random.Generator) -> None:
    """Squares, of what went through σ too; classes: cross entropy after a softmax or σ, or squares of raw values."""
    raw = raw_values(rng, 5 + CLASSES)
    keys = {**ANCHOR_KEYS, "softmax": softmaxed, "thresh": 1, "bias_match": 1, "coord_scale": 0.7, "class_scale": 0.6}
    scales = {"object_scale": 5, "noobject_scale": 0.5}
    size = 2 - TRUTH[2] * TRUTH[3] if dialect == "pjreddie" else 1

    def of_classes(own: Array) -> float:
        if softmaxed:
            return float(-np.log(softmax(own))[TRUTH[4]])
        return entropy(logistic(own), OWN) if dialect == "pjreddie" else squares(own - OWN)

    def energy(values: Array) -> float:
        boxes = values.reshape(len(ANCHORS), -1, SIDE, SIDE)
        own, wanted = boxes[ANCHOR, :, ROW, COLUMN], objects()
        place = squares(logistic(own[:2]) - POINT) + squares(own[2:4] - SIZES)
        surely = squares((logistic(boxes[:, 4]) - wanted) * np.sqrt(np.where(wanted > 0, 5, 0.5)))
        return 0.7 * size * place + surely + 0.6 * of_classes(own[5:])

    found = deltas("region", {**keys, **scales}, raw, np.array(TRUTH), dialect)
    check(found, energy, raw)


def test_detection(rng: np.random.Generator) -> None:
    """Squares of everything; w and h are roots."""
    side, num, cells = 3, 2, 9
    keys = {"classes": CLASSES, "coords": 4, "num": num, "side": side, "sqrt": 1, "coord_scale": 5,
            "object_scale": 2, "noobject_scale": 0.5, "class_scale": 0.6, "forced": 1}  # fmt: skip
    raw = rng.uniform(0.1, 0.9, (1, CLASSES + num * 5, side, side)).astype(np.float32).astype(float)
    cell, box = 5, np.array([0.3, 0.8, 0.4, 0.5])  # a fifth of the image: forced to the first box of the cell
    truth = np.zeros((cells, 1 + CLASSES + 4))
    truth[cell] = [1, *OWN, *box]

    def energy(values: Array) -> float:
        flat = values.ravel()
        classes, rest = np.split(flat, [cells * CLASSES])
        objectness, boxes = np.split(rest, [cells * num])
        wanted = np.zeros((cells, num))
        wanted[cell, 0] = 1
        surely = squares((objectness.reshape(cells, num) - wanted) * np.sqrt(np.where(wanted > 0, 2, 0.5)))
        place = squares(boxes.reshape(cells, num, 4)[cell, 0] - [*box[:2], *np.sqrt(box[2:])])
        return 0.6 * squares(classes.reshape(cells, -1)[cell] - OWN) + surely + 5 * place

    check(deltas("detection", keys, raw, truth), energy, raw)


def test_iseg(rng: np.random.Generator) -> None:
    """Cross entropy of the classes; embeddings: small squares, near the mean of their instance and far from others',
    whatever moves these means."""
    classes, ids, h, w = 3, 2, 3, 4
    raw = rng.normal(0, 1, (1, classes + ids, h, w)).astype(np.float32).astype(float)
    masks = np.zeros((2, h, w))
    masks[0, :2, :2], masks[1, 1:, 3:] = 1, 1
    truth = np.full((90, h * w + 1), -1.0)
    for k, kind in enumerate((0, 2)):
        truth[k] = [kind, *masks[k].ravel()]
    means = [raw[0, classes:, mask > 0].mean(0) for mask in masks]
    wanted = np.stack([masks[0], np.zeros((h, w)), masks[1]])

    def energy(values: Array) -> float:
        near = 0.0
        for own, mask in enumerate(masks):
            for other, mean in enumerate(means):
                distance = float(np.abs(mean - values[0, classes:, mask > 0]).sum())
                near += distance if other == own else -distance
        return entropy(logistic(values[0, :classes]), wanted) + 0.001 * (squares(values[0, classes:]) + near)

    found = deltas("iseg", {"classes": classes, "ids": ids}, raw, truth, "pjreddie")
    slope = central_difference(lambda values: np.array([energy(values)]), raw, np.ones(1))
    np.testing.assert_allclose(found[:, :classes], -slope[:, :classes], atol=3e-6)
    np.testing.assert_allclose(found[:, classes:], -slope[:, classes:], atol=1e-8)
