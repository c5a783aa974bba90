"""What is wrong with a data set, and what is in it: see it before a training does."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .anchors import Anchors, fit_anchors, usable_sizes
from .datafile import DataFile
from .errors import DataError
from .evaluation.listing import Problem
from .evaluation.truth import Boxes, Truth, TruthSet
from .files import write_whole
from .image import read_image
from .names import read_names
from .preprocess import Dialect
from .progress import progress

if TYPE_CHECKING:
    from .network import Network

_NEAR = 1e-6
"""Boxes of a class that differ by less are the same one, written twice."""


@dataclass
class CheckReport:
    """What was found in a data set.

    Attributes
    ----------
    pictures, boxes
        How many there are, of all lists.
    classes
        Boxes of each class.
    names
        Of the classes.
    sizes
        Pictures of each (width, height).
    problems
        What is wrong, by file and line.
    notes
        What is not wrong, but worth knowing.
    anchors
        Those that would fit the boxes best, as many as the cfg has; None without a cfg or boxes.
    """

    pictures: int = 0
    boxes: int = 0
    classes: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    sizes: dict[tuple[int, int], int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    anchors: Anchors | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def __str__(self) -> str:
        lines = [f"{self.pictures} pictures of {len(self.sizes)} sizes, {self.boxes} boxes"]
        for name, count in zip(self.names, self.classes, strict=True):
            lines.append(f"{count:8} {name}")
        lines += [f"note: {note}" for note in self.notes]
        if self.anchors is not None:
            pairs = ",  ".join(f"{width:.0f},{height:.0f}" for width, height in self.anchors.anchors)
            lines.append(f"anchors that fit best (average IoU {100 * self.anchors.average_iou:.1f} %): {pairs}")
        lines += [f"problem: {problem}" for problem in self.problems]
        lines.append(f"{len(self.problems)} problems" if self.problems else "nothing is wrong")
        return "\n".join(lines)

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return it as JSON, and write it to `path` as well."""
        text = json.dumps(
            {
                "pictures": self.pictures,
                "boxes": self.boxes,
                "classes": dict(zip(self.names, self.classes, strict=True)),
                "sizes": [[*size, count] for size, count in sorted(self.sizes.items())],
                "notes": self.notes,
                "anchors": None if self.anchors is None else self.anchors.anchors.tolist(),
                "problems": [{"file": p.file, "line": p.line, "text": p.text} for p in self.problems],
            },
            indent=1,
        )
        if path is not None:
            write_whole(path, text.encode())
        return text


def check(
    data: str | os.PathLike[str] | DataFile,
    net: Network | None = None,
    *,
    dialect: Dialect = "alexeyab",
    keys: Sequence[str] = ("train", "valid"),
    workers: int = 4,
) -> CheckReport:
    """Look for everything in a detector's data set that makes a training fail or learn something else.

    Pictures that are missing, unreadable or cut off; labels that are missing, bad, twice, of no class or outside of the
    picture; names, ``classes=`` and cfg that disagree; classes without boxes; pictures that are trained on and tested
    with; boxes that are smaller than a cell of the finest head.

    Parameters
    ----------
    data
        A .data file.
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
    _leaks(sets, report)
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
    with ThreadPoolExecutor(workers) as pool:
        for index, (truth, outcome) in enumerate(progress(_read_all(pool, truths), len(truths), f"{key} pictures")):
            report.pictures += 1
            boxes.append(truth.boxes)
            _duplicates(truth, report)
            if isinstance(outcome, tuple):
                report.sizes[outcome] = report.sizes.get(outcome, 0) + 1
            else:
                truths.report(index, outcome)
    return boxes


def _read_all(
    pool: ThreadPoolExecutor, truths: TruthSet, ahead: int = 64
) -> Iterator[tuple[Truth, tuple[int, int] | DataError | OSError]]:
    """Yield each picture's truth with its size, or with why it cannot be read; a few are read ahead."""

    def one(index: int) -> tuple[Truth, tuple[int, int] | DataError | OSError]:
        truth = truths[index]
        try:
            height, width = read_image(truth.path).shape[:2]
        except (DataError, OSError) as error:
            return truth, error
        return truth, (width, height)

    indexes = iter(range(len(truths)))
    coming = [pool.submit(one, index) for index in islice(indexes, ahead)]
    while coming:
        yield coming.pop(0).result()
        coming += [pool.submit(one, index) for index in islice(indexes, 1)]


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
    report.classes = tuple(int(count) for count in np.bincount(numbers, minlength=total))
    report.names = tuple(names[k] if k < len(names) else f"class {k}" for k in range(total))
    empty = [name for name, count in zip(report.names, report.classes, strict=True) if count == 0]
    if empty:
        shown = ", ".join(empty[:10]) + (f" and {len(empty) - 10} more" if len(empty) > 10 else "")
        report.notes.append(f"no boxes of {shown}")
    counts = [count for count in report.classes if count]
    if counts and max(counts) > 20 * min(counts):
        report.notes.append(f"the classes are far from balanced: {min(counts)} to {max(counts)} boxes")


def _leaks(sets: dict[str, TruthSet], report: CheckReport) -> None:
    if len(sets) < 2:
        return
    first, second = ({str(Path(path).resolve()) for path in truths.paths} for truths in list(sets.values())[:2])
    both = sorted(first & second)
    if both:
        report.notes.append(
            f"{len(both)} pictures are in both lists, {both[0]} for one: what is measured on them says little"
        )


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
