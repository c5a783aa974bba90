"""Detections from the mean of what a network says about a picture and about its mirror image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._core.vision import box_iou
from ..batches import Ready
from ..errors import UnsupportedError
from ..preprocess import letterbox_place

if TYPE_CHECKING:
    from ..network import Network

_ENTRIES = {"yolo": 5, "Gaussian_yolo": 9, "region": 5}
"""Numbers that a head has for an anchor besides those of the classes."""

_All = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
"""Boxes, objectness and probabilities of every anchor in every cell."""


def flipped_average(
    net: Network, images: Sequence[Ready], *, thresh: float, nms: float, letterbox: bool
) -> list[tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]]:
    """Find objects by the mean of both outputs of every anchor in every cell.

    Of a box the means of the centre, of the logarithms of its sides, of the objectness and of the classes count.

    Parameters
    ----------
    net
        A detector with [yolo], [Gaussian_yolo] or [region] heads.
    images
        As the network takes them.
    thresh, nms, letterbox
        As for `forward_decode`.

    Returns
    -------
    list of tuple
        Class, score and box (in pixels) of everything found in each picture, the best scores first.

    Raises
    ------
    UnsupportedError
        If the network has other heads.
    """
    x = np.stack([image.x for image in images])
    plain, mirrored = (_everything(net, views) for views in (x, np.ascontiguousarray(x[..., ::-1])))
    partner = _partners(net)
    mirrored = [(_mirrored(boxes), objectness, scores) for boxes, objectness, scores in mirrored]
    found = []
    for image, one, other in zip(images, plain, mirrored, strict=True):
        boxes, scores = _mean(one, tuple(values[partner] for values in other))  # type: ignore[arg-type]
        boxes = _in_pixels(boxes, image.size, (net.width, net.height), letterbox)
        found.append(suppressed(boxes, np.where(scores > thresh, scores, 0).astype(np.float32), nms))
    return found


def _everything(net: Network, x: NDArray[np.float32]) -> list[_All]:
    decoded = net.forward_decode(x, [None] * len(x), thresh=-1, nms=None, relative=True)
    return [(boxes, objectness, scores) for boxes, objectness, scores, _ in decoded]


def _partners(net: Network) -> NDArray[np.intp]:
    """For every box the one whose cell is at the same place of the mirror image; boxes are by row, column, anchor."""
    parts, count = [], 0
    for index in net.head_layers:
        layer = net.layers[index]
        if layer.kind not in _ENTRIES:
            raise UnsupportedError(f"mirror images are averaged for {', '.join(_ENTRIES)}, not for [{layer.kind}]")
        entries = layer.facts["classes"] + _ENTRIES[layer.kind]
        _, channels, height, width = layer.output_shape
        numbers = np.arange(height * width * (channels // entries)).reshape(height, width, -1)
        parts.append(count + numbers[:, ::-1].ravel())
        count += numbers.size
    return np.concatenate(parts)


def _mirrored(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([1 - boxes[:, :1], boxes[:, 1:]], axis=1)


def _mean(one: _All, other: _All) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    boxes = (one[0] + other[0]) * np.float32(0.5)
    boxes[:, 2:] = np.sqrt(one[0][:, 2:] * other[0][:, 2:])
    objectness = (one[1] + other[1]) * np.float32(0.5)
    classes = [
        np.divide(scores, objectness[:, None], out=np.zeros_like(scores), where=objectness[:, None] > 0)
        for _, objectness, scores in (one, other)
    ]
    probabilities: NDArray[np.float32] = objectness[:, None] * (classes[0] + classes[1]) * np.float32(0.5)
    return boxes, probabilities


def _in_pixels(
    boxes: NDArray[np.float32], image: tuple[int, int], net: tuple[int, int], letterbox: bool
) -> NDArray[np.float32]:
    """From units of the network's input to pixels of the picture."""
    size, input_size = np.array(image, np.float32), np.array(net, np.float32)
    inner = np.array(letterbox_place(*image, *net)[2:], np.float32) if letterbox else input_size
    scale = input_size / inner * size
    centre = (boxes[:, :2] - (input_size - inner) / 2 / input_size) * scale
    return np.concatenate([centre, boxes[:, 2:] * scale], axis=1).astype(np.float32)


def suppressed(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], nms: float
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Leave of two boxes of a class that overlap more than `nms` the better one."""
    kept: list[tuple[int, int]] = []
    for class_id in np.flatnonzero(scores.any(axis=0)).tolist():
        order = np.argsort(-scores[:, class_id], kind="stable")
        order = order[: np.count_nonzero(scores[:, class_id])]
        while len(order):
            best, order = int(order[0]), order[1:]
            kept.append((best, class_id))
            if len(order):
                overlap = box_iou(np.broadcast_to(boxes[best], (len(order), 4)).copy(), boxes[order])
                order = order[overlap <= nms]
    rows, classes = np.array(kept, np.intp).reshape(-1, 2).T
    order = np.argsort(-scores[rows, classes], kind="stable")
    rows, classes = rows[order], classes[order]
    return classes.astype(np.int32), scores[rows, classes], boxes[rows]
