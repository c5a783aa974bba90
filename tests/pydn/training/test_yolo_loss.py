"""Losses of [yolo] and [Gaussian_yolo] beside numpy, where they are true derivatives beside finite differences, and
with labels that no one should have written."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import pydn
from pydn._core.training import Figures, TrainingNetwork

from ...reference.activations import logistic
from ...reference.gaussian_yolo import gaussian_yolo
from ...reference.types import Array
from ...reference.yolo import yolo
from ...reference.yolo_loss import Found, Head, Image, Truth, cost

Engine = tuple[str, str | None]

ANCHORS = [(1.1, 1.4), (1.9, 1.2), (1.6, 2.6), (3.0, 2.3), (2.7, 4.4), (4.6, 4.1)]
SIDE, CLASSES, MAX = 5, 4, 12
GOOD: list[Truth] = [
    (0.31, 0.42, 0.3, 0.25, 1), (0.33, 0.44, 0.5, 0.44, 3), (0.74, 0.71, 0.6, 0.5, 0), (0.55, 0.91, 0.2, 0.6, 2),
    (0.32, 0.43, 0.31, 0.26, 2), (0.9, 0.15, 0.45, 0.3, 1),
]  # fmt: skip


class Loss:
    """A head right behind the network's input, and what its loss says about two images."""

    def __init__(
        self,
        raw: Array,
        truths: Sequence[Sequence[Sequence[float]]],
        keys: dict[str, Any],
        *,
        kind: str = "yolo",
        dialect: str = "alexeyab",
        device: Engine = ("ref", None),
        files: dict[str, bytes] | None = None,
        net: str = "",
    ) -> None:
        channels = raw.shape[1]
        lines = [f"[net]\nwidth={SIDE}\nheight={SIDE}\nchannels={channels}\nbatch={len(raw)}\n{net}\n[{kind}]"]
        anchors = ",".join(f"{w},{h}" for w, h in ANCHORS)
        base = {"classes": CLASSES, "num": len(ANCHORS), "anchors": anchors, "mask": "1,2,4", "max": MAX}
        lines += [f"{key}={value}" for key, value in {**base, **keys}.items()]
        cfg = "\n".join(lines).encode() + b"\n"
        self.net = TrainingNetwork(
            cfg, batch=0, training=True, dialect=dialect, device=device[0], isa=device[1], files=files or {}
        )
        self.again(raw, truths)

    def again(self, raw: Array, truths: Sequence[Sequence[Sequence[float]]], iteration: int = 0) -> None:
        """Another mini-batch."""
        self.net.set_clock(iteration=iteration)
        self.net.forward(raw.astype(np.float32))
        self.cost = self.net.loss(self.rows(truths))
        delta = self.net.delta(0)
        assert delta is not None
        self.delta: NDArray[np.float32] = delta.reshape(len(raw), 3, -1, SIDE, SIDE)

    def rows(self, truths: Sequence[Sequence[Sequence[float]]]) -> NDArray[np.float32]:
        """As darknet lays them out: x, y, w, h, class and, in alexeyab's dialect, a track."""
        size = self.net.truths // MAX
        out = np.zeros((len(truths), MAX, size), np.float32)
        for k, image in enumerate(truths):
            for t, truth in enumerate(image):
                out[k, t, :5] = truth
        return out.reshape(len(truths), -1)

    @property
    def figures(self) -> Figures:
        found = self.net.figures(0)
        assert found is not None
        return found


def text_of(keys: dict[str, Any]) -> dict[str, Any]:
    return {k: ",".join(map(str, v)) if isinstance(v, list) else v for k, v in keys.items()}


def signs_of_life(rng: np.random.Generator, entries: int, shift: float = 0) -> Array:
    """Raw values of two images: boxes of the anchors' sizes, classes that are sometimes sure."""
    raw = rng.normal(0, 0.8, (2, 3, entries, SIDE, SIDE))
    raw[:, :, entries - CLASSES :] += shift
    return raw.reshape(2, -1, SIDE, SIDE).astype(np.float32).astype(float)


