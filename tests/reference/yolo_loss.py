"""Losses of [yolo] and [Gaussian_yolo]: which boxes learn which truths, and how much. One image, loop after loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from .types import Array

Box: TypeAlias = Sequence[float] | Array  # centre x, y, width, height
Truth: TypeAlias = tuple[float, float, float, float, int]
Form: TypeAlias = Literal["v3", "v4", "gaussian"]


# ---- overlaps ----


def edges(box: Box) -> tuple[float, float, float, float]:
    x, y, w, h = box
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


def areas(a: Box, b: Box) -> tuple[float, float, float]:
    """Sides of the intersection (negative: of the gap), and the union that follows from their product."""
    p, t = edges(a), edges(b)
    w, h = min(p[2], t[2]) - max(p[0], t[0]), min(p[3], t[3]) - max(p[1], t[1])
    return w, h, a[2] * a[3] + b[2] * b[3] - w * h


def hull(a: Box, b: Box) -> tuple[float, float]:
    p, t = edges(a), edges(b)
    return max(p[2], t[2]) - min(p[0], t[0]), max(p[3], t[3]) - min(p[1], t[1])


def apart(a: Box, b: Box) -> bool:
    w, h, _ = areas(a, b)
    return w <= 0 or h <= 0


def ratio(a: Box, b: Box) -> float:
    """Intersection over union, as it comes out for boxes that do not meet, too."""
    w, h, both = areas(a, b)
    return w * h / both


def iou(a: Box, b: Box) -> float:
    return 0 if apart(a, b) else ratio(a, b)


def filled(a: Box, b: Box) -> float:
    """Part of the hull that the union fills."""
    w, h = hull(a, b)
    return areas(a, b)[2] / (w * h)


def giou(a: Box, b: Box) -> float:
    w, h = hull(a, b)
    both = a[2] * a[3] + b[2] * b[3] - (0 if apart(a, b) else areas(a, b)[0] * areas(a, b)[1])
    return iou(a, b) - (1 - both / (w * h))


def diagonal(a: Box, b: Box) -> float:
    w, h = hull(a, b)
    return w * w + h * h


def distance(a: Box, b: Box) -> float:
    return float((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2)


def diou(a: Box, b: Box) -> float:
    return float(iou(a, b) - (distance(a, b) / diagonal(a, b)) ** 0.6)


def angle(a: Box, b: Box) -> float:
    return float(np.arctan(b[2] / b[3]) - np.arctan(a[2] / a[3]))


def ciou(a: Box, b: Box) -> float:
    v = 4 / np.pi**2 * angle(a, b) ** 2
    return float(iou(a, b) - distance(a, b) / diagonal(a, b) - v * v / (1 - iou(a, b) + v + 1e-6))


OVERLAPS: dict[str, Callable[[Box, Box], float]] = {"iou": iou, "giou": giou, "diou": diou, "ciou": ciou}


def derivative(of: Callable[[Box, Box], float], predicted: Box, truth: Box) -> Array:
    """By the four numbers of the predicted box, by central differences."""
    step, out = 1e-7, np.zeros(4)
    for k in range(4):
        more, less = np.array(predicted, float), np.array(predicted, float)
        more[k] += step
        less[k] -= step
        out[k] = (of(more, truth) - of(less, truth)) / (2 * step)
    return out


def slope(predicted: Box, truth: Box, kind: str) -> Array:
    """Darknet's direction: by width and height twice the derivative, and DIoU's distance with its sign by x and y."""
    twice = np.array([1, 1, 2, 2])
    out = twice * derivative(ratio, predicted, truth)
    if kind == "giou":
        return twice * derivative(filled, predicted, truth) + (0 if apart(predicted, truth) else out)
    if kind == "iou":
        return out
    s, d, grown = distance(predicted, truth), diagonal(predicted, truth), derivative(diagonal, predicted, truth)
    away = 2 * (np.array(truth[:4]) - np.array(predicted)) * d
    far = np.where([True, True, False, False], away - grown * s, grown * s) / d**2
    if kind == "ciou":
        turn = angle(predicted, truth)
        v = 4 / np.pi**2 * turn**2
        alpha = v / (1 - ratio(predicted, truth) + v + 1e-6)
        far[2:] += alpha * 8 / np.pi**2 * turn * np.array([predicted[3], -predicted[2]])
    return far + (0 if apart(predicted, truth) else out)


# ---- the head ----


@dataclass
class Head:
    """Keys of a section, by their names in a cfg, and what surrounds it."""

    anchors: list[tuple[float, float]]
    mask: list[int]
    classes: int
    net: tuple[int, int]
    form: Form = "v4"
    ignore_thresh: float = 0.5
    truth_thresh: float = 1
    iou_thresh: float = 1
    iou_thresh_kind: str = "iou"
    iou_loss: str = "mse"
    iou_normalizer: float = 0.75
    obj_normalizer: float = 1
    cls_normalizer: float = 1
    uc_normalizer: float = 1
    max_delta: float = np.inf
    label_smooth_eps: float = 0
    focal_loss: int = 0
    objectness_smooth: int = 0
    show_details: int = 1
    new_coords: int = 0
    yolo_point: str = "center"
    counters_per_class: list[int] | None = None
    map: list[int] | None = None

    @property
    def step(self) -> int:
        return 2 if self.form == "gaussian" else 1

    @property
    def entries(self) -> int:
        return 4 * self.step + 1 + self.classes

    @property
    def way(self) -> float:
        """From the centre to the point that x and y stand for, in sizes of the box."""
        return {"center": 0, "left_top": -0.5, "right_bottom": 0.5}[self.yolo_point]

    def weight(self, kind: int) -> float:
        if self.counters_per_class is None:
            return 1
        counts = np.maximum(self.counters_per_class, 1)
        return float(min(counts.max() / counts[kind], self.max_delta))


@dataclass
class Found:
    """What the loss of one image gives."""

    delta: Array  # (anchors, entries, rows, columns)
    ious: list[float] = field(default_factory=list)
    gious: list[float] = field(default_factory=list)
    objectness: float = 0
    class_score: float = 0
    assigned: int = 0
    rewritten: int = 0


class Image:
    """One image: output is (anchors, entries, rows, columns), as the head gives it."""

    def __init__(self, head: Head, output: Array, truths: Sequence[Truth]) -> None:
        self.head, self.output = head, output
        self.truths = [(t[:4], head.map[t[4]] if head.map else t[4]) for t in truths]
        self.found = Found(np.zeros_like(output))
        for place in np.ndindex(len(head.mask), *output.shape[2:]):
            self.look_at(place)
        for truth, kind in self.truths:
            self.assign(np.array(truth), kind)
        self.average()

    def cell(self, place: tuple[int, ...]) -> tuple[Array, Array]:
        """Output and delta of one box, both (entries,) and live."""
        a, i, j = place
        return self.output[a, :, i, j], self.found.delta[a, :, i, j]

    def box(self, place: tuple[int, ...]) -> Array:
        head, (values, _), (a, i, j) = self.head, self.cell(place), place
        rows, columns = self.output.shape[2:]
        x, y, w, h = values[: 4 * head.step : head.step]
        size = np.array([4 * w * w, 4 * h * h]) if head.new_coords else np.exp([w, h])
        size = size * head.anchors[head.mask[a]] / head.net
        return np.array([(j + x) / columns, (i + y) / rows, *size]) - head.way * np.array([*size, 0, 0])

    def look_at(self, place: tuple[int, ...]) -> None:
        head, (values, delta) = self.head, self.cell(place)
        at = 4 * head.step
        objectness = values[at]
        delta[at] = -head.obj_normalizer * objectness
        overlaps = [iou(self.box(place), truth) for truth, _ in self.truths]
        best = max(overlaps, default=0)
        truth, kind = self.truths[int(np.argmax(overlaps))] if overlaps else ((), -1)
        if (best if head.form == "v3" or (values[at + 1 :] > 0.25).any() else 0) > head.ignore_thresh:
            if not head.objectness_smooth:
                delta[at] = 0
            elif head.form == "v4":
                delta[at] = max(delta[at], head.obj_normalizer * (best - objectness))
            else:
                delta[at] = head.obj_normalizer * (best**2 - objectness)
                self.learn_class(place, kind)
        if best > head.truth_thresh:
            target = best**2 if head.objectness_smooth else 1
            delta[at] = head.obj_normalizer * (target - objectness)
            self.learn_class(place, kind)
            if head.objectness_smooth:
                delta[at + 1 + kind] = head.weight(kind) * (target - values[at + 1 + kind])
            self.pull(place, np.array(truth), kind)

    def learn_class(self, place: tuple[int, ...], kind: int) -> None:
        head, at = self.head, 4 * self.head.step + 1
        values, delta = (part[at:] for part in self.cell(place))
        smooth = head.label_smooth_eps
        target = np.eye(head.classes)[kind]
        if delta[kind if head.form == "v4" else 0] != 0:
            delta[kind] = (1 - smooth / 2 - values[kind]) * head.weight(kind)
        elif head.focal_loss:
            p = values[kind]
            delta[:] = (target - values) * 0.5 * -(1 - p) * (2 * p * np.log(p) + p - 1)
        else:
            delta[:] = target * (1 - smooth) + smooth / 2 - values
            if head.counters_per_class:
                delta[kind] *= head.weight(kind) * head.cls_normalizer

    def pull(self, place: tuple[int, ...], truth: Array, kind: int) -> None:
        head, (values, delta), (a, i, j) = self.head, self.cell(place), place
        rows, columns = self.output.shape[2:]
        self.found.assigned += 1
        self.found.rewritten += bool(delta[: 4 * head.step].any())
        sizes = truth[2:] * head.net / head.anchors[head.mask[a]]
        point = (truth[:2] + head.way * truth[2:]) * [columns, rows] - [j, i]
        target = np.array([*point, *(np.sqrt(sizes / 4) if head.new_coords else np.log(sizes))])
        raw = values[: 4 * head.step : head.step]
        normalizer = head.iou_normalizer * head.weight(kind)
        scale = 2 - truth[2] * truth[3]
        toward = slope(self.box(place), truth, head.iou_loss) if head.iou_loss != "mse" else np.zeros(4)
        toward[:2] += head.way * toward[2:]
        if not head.new_coords:
            toward[2:] *= np.exp(raw[2:])
        if head.form == "gaussian":
            doubt = values[1:8:2]
            off = (target - raw) / doubt
            density = np.exp(-(off**2) / 2) / (np.sqrt(2 * np.pi) * (doubt + 0.3))
            q = scale / 2 * density / (density + 1e-9)
            if head.iou_loss == "mse":
                toward = q * off / doubt
            delta[:8:2] += np.clip(toward * normalizer, -head.max_delta, head.max_delta)
            uncertain = q * (off**2 / doubt - 1 / (doubt + 0.3)) * head.uc_normalizer
            delta[1:8:2] += np.clip(uncertain, -head.max_delta, head.max_delta)
        elif head.iou_loss == "mse":
            delta[:4] = scale * (target - raw) * normalizer + (0 if head.form == "v3" else delta[:4])
        else:
            delta[:4] += np.clip(toward * normalizer, -head.max_delta, head.max_delta)

    def assign(self, truth: Array, kind: int) -> None:
        head = self.head
        rows, columns = self.output.shape[2:]
        centred = [0, 0, *truth[2:]]
        sizes = [[0, 0, *np.array(anchor) / head.net] for anchor in head.anchors]
        best = int(np.argmax([iou(size, centred) for size in sizes]))
        x, y = np.clip(truth[:2] + head.way * truth[2:], 0, 1)
        i, j = min(int(y * rows), rows - 1), min(int(x * columns), columns - 1)
        others = [k for k in range(len(sizes)) if k != best and head.iou_thresh < 1]
        close = OVERLAPS[head.iou_thresh_kind]
        chosen = [best, *(k for k in others if close(sizes[k], centred) > head.iou_thresh)]
        for anchor in chosen:
            if anchor in head.mask:
                self.learn((head.mask.index(anchor), i, j), truth, kind)

    def learn(self, place: tuple[int, ...], truth: Array, kind: int) -> None:
        head, found, (values, delta) = self.head, self.found, self.cell(place)
        at = 4 * head.step
        self.pull(place, truth, kind)
        if head.form != "v4" or not head.objectness_smooth or delta[at] == 0:
            delta[at] = head.weight(kind) * head.obj_normalizer * (1 - values[at])
        self.learn_class(place, kind)
        found.ious.append(iou(self.box(place), truth))
        found.gious.append(giou(self.box(place), truth))
        found.objectness += values[at]
        found.class_score += values[at + 1 + kind]

    def average(self) -> None:
        head = self.head
        if head.form == "v3" or (head.form == "v4" and head.iou_thresh >= 1):
            return
        for place in np.ndindex(len(head.mask), *self.output.shape[2:]):
            delta = self.cell(place)[1]
            at = 4 * head.step
            if head.form == "gaussian" or delta[at] != 0:
                delta[:at] /= max(1, (delta[at + 1 :] > 0).sum())


def cost(head: Head, images: Sequence[Found]) -> float:
    """Of a mini-batch."""
    total = sum(float((found.delta**2).sum()) for found in images)
    if head.form != "v4" or head.iou_loss == "mse" or not head.show_details:
        return total
    rest = sum(float((found.delta[:, 4:] ** 2).sum()) for found in images)
    fits = [fit for found in images for fit in (found.gious if head.iou_loss == "giou" else found.ious)]
    return head.obj_normalizer * rest + head.iou_normalizer * (1 - float(np.mean(fits)) if fits else 0)
