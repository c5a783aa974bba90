"""Other classes from a tree of classes: ``map=`` of a .data file says which node each of them is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..batches import Ready
from ..errors import DataError, UnsupportedError
from ..names import read_names
from ..tree import absolute
from .flipping import suppressed

if TYPE_CHECKING:
    from ..network import Network


def read_map(path: str | os.PathLike[str], nodes: int) -> NDArray[np.intp]:
    """Read a list of nodes of a tree, one a line: that of class 0, of class 1, and so on.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DataError
        With ``file`` and ``line``, where a line is not the number of one of the tree's `nodes`.
    """
    found = []
    for number, line in enumerate(read_names(path), 1):
        if not line.isdecimal() or int(line) >= nodes:
            raise DataError(
                f"{line[:40]!a} is not the number of a class of the tree, 0 to {nodes - 1}",
                file=os.fspath(path),
                line=number,
            )
        found.append(int(line))
    if not found:
        raise DataError("the map is empty: write the number of a class of the tree a line", file=os.fspath(path))
    return np.array(found, np.intp)


def mapped_search(
    net: Network, images: Sequence[Ready], nodes: NDArray[np.intp], *, thresh: float, nms: float, letterbox: bool
) -> list[tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]]:
    """Find objects with a [region] head that has a tree.

    The score of a class is the box's objectness times the probability of its node, which is the product down the tree.

    Parameters
    ----------
    net
        The detector.
    images
        As the network takes them.
    nodes
        The node of each class.
    thresh, nms, letterbox
        As for `forward_decode`.

    Returns
    -------
    list of tuple
        Class, score and box (in pixels) of everything found in each picture, the best scores first.

    Raises
    ------
    UnsupportedError
        If the last head has no tree.
    """
    head, parents = net.layers[net.head_layers[-1]], net.class_parents
    if head.kind != "region" or parents is None:
        raise UnsupportedError(f"map= needs a [region] with tree=; the network ends in [{head.kind}]")
    output = net.forward(np.stack([image.x for image in images]))[-1]
    entries = len(parents) + 5
    found = []
    for number, image in enumerate(images):
        boxes, *_ = net.decode(number, thresh=-1, nms=None, image_size=image.size, letterbox=letterbox)
        anchors = _anchors(output[number], entries, planar=net.dialect == "pjreddie")
        scores = anchors[:, 4:5] * absolute(anchors[:, 5:], parents)[:, nodes]
        found.append(suppressed(boxes, np.where(scores > thresh, scores, 0).astype(np.float32), nms))
    return found


def _anchors(output: NDArray[np.float32], entries: int, *, planar: bool) -> NDArray[np.float32]:
    """(n, entries): what a head says about each anchor of each cell, by row, column and anchor."""
    if not planar:
        return output.reshape(-1, entries)
    _, height, width = output.shape
    return output.reshape(-1, entries, height, width).transpose(2, 3, 0, 1).reshape(-1, entries)