def check(loss: Loss, head: Head, outputs: Array, truths: Sequence[Sequence[Truth]]) -> None:
    """Deltas, cost and figures against the oracle's."""
    found: list[Found] = []
    for output, boxes in zip(outputs.reshape(2, 3, -1, SIDE, SIDE), truths, strict=True):
        found.append(Image(head, output, boxes).found)
    wanted = np.stack([one.delta for one in found])
    np.testing.assert_allclose(loss.delta, wanted, rtol=2e-4, atol=2e-5 * max(1, np.abs(wanted).max()))
    assert loss.cost == pytest.approx(cost(head, found), rel=1e-4)
    figures, ious, gious = loss.figures, [v for f in found for v in f.ious], [v for f in found for v in f.gious]
    shown = gious if head.form == "gaussian" and head.iou_loss != "mse" else ious
    assert (figures.matched, figures.class_count) == (len(ious), len(ious))
    assert figures.assigned == sum(f.assigned for f in found)
    assert figures.rewritten == sum(f.rewritten for f in found)
    assert figures.iou == pytest.approx(sum(ious), abs=1e-4)
    assert figures.giou == pytest.approx(sum(gious), abs=1e-4)
    assert (figures.recall_50, figures.recall_75) == tuple(sum(v > limit for v in shown) for limit in (0.5, 0.75))
    assert figures.objectness == pytest.approx(sum(f.objectness for f in found), rel=1e-4)
    assert figures.class_score == pytest.approx(sum(f.class_score for f in found), rel=1e-4)
    at = 4 * head.step
    everywhere = outputs.reshape(2, 3, -1, SIDE, SIDE)[:, :, at]
    assert figures.boxes == everywhere.size
    assert figures.no_objectness == pytest.approx(everywhere.sum(), rel=1e-4)
    if not (head.form == "v4" and head.iou_loss != "mse"):
        assert figures.class_loss + figures.iou_loss <= figures.cost * (1 + 1e-5)


def head_of(keys: dict[str, Any], form: Any) -> Head:
    known = {k: v for k, v in keys.items() if k not in ("scale_x_y", "map")}
    defaults = {"iou_normalizer": 1.0} if form == "v3" else {}
    return Head(ANCHORS, [1, 2, 4], CLASSES, (SIDE, SIDE), form, **{**defaults, **known})


BUSY = {"iou_thresh": 0.2, "ignore_thresh": 0.3}
V4: dict[str, dict[str, Any]] = {
    "mse": {},
    "mse_clipped_not": {"max_delta": 0.01},
    "mse_busy": {**BUSY, "iou_normalizer": 0.3},
    "truth_thresh": {"truth_thresh": 0.4, "ignore_thresh": 0.2, "iou_loss": "ciou", "iou_thresh": 0.5},
    "hardly_touching": {"ignore_thresh": 0.002},
    **{f"{kind}_{by}": {**BUSY, "iou_loss": kind, "iou_thresh_kind": by, "max_delta": 2}
       for kind, by in (("iou", "giou"), ("giou", "ciou"), ("diou", "iou"), ("ciou", "diou"))},
    "unlimited": {"iou_loss": "ciou", "iou_normalizer": 3},
    "normalizers": {**BUSY, "iou_loss": "giou", "obj_normalizer": 0.4, "cls_normalizer": 0.7, "iou_normalizer": 0.07},
    "counters": {**BUSY, "counters_per_class": [10, 200, 30, 7], "cls_normalizer": 0.5, "max_delta": 20},
    "counters_limited": {"counters_per_class": [1, 200, 0, 7], "max_delta": 3, "iou_loss": "diou"},
    "smooth": {**BUSY, "label_smooth_eps": 0.1},
    "focal": {**BUSY, "focal_loss": 1, "label_smooth_eps": 0.1},
    "objectness_smooth": {**BUSY, "objectness_smooth": 1, "truth_thresh": 0.5},
    "objectness_smooth_counters": {**BUSY, "objectness_smooth": 1, "counters_per_class": [9, 3, 6, 2]},
    "scale": {"scale_x_y": 1.2, "iou_loss": "ciou"},
    "plain_total": {"iou_loss": "ciou", "show_details": 0},
    "new_coords": {**BUSY, "new_coords": 1, "scale_x_y": 2, "iou_loss": "ciou", "objectness_smooth": 1},
    "new_coords_mse": {"new_coords": 1, "scale_x_y": 2},
}  # fmt: skip


