"""`detector recall`: how many objects are overlapped by any box at all, whatever its class."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..formats import write_text
from ..preprocess import check_channels, detector_input
from .counting import ratio
from .evidence import Floats
from .listing import Problem
from .map_files import plain
from .map_text import number
from .streaming import stream
from .truth import TruthSet

if TYPE_CHECKING:
    from ..network import Network


@dataclass(frozen=True, slots=True)
class RecallRow:
    """What is known after a picture.

    Attributes
    ----------
    image
        Its number, from 0.
    correct, total
        Objects that are found and that there are, in all pictures up to this one.
    proposals
        Boxes, in all of them.
    overlap
        Sum of the best IoU of every object.
    path
        Where the picture is.
    """

    image: int
    correct: int
    total: int
    proposals: int
    overlap: float
    path: str = ""

    def __str__(self) -> str:
        per_image = self.proposals / (self.image + 1)
        iou, recall = ratio(100 * self.overlap, self.total), ratio(100 * self.correct, self.total)
        return (
            f"{self.image:5d} {self.correct:5d} {self.total:5d}\tRPs/Img: {per_image:.2f}\t"
            f"IOU: {number(iou, '.2f')}%\tRecall:{number(recall, '.2f')}%"
        )


@dataclass(frozen=True, slots=True)
class RecallResult:
    """What `Network.recall` found out. `str` gives the lines that darknet prints.

    Attributes
    ----------
    rows
        The state after each picture.
    thresh, iou
        Boxes have an objectness above `thresh`; an object is found where one overlaps it more than `iou`.
    problems
        What was wrong with label files and pictures.
    listed
        Pictures in the list.
    complete
        False where Ctrl-C was pressed.
    seconds
        What it took.
    """

    rows: Sequence[RecallRow]
    thresh: float = 0.001
    iou: float = 0.5
    problems: Sequence[Problem] = field(default_factory=list)
    listed: int = 0
    complete: bool = True
    seconds: float = 0.0

    @property
    def correct(self) -> int:
        """Objects that are found."""
        return self.rows[-1].correct if self.rows else 0

    @property
    def total(self) -> int:
        """Objects that there are."""
        return self.rows[-1].total if self.rows else 0

    @property
    def recall(self) -> float:
        """Share of the objects that are found; NaN where there are none."""
        return ratio(self.correct, self.total)

    @property
    def average_iou(self) -> float:
        """Mean, over the objects, of the best IoU that any box has with it; NaN where there are none."""
        return ratio(self.rows[-1].overlap, self.total) if self.rows else float("nan")

    @property
    def proposals(self) -> float:
        """Boxes per picture; NaN where there are no pictures."""
        return ratio(self.rows[-1].proposals, len(self.rows)) if self.rows else float("nan")

    def to_json(self) -> str:
        """Return all figures as a JSON object; a figure that there is none of is null."""
        figures = ("recall", "average_iou", "proposals", "correct", "total", "thresh", "iou", "listed", "complete")
        content: dict[str, Any] = {name: getattr(self, name) for name in figures}
        content["problems"] = [asdict(problem) for problem in self.problems]
        content["rows"] = [asdict(row) for row in self.rows]
        return json.dumps(plain(content), indent=1, allow_nan=False)

    def to_csv(self) -> str:
        """Return a table with a line a picture."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(("image", "correct", "total", "proposals", "overlap", "path"))
        table.writerows(asdict(row).values() for row in self.rows)
        return text.getvalue()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file: ``.json`` `to_json`, ``.csv`` `to_csv`, any other `str`."""
        suffix = Path(path).suffix.lower()
        content = {".json": self.to_json, ".csv": self.to_csv}.get(suffix, self.__str__)()
        write_text(path, content if content.endswith("\n") else f"{content}\n")

    def __str__(self) -> str:
        return "\n".join(map(str, self.rows))


def measure_recall(
    net: Network,
    truth: TruthSet,
    *,
    thresh: float = 0.001,
    iou: float = 0.5,
    nms: float = 0.4,
    letterbox: bool = False,
    each: Callable[[RecallRow], None] | None = None,
) -> RecallResult:
    """Measure recall.

    Parameters
    ----------
    net
        A detector.
    truth
        The pictures.
    thresh, iou, nms
        Boxes have an objectness above `thresh`; of two that overlap more than `nms` the surer one stays, whatever
        their classes; an object is found where one overlaps it more than `iou`.
    letterbox
        Keep the pictures' aspect. The reference never does here.
    each
        Is called with the state after each picture.
    """
    check_channels(net.channels)
    fit = partial(detector_input, width=net.width, height=net.height, channels=net.channels, letterbox=letterbox)
    rows: list[RecallRow] = []
    row, complete, start = RecallRow(-1, 0, 0, 0, 0.0), True, perf_counter()
    try:
        for group in stream(truth.paths, net.batch * net.steps, fit, truth.report, total=len(truth), label="pictures"):
            decoded = net.forward_decode(
                np.stack([image.x for _, image in group]),
                [image.size for _, image in group],
                thresh=thresh,
                letterbox=letterbox,
                relative=True,
                nms=nms,
                nms_method="obj",
            )
            for (index, _), (boxes, objectness, *_) in zip(group, decoded, strict=True):
                row = _next_row(row, boxes[objectness > np.float32(thresh)], truth[index].boxes, iou, truth[index].path)
                rows.append(row)
                if each is not None:
                    each(row)
    except KeyboardInterrupt:
        complete = False
    return RecallResult(rows, thresh, iou, truth.problems, len(truth), complete, perf_counter() - start)


def _next_row(before: RecallRow, boxes: Floats, truth: Floats, iou: float, path: str) -> RecallRow:
    best = best_overlaps(boxes, truth[:, 1:])
    return RecallRow(
        before.image + 1,
        before.correct + int((best > np.float32(iou)).sum()),
        before.total + len(truth),
        before.proposals + len(boxes),
        before.overlap + float(best.sum()),
        path,
    )


def best_overlaps(boxes: Floats, objects: Floats) -> NDArray[np.float32]:
    """Return for each object the largest IoU that any box has with it, 0 where none; centre and size."""
    if not len(boxes) or not len(objects):
        return np.zeros(len(objects), np.float32)
    a, b = boxes[None], objects[:, None]
    low = np.maximum(a[..., :2] - a[..., 2:] / 2, b[..., :2] - b[..., 2:] / 2)
    inside = np.minimum(a[..., :2] + a[..., 2:] / 2, b[..., :2] + b[..., 2:] / 2) - low
    common = np.where((inside > 0).all(axis=2), inside[..., 0] * inside[..., 1], np.float32(0))
    union = a[..., 2] * a[..., 3] + b[..., 2] * b[..., 3] - common
    overlap = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return np.asarray(overlap.max(axis=1))
