"""Truths of a mini-batch: from boxes and classes to the rows of numbers that a network's losses read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def _as_boxes(given: ArrayLike) -> NDArray[np.float32]:
    """Return (n, 5) or (n, 6); none at all may have any shape."""
    found = np.asarray(given, np.float32)
    if found.size == 0:
        return np.zeros((0, 5), np.float32)
    if found.ndim != 2 or found.shape[1] not in (5, 6):
        raise ValueError(f"boxes of {found.shape} were given; (n, 5) was expected: class, x, y, width, height")
    return found


def box_rows(boxes: Sequence[ArrayLike], values: int, size: int) -> NDArray[np.float32]:
    """Make rows for the losses of detectors.

    Parameters
    ----------
    boxes
        One array an image, (n, 5): class, centre x, centre y, width, height, in units of the image; or (n, 6), whose
        last column is the number of the object that a track follows.
    values
        Of one row.
    size
        Values of one box in a row: x, y, width, height, class, and with 6 the track.

    Returns
    -------
    (images, values) float32
        What there is no room for is left out, what is not used is 0, as in darknet: a box without width ends the list.
    """
    rows = np.zeros((len(boxes), values), np.float32)
    for row, given in zip(rows, boxes, strict=True):
        found = _as_boxes(given)
        room = row[: values // size * size].reshape(-1, size)
        found = found[: len(room)]
        room[: len(found), :4] = found[:, 1:5]
        room[: len(found), 4] = found[:, 0]
        if size > 5 and found.shape[1] == 6:
            room[: len(found), 5] = found[:, 5]
    return rows


def grid_rows(boxes: Sequence[ArrayLike], side: int, classes: int) -> NDArray[np.float32]:
    """Make rows for the loss of `[detection]`: for every cell whether an object's centre is in it, class, place, size.

    Parameters
    ----------
    boxes
        As for `box_rows`.
    side
        Cells across and down.
    classes
        Number of classes.

    Returns
    -------
    (images, side · side · (5 + classes)) float32
        Of two objects in a cell the first one counts.
    """
    rows = np.zeros((len(boxes), side, side, 5 + classes), np.float32)
    for grid, given in zip(rows, boxes, strict=True):
        for number, x, y, width, height, *_ in _as_boxes(given):
            column, row = int(x * side), int(y * side)
            inside = 0 <= column < side and 0 <= row < side
            if not inside or grid[row, column, 0]:
                continue
            cell = grid[row, column]
            cell[0] = 1
            if 0 <= number < classes:
                cell[1 + int(number)] = 1
            cell[1 + classes :] = x * side - column, y * side - row, width, height
    return rows.reshape(len(boxes), -1)


def class_rows(classes: ArrayLike, count: int) -> NDArray[np.float32]:
    """Make rows for the losses of classifiers: 1 at the class of each image.

    Parameters
    ----------
    classes
        (images,) whole numbers below `count`.
    count
        Number of classes.

    Returns
    -------
    (images, count) float32
    """
    numbers = np.asarray(classes, np.int64)
    if numbers.ndim != 1 or (numbers.size and not 0 <= numbers.min() <= numbers.max() < count):
        raise ValueError(f"classes must be whole numbers from 0 to {count - 1}, one an image")
    rows = np.zeros((len(numbers), count), np.float32)
    rows[np.arange(len(numbers)), numbers] = 1
    return rows