@pytest.mark.parametrize("keys", V4.values(), ids=V4)
def test_yolo_v4(keys: dict[str, Any], engine: Engine, rng: np.random.Generator) -> None:
    raw = signs_of_life(rng, 5 + CLASSES)
    if keys.get("new_coords"):
        raw = logistic(raw).astype(np.float32).astype(float)
    truths = [GOOD, GOOD[2:4]]
    loss = Loss(raw, truths, text_of(keys), device=engine)
    outputs = yolo(raw, 3, CLASSES, keys.get("scale_x_y", 1), bool(keys.get("new_coords")))
    check(loss, head_of(keys, "v4"), outputs, truths)
    assert loss.figures.skipped == 0


V3: dict[str, dict[str, Any]] = {
    "plain": {},
    "ignore": {"ignore_thresh": 0.2},
    "truth_thresh": {"ignore_thresh": 0.2, "truth_thresh": 0.4},
}


@pytest.mark.parametrize("keys", V3.values(), ids=V3)
def test_yolo_v3_of_pjreddie(keys: dict[str, Any], engine: Engine, rng: np.random.Generator) -> None:
    raw = signs_of_life(rng, 5 + CLASSES, -1)
    truths = [GOOD, GOOD[2:4]]
    loss = Loss(raw, truths, keys, device=engine, dialect="pjreddie")
    check(loss, head_of(keys, "v3"), yolo(raw, 3, CLASSES), truths)


def test_pjreddie_knows_no_keys_of_alexeyab(rng: np.random.Generator) -> None:
    raw = signs_of_life(rng, 5 + CLASSES)
    keys = {"iou_loss": "ciou", "iou_thresh": 0.2, "obj_normalizer": 0.3, "focal_loss": 1, "label_smooth_eps": 0.1,
            "counters_per_class": "1,2,3,4", "max_delta": 0.1, "objectness_smooth": 1}  # fmt: skip
    plain = Loss(raw, [GOOD, GOOD], {}, dialect="pjreddie")
    np.testing.assert_array_equal(Loss(raw, [GOOD, GOOD], keys, dialect="pjreddie").delta, plain.delta)


GAUSSIAN: dict[str, dict[str, Any]] = {
    "mse": {},
    "several": {**BUSY, "uc_normalizer": 0.3, "max_delta": 0.7},
    **{kind: {**BUSY, "iou_loss": kind, "iou_normalizer": 0.2} for kind in ("iou", "giou", "diou", "ciou")},
    "left_top": {**BUSY, "yolo_point": "left_top", "iou_loss": "giou"},
    "right_bottom": {**BUSY, "yolo_point": "right_bottom"},
    "objectness_smooth": {"ignore_thresh": 0.2, "truth_thresh": 0.5, "objectness_smooth": 1, "label_smooth_eps": 0.1},
    "counters": {**BUSY, "counters_per_class": [10, 200, 30, 7], "cls_normalizer": 0.5, "max_delta": 20},
    "focal_is_not_known": {"focal_loss": 1},
}


@pytest.mark.parametrize("keys", GAUSSIAN.values(), ids=GAUSSIAN)
def test_gaussian_yolo(keys: dict[str, Any], engine: Engine, rng: np.random.Generator) -> None:
    raw = signs_of_life(rng, 9 + CLASSES)
    truths = [GOOD, GOOD[2:4]]
    loss = Loss(raw, truths, text_of(keys), kind="Gaussian_yolo", device=engine)
    outputs = gaussian_yolo(raw, 3, CLASSES)
    check(loss, head_of({k: v for k, v in keys.items() if k != "focal_loss"}, "gaussian"), outputs, truths)


# ---- a true derivative ----


def entropy(p: Array, target: Array) -> float:
    return float(-(target * np.log(p) + (1 - target) * np.log(1 - p)).sum())


