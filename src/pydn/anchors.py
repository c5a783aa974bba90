"""Anchors that fit the boxes of a data set, as ``detector calc_anchors`` finds them: k-means with distance 1 - IoU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .errors import DataError
from .evaluation.listing import DataSource, Listed, Listing, Problem
from .evaluation.truth import Boxes, read_labels
from .labels import label_path
from .preprocess import Dialect

_Sizes = NDArray[np.float64]
"""(n, 2): width and height."""

_STARTS = 32
"""Runs from different starts, of which the best counts: a single one often ends in a local optimum."""
_ROUNDS = 1000
_SAMPLE = 5000
"""Boxes that the starts are tried on; the best is then carried on with all boxes."""
_LAST_ROUNDS = 20
"""With all boxes, where there are more than that: they hardly move the anchors any more, and might for very long."""
_LARGEST = 1.0001
"""Width or height of a box, relative to its picture; labels are written with a few digits."""
_CLASSES = 1_000_000
"""Where nobody says how many there are: beyond, a class is a slip of the pen, not a counter to make room for."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Anchors:
    """Anchors, and how well they fit.

    Attributes
    ----------
    anchors
        (n, 2) float32: width and height in pixels of the network, the smallest area first.
    average_iou
        Mean over the boxes of the IoU with the best anchor, both at one place; 0 to 1.
    counters_per_class
        Boxes of each class, for the key of that name.
    width, height
        Of the network.
    boxes
        Boxes that were used.
    problems
        What is wrong in the labels.
    """

    anchors: NDArray[np.float32]
    average_iou: float
    counters_per_class: tuple[int, ...]
    width: int
    height: int
    boxes: int
    problems: Sequence[Problem] = field(default=())

    def __str__(self) -> str:
        """Return widths and heights as darknet writes them: whole pixels, or cells with four digits."""
        form = "{:3.0f},{:3.0f}" if self.width > 32 else "{:2.4f},{:2.4f}"
        return ", ".join(form.format(*anchor) for anchor in self.anchors.tolist())

    def __repr__(self) -> str:
        sizes = ", ".join("{:.4g}x{:.4g}".format(*anchor) for anchor in self.anchors.tolist())
        return f"Anchors({sizes}; average IoU {100 * self.average_iou:.2f} %, {self.boxes} boxes)"

    def to_cfg(self) -> str:
        """Return the lines for ``[yolo]`` or ``[region]``; ``mask=`` and ``filters=`` must fit them."""
        return f"anchors = {self}\nnum = {len(self.anchors)}\n"


def calc_anchors(
    data: DataSource,
    num_of_clusters: int = 5,
    width: int = 416,
    height: int = 416,
    *,
    dialect: Dialect = "alexeyab",
    seed: int = 0,
) -> Anchors:
    """Find the anchors that fit the boxes of a data set best.

    Parameters
    ----------
    data
        A .data file (its ``train=``), a list file, a folder of pictures, or paths of pictures. Only the label files
        are read.
    num_of_clusters
        Number of anchors.
    width, height
        Of the network's input, in pixels; for a ``[region]`` head its cells, such as 13 and 13.
    dialect
        By whose rules label files are looked up.
    seed
        The same one gives the same anchors.

    Returns
    -------
    Anchors
        What is wrong in the labels is in its `problems`.

    Raises
    ------
    FileNotFoundError
        If there is no such .data file or list.
    DataError
        If there are fewer different boxes than anchors.
    """
    listing = Listing(data, "train")
    boxes, problems = read_boxes(listing, dialect)
    return fit_anchors(boxes, num_of_clusters, width, height, classes=classes_of(listing), seed=seed, problems=problems)


def classes_of(listing: Listing) -> int | None:
    """Return the number of classes that a .data file gives."""
    return None if listing.data is None or "classes" not in listing.data else listing.data.integer("classes", 0)


def read_boxes(
    listing: Listing, dialect: Dialect = "alexeyab", step: Callable[[], object] | None = None
) -> tuple[Boxes, list[Problem]]:
    """Read the labels of all pictures, calling `step` after each; those of unknown classes are left out."""
    found: list[Boxes] = [np.empty((0, 5), np.float32)]
    problems: list[Problem] = []
    classes = classes_of(listing) or _CLASSES
    for listed in listing:
        boxes, wrong = read_labels(Listed(label_path(listed.name, dialect), listed.root).path, classes)
        found.append(boxes)
        problems += wrong
        if step is not None:
            step()
    return np.concatenate(found), problems


