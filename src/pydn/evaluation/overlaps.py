"""Overlaps of detections with objects of their class in their picture: only pairs that overlap are kept.

Intersection over union of a and b is |a ∩ b| / (|a| + |b| − |a ∩ b|), where |a| is an area; over a crowd c it is
|a ∩ c| / |a|.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .evidence import Doubles, Evidence, Found, Indices, Mask, Objects
from .rules import Rules

_BLOCK, _AT_ONCE = 1 << 16, 1 << 17
"""Detections, and pairs of a detection and an object, that are dealt with at a time: memory does not grow with them."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Detections and objects that overlap, by detection and then by object.

    Attributes
    ----------
    detection, truth
        (n,) int: rows of `Found` and of `Objects`.
    iou
        (n,) float: how much.
    """

    detection: Indices
    truth: Indices
    iou: NDArray[Any]

    def __getitem__(self, rows: Mask | Indices) -> Pairs:
        return Pairs(self.detection[rows], self.truth[rows], self.iou[rows])


def overlapping(
    evidence: Evidence, rules: Rules, *, least: float, touching: bool = True, any_class: bool = False
) -> Pairs:
    """Return all pairs whose overlap is above `least`, or `touching` it; `any_class` pairs boxes of all classes."""
    found, objects = evidence.found, evidence.objects
    theirs = _object_boxes(rules, evidence)
    partners = _Partners(objects, 0 if any_class else evidence.classes)
    crowd = _crowds(rules, objects)
    kept: list[tuple[Indices, Indices, NDArray[Any]]] = []
    for block in _blocks(len(found)):
        mine = _found_boxes(rules, evidence, block)
        for detection, truth in partners.pairs(found, block):
            with _any_size():
                iou = _OVERLAP[rules.geometry](mine[detection - block.start], theirs[truth], crowd[truth])
            rows = (iou >= least if touching else iou > least) & (iou > 0)
            kept.append((detection[rows], truth[rows], iou[rows]))
    if not kept:
        return Pairs(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0))
    return Pairs(*map(np.concatenate, zip(*kept, strict=True)))


def overlaps_of(evidence: Evidence, rules: Rules, detection: Indices, truth: Indices) -> NDArray[Any]:
    """Return how much given detections overlap given objects."""
    mine, theirs = _found_boxes(rules, evidence, detection), _object_boxes(rules, evidence)
    return _OVERLAP[rules.geometry](mine, theirs[truth], _crowds(rules, evidence.objects)[truth])


def _found_boxes(rules: Rules, evidence: Evidence, rows: slice | Indices) -> NDArray[Any]:
    """Return the boxes of some detections in the form in which the rules compare them."""
    found = evidence.found
    if rules.geometry == "relative":
        return found.box[rows]
    return pixel_boxes(found.box[rows], evidence.sizes[found.image[rows]], _edge(rules))


def _object_boxes(rules: Rules, evidence: Evidence) -> NDArray[Any]:
    objects = evidence.objects
    return objects.box if rules.geometry == "relative" else pixel_boxes(objects.box, evidence.sizes[objects.image])


def pixel_boxes(boxes: NDArray[Any], sizes: NDArray[Any], edge: int | None = None) -> Doubles:
    """Return (n, 4) left, top, width, height in pixels of boxes given by centre and size.

    With an `edge`, boxes are cut off at the picture's left and upper edge and so many pixels before the others.
    """
    boxes, sizes = boxes.astype(np.float64), sizes.astype(np.float64)
    with _any_size():
        size = boxes[:, 2:] * sizes
        low = boxes[:, :2] * sizes - size / 2
    if edge is not None:
        with _any_size():
            high = np.minimum(low + size, sizes - edge)
            low = np.maximum(low, 0)
            size = np.maximum(high - low, 0)
    return np.concatenate([low, size], axis=1)


def areas(evidence: Evidence, rules: Rules) -> tuple[Doubles, Doubles]:
    """Return the areas of detections and objects in square pixels."""
    found, objects = evidence.found, evidence.objects
    mine = np.empty(len(found))
    for block in _blocks(len(found)):
        boxes = pixel_boxes(found.box[block], evidence.sizes[found.image[block]], _edge(rules))
        mine[block] = boxes[:, 2] * boxes[:, 3]
    theirs = pixel_boxes(objects.box, evidence.sizes[objects.image])
    return mine, theirs[:, 2] * theirs[:, 3]


def _any_size() -> np.errstate:
    """Compute silently with boxes of any size: weights that diverged give infinite ones, which overlap nothing."""
    return np.errstate(invalid="ignore", over="ignore")


def _edge(rules: Rules) -> int | None:
    """Return what to cut off: the last pixel of a row of 100 is number 99 where boxes include it."""
    return None if not rules.clipped else int(rules.geometry == "inclusive")


def _crowds(rules: Rules, objects: Objects) -> Mask:
    return objects.difficult if rules.difficult == "absorb" else np.zeros(len(objects), np.bool_)


class _Partners:
    """Finds the objects of a detection's picture and class.

    Parameters
    ----------
    objects
        All objects.
    classes
        How many classes there are; 0: objects of all classes are meant.
    """

    def __init__(self, objects: Objects, classes: int) -> None:
        self._classes = classes
        keys = self._keys(objects, slice(None))
        self._order = np.argsort(keys, kind="stable").astype(np.int32)
        self._sorted = keys[self._order]

    def pairs(self, found: Found, block: slice) -> Iterator[tuple[Indices, Indices]]:
        """Yield rows of detections and of objects, so many at a time as may be dealt with at once."""
        keys = self._keys(found, block)
        first = np.searchsorted(self._sorted, keys, "left")
        count = np.searchsorted(self._sorted, keys, "right") - first
        for start, stop in _portions(count):
            here = count[start:stop]
            detection = np.repeat(np.arange(block.start + start, block.start + stop, dtype=np.int32), here)
            place = np.arange(len(detection)) - np.repeat(np.cumsum(here) - here, here)
            yield detection, self._order[np.repeat(first[start:stop], here) + place]

    def _keys(self, table: Found | Objects, rows: slice) -> NDArray[np.int64]:
        image = table.image[rows].astype(np.int64)
        return image * self._classes + table.class_id[rows] if self._classes else image


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, min(start + _BLOCK, count)) for start in range(0, count, _BLOCK))


def _portions(count: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Split detections so that each part has about as many pairs as may be dealt with at once."""
    part = np.cumsum(count) // _AT_ONCE
    edges = [0, *(np.flatnonzero(np.diff(part)) + 1).tolist(), len(count)]
    return list(itertools.pairwise(edges))