def test_deltas_of_v3_are_a_derivative(rng: np.random.Generator) -> None:
    """Cross entropy of x, y, objectness and classes, squared error of w and h: darknet's deltas are minus its slope."""
    raw = signs_of_life(rng, 5 + CLASSES, -2)
    truth = GOOD[3]
    loss = Loss(raw, [[truth], [truth]], {"ignore_thresh": 1}, dialect="pjreddie")
    anchor, i, j = 1, 4, 2  # the anchor of 1.6 × 2.6 is second in mask; the truth's centre is in that cell
    sizes = np.log(np.array(truth[2:4]) * SIDE / ANCHORS[2])
    assert np.abs(loss.delta[0, anchor, 2:4, i, j]).min() > 0

    def energy(values: Array) -> float:
        boxes = values.reshape(3, -1, SIDE, SIDE)
        wanted = np.zeros_like(boxes[:, 4])
        wanted[anchor, i, j] = 1
        own = boxes[anchor, :, i, j]
        point = np.array(truth[:2]) * SIDE - [j, i]
        places = entropy(logistic(own[:2]), point) + float(((own[2:4] - sizes) ** 2).sum()) / 2
        classes = entropy(logistic(own[5:]), np.eye(CLASSES)[truth[4]])
        return entropy(logistic(boxes[:, 4]), wanted) + classes + (2 - truth[2] * truth[3]) * places

    slope = np.zeros(raw[0].size)
    for k in range(slope.size):
        step = np.zeros(slope.size)
        step[k] = 1e-5
        shaped = step.reshape(raw[0].shape)
        slope[k] = (energy(raw[0] + shaped) - energy(raw[0] - shaped)) / 2e-5
    np.testing.assert_allclose(loss.delta[0].ravel(), -slope, atol=2e-6)


# ---- labels ----


BAD: dict[str, Sequence[float]] = {
    "class_too_high": (0.5, 0.5, 0.2, 0.2, CLASSES),
    "class_huge": (0.5, 0.5, 0.2, 0.2, 1e30),
    "class_negative": (0.5, 0.5, 0.2, 0.2, -1),
    "class_nan": (0.5, 0.5, 0.2, 0.2, np.nan),
    "x_nan": (np.nan, 0.5, 0.2, 0.2, 1),
    "y_infinite": (0.5, np.inf, 0.2, 0.2, 1),
    "w_nan": (0.5, 0.5, np.nan, 0.2, 1),
    "no_width": (0.5, 0.5, 0, 0.2, 1),
    "negative_height": (0.5, 0.5, 0.2, -0.2, 1),
    "left_of_the_image": (-0.3, 0.5, 0.2, 0.2, 1),
    "below_the_image": (0.5, 1.5, 0.2, 0.2, 1),
    "h_infinite": (0.5, 0.5, 0.2, np.inf, 1),
}


@pytest.mark.parametrize("kind", ["yolo", "Gaussian_yolo"])
@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_labels_of_no_use_are_passed_over(
    kind: str, dialect: str, bad: Sequence[float], rng: np.random.Generator
) -> None:
    raw = signs_of_life(rng, (5 if kind == "yolo" else 9) + CLASSES)
    keys = {**BUSY, "truth_thresh": 0.6, "ignore_thresh": 0.4}
    for point in ("center", "left_top") if kind == "Gaussian_yolo" else ("center",):
        given = {**keys, "yolo_point": point} if kind == "Gaussian_yolo" else keys
        with_bad = Loss(raw, [[GOOD[0], bad, GOOD[2]], [bad]], given, kind=kind, dialect=dialect)
        without = Loss(raw, [[GOOD[0], GOOD[2]], []], given, kind=kind, dialect=dialect)
        np.testing.assert_array_equal(with_bad.delta, without.delta)
        assert with_bad.cost == without.cost
        assert (with_bad.figures.skipped, without.figures.skipped) == (2, 0)


@pytest.mark.parametrize("truth", [(1.0, 0.5, 0.4, 0.5, 1), (0.5, 1.0, 0.4, 0.5, 1), (1.0, 1.0, 0.4, 0.5, 1)])
def test_a_centre_on_the_border_belongs_to_the_last_cell(truth: Truth, rng: np.random.Generator) -> None:
    raw = signs_of_life(rng, 5 + CLASSES)
    loss = Loss(raw, [[truth], []], {})
    check(loss, head_of({}, "v4"), yolo(raw, 3, CLASSES), [[truth], []])
    assert loss.figures.matched == 1