def fit_anchors(
    boxes: Boxes,
    num_of_clusters: int,
    width: int,
    height: int,
    *,
    classes: int | None = None,
    seed: int = 0,
    problems: Sequence[Problem] = (),
) -> Anchors:
    """`calc_anchors` of boxes that have been read: (n, 5) with class, centre x, centre y, width, height."""
    if num_of_clusters < 1 or width < 1 or height < 1:
        raise ValueError(f"num_of_clusters, width and height must be 1 or more, not {num_of_clusters, width, height}")
    sizes = usable_sizes(boxes) * (width, height)
    different = len(np.unique(sizes, axis=0))
    if different < num_of_clusters:
        first = f"; {problems[0]}" if problems else ""
        raise DataError(f"{different} boxes of different sizes are not enough for {num_of_clusters} anchors{first}")
    anchors = cluster(sizes, num_of_clusters, seed).astype(np.float32)
    counters = np.bincount(boxes[:, 0].astype(np.int64), minlength=classes or 0)
    iou = float(nearest(sizes, anchors.astype(np.float64))[1].mean())
    return Anchors(anchors, iou, tuple(counters.tolist()), width, height, len(sizes), tuple(problems))


def usable_sizes(boxes: Boxes) -> _Sizes:
    """Widths and heights relative to the picture, of the boxes that have an area and are not larger than it."""
    sizes = boxes[:, 3:5].astype(np.float64)
    return sizes[((sizes > 0) & (sizes <= _LARGEST)).all(axis=1)]


def cluster(sizes: _Sizes, count: int, seed: int = 0) -> _Sizes:
    """Return `count` anchors, the smallest area first."""
    rng = np.random.default_rng(seed)
    few = sizes if len(sizes) <= _SAMPLE else rng.choice(sizes, _SAMPLE, replace=False)
    tried = [_settle(few, _spread(few, count, rng)) for _ in range(_STARTS)]
    anchors = max(tried, key=lambda found: float(nearest(few, found)[1].mean()))
    if few is not sizes:
        anchors = _settle(sizes, anchors, _LAST_ROUNDS)
    order = np.lexsort((anchors[:, 0], anchors.prod(axis=1)))
    in_order: _Sizes = anchors[order]
    return in_order


def nearest(sizes: _Sizes, anchors: _Sizes) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Index of the anchor with the largest IoU of every box, the first of equal ones, and that IoU."""
    index, best = np.zeros(len(sizes), np.intp), np.zeros(len(sizes))
    for number, anchor in enumerate(anchors):
        iou = _iou(sizes, anchor)
        index[iou > best] = number
        np.maximum(best, iou, out=best)
    return index, best


def _iou(sizes: _Sizes, anchor: _Sizes) -> NDArray[np.float64]:
    common = np.minimum(sizes[:, 0], anchor[0]) * np.minimum(sizes[:, 1], anchor[1])
    iou: NDArray[np.float64] = common / (sizes[:, 0] * sizes[:, 1] + anchor[0] * anchor[1] - common)
    return iou


def _spread(sizes: _Sizes, count: int, rng: np.random.Generator) -> _Sizes:
    """Take boxes to start from as k-means++ does: each with the probability of its distance² to those before it."""
    chosen = [sizes[rng.integers(len(sizes))]]
    distance: NDArray[np.float64] = np.ones(len(sizes))
    for _ in range(count - 1):
        distance = np.minimum(distance, (1 - _iou(sizes, chosen[-1])) ** 2)
        total = distance.sum()
        chosen.append(sizes[rng.choice(len(sizes), p=distance / total if total > 0 else None)])
    return np.array(chosen)


def _settle(sizes: _Sizes, anchors: _Sizes, rounds: int = _ROUNDS) -> _Sizes:
    """Move each anchor to the mean of the boxes that are nearest to it until none moves any more."""
    for _ in range(rounds):
        index = nearest(sizes, anchors)[0]
        before, boxes = anchors, np.bincount(index, minlength=len(anchors))
        sums = np.stack([np.bincount(index, side, minlength=len(anchors)) for side in sizes.T], axis=1)
        anchors = np.where(boxes[:, None] > 0, sums / np.maximum(boxes, 1)[:, None], anchors)
        if np.array_equal(anchors, before):
            break
    return anchors