def _relative(a: NDArray[Any], b: NDArray[Any], crowd: Mask) -> NDArray[Any]:
    """As the reference: centre and size, single precision."""
    low = np.maximum(a[:, :2] - a[:, 2:] / 2, b[:, :2] - b[:, 2:] / 2)
    inside = np.minimum(a[:, :2] + a[:, 2:] / 2, b[:, :2] + b[:, 2:] / 2) - low
    return _ratio(inside, a[:, 2] * a[:, 3], b[:, 2] * b[:, 3], crowd)


def _pixels(a: NDArray[Any], b: NDArray[Any], crowd: Mask) -> NDArray[Any]:
    """Left, top, width, height."""
    inside = np.minimum(a[:, 2:] + a[:, :2], b[:, 2:] + b[:, :2]) - np.maximum(a[:, :2], b[:, :2])
    return _ratio(inside, a[:, 2] * a[:, 3], b[:, 2] * b[:, 3], crowd)


def _inclusive(a: NDArray[Any], b: NDArray[Any], crowd: Mask) -> NDArray[Any]:
    """Left, top, width, height; the pixel of the last edge belongs to the box."""
    inside = np.minimum(a[:, 2:] + a[:, :2], b[:, 2:] + b[:, :2]) - np.maximum(a[:, :2], b[:, :2]) + 1
    return _ratio(inside, (a[:, 2] + 1) * (a[:, 3] + 1), (b[:, 2] + 1) * (b[:, 3] + 1), crowd)


def _ratio(inside: NDArray[Any], mine: NDArray[Any], theirs: NDArray[Any], crowd: Mask) -> NDArray[Any]:
    common = np.where((inside > 0).all(axis=1), inside[:, 0] * inside[:, 1], 0).astype(inside.dtype)
    union = np.where(crowd, mine, mine + theirs - common)
    return np.asarray(np.divide(common, union, out=np.zeros_like(common), where=union > 0))


_OVERLAP = {"relative": _relative, "pixels": _pixels, "inclusive": _inclusive}