def test_what_lies_behind_the_end_of_the_labels_is_not_read(rng: np.random.Generator) -> None:
    raw = signs_of_life(rng, 5 + CLASSES)
    ended = Loss(raw, [[GOOD[0], (0, 0, 0, 0, 0), GOOD[2]], []], {})
    np.testing.assert_array_equal(ended.delta, Loss(raw, [[GOOD[0]], []], {}).delta)
    assert ended.figures.skipped == 0


def test_without_labels_objectness_alone_learns(rng: np.random.Generator) -> None:
    raw = signs_of_life(rng, 5 + CLASSES)
    loss = Loss(raw, [[], []], {"iou_loss": "ciou"})
    wanted = np.zeros_like(loss.delta)
    wanted[:, :, 4] = -logistic(raw.reshape(2, 3, -1, SIDE, SIDE)[:, :, 4])
    np.testing.assert_allclose(loss.delta, wanted, atol=1e-6)
    assert loss.cost == pytest.approx((wanted**2).sum(), rel=1e-5)
    assert loss.figures.matched == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_outputs_that_are_not_finite_do_no_harm(value: float, rng: np.random.Generator) -> None:
    raw = signs_of_life(rng, 5 + CLASSES)
    raw[:, ::2] = value
    for keys in ({"iou_loss": "ciou", **BUSY}, {"truth_thresh": 0.1}):
        loss = Loss(raw, [GOOD, GOOD], keys)
        assert np.isfinite(loss.delta.reshape(2, 3, 9, -1)[:, :, 4]).all()


def test_map_renumbers_the_classes_of_labels(rng: np.random.Generator) -> None:
    raw = signs_of_life(rng, 5 + CLASSES)
    mapped = [(*truth[:4], [2, 0, 3, 1][truth[4]]) for truth in GOOD]
    keys = {"map": "m.txt", "iou_thresh": 0.2, "truth_thresh": 0.5}
    found = Loss(raw, [GOOD, GOOD], keys, files={"m.txt": b"2\n0\n3\n1\n"})
    wanted = Loss(raw, [mapped, mapped], {k: v for k, v in keys.items() if k != "map"})
    np.testing.assert_array_equal(found.delta, wanted.delta)
    short = Loss(raw, [GOOD, GOOD], keys, files={"m.txt": b"2\n0\n"})  # labels 2 and 3 have no line there
    assert short.figures.skipped == 2 * sum(truth[4] > 1 for truth in GOOD)


# ---- deltas left out ----


class Limits:
    """What the reference does with deltas late in training, for one head."""

    def __init__(self, batches: int, point: int, percentage: float, sigmas: float) -> None:
        self.batches, self.point, self.percentage, self.sigmas = batches, point, percentage, sigmas
        self.start = batches * 3 // 4
        self.largest = self.average = self.deviation = self.threshold = 0.0

    def __call__(self, delta: Array, iteration: int) -> Array:
        late = iteration > self.start and (self.percentage or self.sigmas)
        balanced = self.point and iteration > self.point
        if not (late or balanced):
            return delta
        progress = (iteration - self.point) / (self.batches - self.point)
        least = 1.4 * self.average * progress
        sizes = np.abs(delta[delta != 0])
        self.largest = 0.99 * (self.largest or sizes.max()) + 0.01 * sizes.max()
        self.average = 0.99 * self.average + 0.01 * sizes.mean()
        out = delta.copy()
        if late and self.sigmas:
            usual = self.average + self.deviation * self.sigmas
            spread = np.sqrt(((delta[delta != 0] - self.average) ** 2).mean())
            self.deviation = 0.99 * self.deviation + 0.01 * spread
            part = (iteration - self.start) / self.start
            out[np.abs(out) > max(usual, self.largest - part * abs(self.largest - usual))] = 0
            least = min(usual, self.average) * progress
        if late and self.percentage:
            self.threshold = self.threshold or self.largest
            rejected = np.abs(out) > self.threshold
            percent = 100 * rejected.sum() * (5 + CLASSES) / (out != 0).sum()
            out[rejected] = 0
            self.threshold += 0.01 if percent > self.percentage else -0.01
        if balanced:
            out[np.abs(out) < least] = 0
        return out


