"""How well a network finds the pixels of each class: intersection over union."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..image import read_image
from ..masks import Mask
from ..names import fill_names
from ..preprocess import detector_input
from ..training.segmenting import MaskSet, planes_of, truth_planes

if TYPE_CHECKING:
    from ..network import Network

Planes = NDArray[np.float32]


@dataclass
class SegmentationResult:
    """What was found, pixel by pixel, of the output's size; what is unknown does not count.

    Attributes
    ----------
    names
        Of the classes.
    thresh
        A pixel is of a class whose value is above it.
    tp, fp, fn
        Pixels of each class that were found, found wrongly, and missed.
    pictures
        How many.
    seconds
        What it took.
    """

    names: list[str]
    thresh: float
    tp: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    fp: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    fn: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    pictures: int = 0
    seconds: float = 0.0

    @property
    def iou(self) -> NDArray[np.float64]:
        """TP / (TP + FP + FN) of each class; NaN of one that is neither there nor found."""
        union = self.tp + self.fp + self.fn
        return np.where(union > 0, self.tp / np.maximum(union, 1), np.nan)

    @property
    def mean_iou(self) -> float:
        """Mean over the classes that are there or were found; NaN where none is."""
        iou = self.iou
        return float(np.nanmean(iou)) if np.isfinite(iou).any() else float("nan")

    def add(self, planes: Planes, truth: Planes) -> None:
        """Count the pixels of a picture: what the network says and what is true, as `truth_planes` makes it."""
        found, known, there = planes > self.thresh, truth >= 0, truth > 0
        counts = [(found & there), (found & ~there & known), (~found & there)]
        sums = [one.sum(axis=(1, 2)) for one in counts]
        if not self.pictures:
            self.tp, self.fp, self.fn = sums
        else:
            self.tp, self.fp, self.fn = self.tp + sums[0], self.fp + sums[1], self.fn + sums[2]
        self.pictures += 1

    def __str__(self) -> str:
        width = max(map(len, self.names))
        lines = [
            f"{name:<{width}}  IoU = {100 * iou:6.2f} %   (TP = {tp}, FP = {fp}, FN = {fn})"
            for name, iou, tp, fp, fn in zip(self.names, self.iou, self.tp, self.fp, self.fn, strict=True)
        ]
        rate = self.pictures / self.seconds if self.seconds else 0.0
        last = f"  {100 * self.mean_iou:.2f} mAP Predicted in {self.seconds:f} seconds {rate:f} FPS."
        return "\n".join([*lines, last])


def segment(net: Network, pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> Planes:
    """Return the values of the classes' planes for a picture, (classes, height, width).

    The picture is stretched to the network's size.
    """
    planes = planes_of(net)
    x = detector_input(pixels, net.width, net.height, net.channels)
    return net.forward(x[None])[-1].reshape(planes)


def mask_of(planes: Planes, thresh: float = 0.5) -> Mask:
    """Return the likeliest class of each pixel and 1, or 0 where none is above `thresh`."""
    best = planes.argmax(axis=0)
    return np.where(planes.max(axis=0) > thresh, best + 1, 0).astype(np.uint8)


def segmentation_of(
    net: Network,
    samples: MaskSet,
    thresh: float = 0.5,
    names: Sequence[str] = (),
    notice: Callable[[SegmentationResult], object] | None = None,
) -> SegmentationResult:
    """Measure how well a network finds the pixels of each class.

    Parameters
    ----------
    net
        Which ends in [logistic].
    samples
        Pictures and masks.
    thresh
        A pixel is of a class whose value is above it.
    names
        Of the classes.
    notice
        Is told of the result after every picture.

    Returns
    -------
    SegmentationResult
    """
    classes, height, width = planes_of(net)
    called = ["foreground"] if classes == 1 else fill_names(names, classes)[:classes]
    result, start = SegmentationResult(called, thresh), perf_counter()
    for index in range(len(samples)):
        pixels, mask = samples.read(index)
        truth = truth_planes(_nearest(mask, height, width), classes)
        result.add(segment(net, read_image(pixels)), truth)
        result.seconds = perf_counter() - start
        if notice is not None:
            notice(result)
    return result


def _nearest(mask: Mask, height: int, width: int) -> Mask:
    """Shrink a mask: the pixel in the middle of each new one counts."""
    rows = ((np.arange(height) + 0.5) * mask.shape[0] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * mask.shape[1] / width).astype(int)
    return np.asarray(mask[rows[:, None], columns], np.uint8)
