"""What is wrong with a data set, and what is in it: see it before a training does."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .anchors import fit_anchors, usable_sizes
from .check_report import CheckReport, read_all
from .class_checking import check_classes
from .datafile import DataFile
from .errors import DataError
from .evaluation.listing import Problem
from .evaluation.truth import Boxes, Truth, TruthSet
from .names import read_names
from .preprocess import Dialect

if TYPE_CHECKING:
    from .network import Network

_NEAR = 1e-6
"""Boxes of a class that differ by less are the same one, written twice."""


def check(
    data: str | os.PathLike[str] | DataFile,
    net: Network | None = None,
    *,
    dialect: Dialect = "alexeyab",
    keys: Sequence[str] = ("train", "valid"),
    workers: int = 4,
) -> CheckReport:
    """Look for everything in a data set that makes a training fail or learn something else.

    Pictures that are missing, unreadable or cut off; labels that are missing, bad, twice, of no class or outside of the
    picture; names, ``classes=`` and cfg that disagree; classes without boxes; pictures that are trained on and tested
    with; boxes that are smaller than a cell of the finest head. Of a classifier's set: pictures without a class, labels
    that are in each other's paths.

    Parameters
    ----------
    data
        A .data file; one with ``labels=``, or a `net` without boxes, is a classifier's.
    net
        Made of the cfg; it says which classes, strides and anchors there are.
    dialect
        By whose rules labels are looked up.
    keys
        Lists of the .data file to look at; those that it lacks are left out.
    workers
        Threads that read pictures.

    Returns
    -------
    CheckReport
    """
    file = data if isinstance(data, DataFile) else DataFile.read(data)
    if net.classes == 0 if net else "labels" in file:
        return check_classes(file, net, keys, workers)
    report = CheckReport()
    names = _names(file, report)
    classes = _class_count(file, names, net, report)
    sets = {key: TruthSet(file, key, dialect=dialect, classes=classes) for key in keys if file.get(key)}
    if not sets:
        raise DataError(f"none of {', '.join(keys)} is in the .data file", file=os.fspath(file.path or ""))
    found: list[Boxes] = []
    for key, truths in sets.items():
        found += _check_set(key, truths, report, workers)
        report.problems += truths.problems
    boxes = np.concatenate([*found, np.zeros((0, 5), np.float32)])
    _count(report, boxes, names, classes)
    report.compare([truths.paths for truths in sets.values()])
    if net is not None:
        _against_network(report, boxes, net)
    return report


def _names(file: DataFile, report: CheckReport) -> list[str]:
    if not file.get("names"):
        return []
    try:
        return read_names(file.file("names"))
    except (OSError, DataError) as error:
        report.problems.append(Problem(str(file.get("names")), 0, f"the names cannot be read: {error}"))
        return []


def _class_count(file: DataFile, names: list[str], net: Network | None, report: CheckReport) -> int:
    """Return how many classes there are, and say where the sources disagree."""
    said = file.integer("classes", 0)
    sources = {"classes= of the .data file": said, "its names": len(names), "the cfg": net.classes if net else 0}
    known = {what: count for what, count in sources.items() if count}
    if len(set(known.values())) > 1:
        text = ", ".join(f"{what}: {count}" for what, count in known.items())
        report.problems.append(Problem(os.fspath(file.path or ""), 0, f"numbers of classes disagree: {text}"))
    return (net.classes if net else 0) or len(names) or said


def _check_set(key: str, truths: TruthSet, report: CheckReport, workers: int) -> list[Boxes]:
    boxes = []
    for index, (truth, outcome) in enumerate(read_all(truths.__getitem__, len(truths), workers, f"{key} pictures")):
        boxes.append(truth.boxes)
        _duplicates(truth, report)
        if (error := report.take(outcome)) is not None:
            truths.report(index, error)
    return boxes


def _duplicates(truth: Truth, report: CheckReport) -> None:
    rows: list[list[float]] = (np.round(truth.boxes / _NEAR) * _NEAR).tolist()
    for row, count in Counter(tuple(row) for row in rows).items():
        if count > 1:
            shown = " ".join(f"{value:.6g}" for value in row)
            text = f"the box '{shown}' stands there {count} times"
            report.problems.append(Problem(truth.label_file, 0, text))


def _count(report: CheckReport, boxes: NDArray[np.float32], names: list[str], classes: int) -> None:
    numbers = boxes[:, 0].astype(np.int64)
    total = max(classes, int(numbers.max()) + 1 if len(numbers) else 0)
    report.boxes = len(boxes)
    report.count(np.bincount(numbers, minlength=total).tolist(), names, "boxes")


def _against_network(report: CheckReport, boxes: NDArray[np.float32], net: Network) -> None:
    sizes = boxes[:, 3:5] * (net.width, net.height)
    shapes = [net.layers[layer].output_shape for layer in net.head_layers]
    strides = [net.width / shape[3] for shape in shapes if len(shape) == 4]
    if strides and len(sizes):
        small = int((sizes.max(axis=1) < min(strides)).sum())
        if small:
            report.notes.append(
                f"{small} boxes are smaller than a cell of the finest head ({min(strides):.0f} pixels of "
                f"{net.width}x{net.height}): they are hardly learnt; enlarge width= and height="
            )
    usable = usable_sizes(boxes)
    count = len(net.anchors)
    if count and len(usable) >= count:
        report.anchors = fit_anchors(boxes, count, net.width, net.height, classes=max(1, net.classes))