@pytest.mark.parametrize(
    ("point", "percentage", "sigmas"), [(3, 0, 0), (0, 0.5, 0), (0, 90, 0), (0, 0, 2), (0, 0, 90), (3, 0.5, 3)]
)
def test_deltas_left_out_late_in_training(
    point: int, percentage: float, sigmas: float, engine: Engine, rng: np.random.Generator
) -> None:
    limits = Limits(20, point, percentage, sigmas)
    net = (
        f"max_batches=20\nequidistant_point={point}\nbadlabels_rejection_percentage={percentage}\n"
        f"num_sigmas_reject_badlabels={sigmas}"
    )
    keys = {**BUSY, "iou_loss": "ciou"}
    free, limited = (Loss(signs_of_life(rng, 9), [[], []], keys, device=engine, net=text) for text in ("", net))
    changed = 0
    for iteration in (2, 3, 4, 12, 15, 16, 17, 18, 19):
        raw = signs_of_life(rng, 5 + CLASSES)
        for loss in (free, limited):
            loss.again(raw, [GOOD, GOOD[2:4]], iteration)
        wanted = limits(free.delta.astype(float), iteration)
        np.testing.assert_allclose(limited.delta, wanted, rtol=1e-6, atol=1e-7)
        assert limited.cost <= free.cost
        changed += int((wanted != free.delta).sum())
    assert changed > 0


def test_gaussian_and_pjreddie_leave_no_deltas_out(rng: np.random.Generator) -> None:
    net = "max_batches=4\nbadlabels_rejection_percentage=50\nnum_sigmas_reject_badlabels=0.1\nequidistant_point=1"
    for kind, dialect, entries in (("Gaussian_yolo", "alexeyab", 13), ("yolo", "pjreddie", 9)):
        raw = signs_of_life(rng, entries)
        free, limited = (Loss(raw, [GOOD, []], {}, kind=kind, dialect=dialect, net=text) for text in ("", net))
        for loss in (free, limited):
            loss.again(raw, [GOOD, []], 4)
        np.testing.assert_array_equal(limited.delta, free.delta)


# ---- what flows back, refusals ----


def behind_a_convolution(keys: str, normalizer: str) -> NDArray[np.float32]:
    cfg = f"""[net]
width={SIDE}
height={SIDE}
channels=2
{keys}
[convolutional]
filters=27
size=1
activation=linear
[yolo]
classes={CLASSES}
num=3
anchors=1,1,2,2,3,3
max={MAX}
{normalizer}
"""
    net = TrainingNetwork(cfg.encode(), batch=0, training=True, outputs="all")
    net.forward(np.full((1, 2, SIDE, SIDE), 0.5, np.float32))
    rows = np.zeros((MAX, 6), np.float32)
    rows[: len(GOOD), :5] = GOOD
    net.loss(rows.reshape(1, -1))
    net.backward()
    gradient = net.gradient(0, "biases")
    assert gradient is not None
    return gradient.copy()


def test_delta_normalizer_scales_what_flows_back() -> None:
    plain = behind_a_convolution("", "")
    np.testing.assert_allclose(behind_a_convolution("", "delta_normalizer=0.25"), plain / 4, rtol=1e-6)
    # The reference's CPU code has no such factor.
    np.testing.assert_array_equal(behind_a_convolution("reference_cpu=1", "delta_normalizer=0.25"), plain)


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"counters_per_class": "1,2,3"}, "counters_per_class has 3 numbers for 4 classes"),
        ({"max": 0}, "max=0"),
        ({"map": "m.txt"}, "m.txt"),
    ],
)
def test_refusals(keys: dict[str, Any], text: str, rng: np.random.Generator) -> None:
    with pytest.raises(pydn.CfgError, match=text):
        Loss(signs_of_life(rng, 5 + CLASSES), [[], []], keys)
