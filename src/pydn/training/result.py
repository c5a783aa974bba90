"""`TrainResult`: what a training did, step by step."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload

from ..files import write_whole
from .step import Step

COLUMNS = ("iteration", "loss", "average_loss", "learning_rate", "seconds", "images", "iou", "recall", "count")


@dataclass(frozen=True)
class Score:
    """A measurement of the weights while they were trained.

    Attributes
    ----------
    iteration
        After which.
    name
        Of the measure: ``"map"``, ``"top1"``, ….
    value
        0..1.
    """

    iteration: int
    name: str
    value: float


@dataclass
class TrainResult(Sequence[Step]):
    """The steps of a training, a sequence of `Step`, and what was measured on the way.

    Attributes
    ----------
    steps
        In order.
    scores
        What was measured, in order.
    best
        The best of them; None without any.
    files
        Weights that were written, the last of each name.
    stopped
        Why it ended: ``"finished"``, ``"interrupted"``, ``"patience"``, ``"failed"``.
    """

    steps: list[Step] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    best: Score | None = None
    files: dict[str, str] = field(default_factory=dict)
    stopped: str = "finished"

    def __len__(self) -> int:
        return len(self.steps)

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> list[Step]: ...
    def __getitem__(self, index: int | slice) -> Step | list[Step]:
        return self.steps[index]

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __str__(self) -> str:
        if not self.steps:
            return "no iterations"
        last = self.steps[-1]
        text = (
            f"{len(self)} iterations, average loss {self.steps[0].loss:.4g} to {last.average_loss:.4g}, {self.stopped}"
        )
        if self.best is not None:
            text += f"; best {self.best.name} {100 * self.best.value:.2f} % after iteration {self.best.iteration}"
        return text

    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return a line for each step as CSV, and write it to `path` as well."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([getattr(step, name) for name in COLUMNS] for step in self.steps)
        return _written(text.getvalue(), path)

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return an object for each step, one a line (JSONL), and write it to `path` as well."""
        lines = [json.dumps({name: getattr(step, name) for name in COLUMNS}) for step in self.steps]
        return _written("".join(f"{line}\n" for line in lines), path)


def _written(text: str, path: str | os.PathLike[str] | None) -> str:
    if path is not None:
        write_whole(path, text.encode())
    return text
