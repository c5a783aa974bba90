"""What is wrong with the data set of a classifier, and what is in it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .check_report import CheckReport, read_all
from .datafile import DataFile
from .errors import DataError
from .evaluation.class_labels import ClassSet
from .evaluation.listing import Listed, Problem

if TYPE_CHECKING:
    from .network import Network


def check_classes(file: DataFile, net: Network | None, keys: Sequence[str], workers: int) -> CheckReport:
    """Check a classifier's data set: see `pydn.check`."""
    report = CheckReport()
    sets = {key: ClassSet(file, key=key) for key in keys if file.get(key)}
    if not sets:
        raise DataError(f"none of {', '.join(keys)} is in the .data file", file=os.fspath(file.path or ""))
    first = next(iter(sets.values()))
    _compare_counts(file, first, net, report)
    counts = np.zeros(first.classes, np.int64)
    for key, classes in sets.items():
        _count_set(key, classes, counts, report, workers)
        report.problems += classes.problems
    report.count(counts.tolist(), first.labels, "pictures")
    report.compare([[listed.path for listed in classes.listing] for classes in sets.values()])
    return report


def _count_set(key: str, classes: ClassSet, counts: NDArray[np.int64], report: CheckReport, workers: int) -> None:
    def listed(index: int) -> Listed:
        return classes.listing[index]

    for index, (_, outcome) in enumerate(read_all(listed, len(classes), workers, f"{key} pictures")):
        if (error := report.take(outcome)) is not None:
            classes.report(index, error)
        elif (found := classes.class_of(index)) >= 0:
            counts[found] += 1


def _compare_counts(file: DataFile, classes: ClassSet, net: Network | None, report: CheckReport) -> None:
    sources = {
        "classes= of the .data file": file.integer("classes", 0),
        "its labels": classes.classes,
        "the cfg": net.class_count if net else 0,
    }
    known = {what: count for what, count in sources.items() if count}
    if len(set(known.values())) > 1:
        text = ", ".join(f"{what}: {count}" for what, count in known.items())
        report.problems.append(Problem(os.fspath(file.path or ""), 0, f"numbers of classes disagree: {text}"))
