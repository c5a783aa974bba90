"""`TrainResult`: what a training did, step by step."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, overload

from ..files import write_whole
from .records import COLUMNS, csv_line, csv_row, json_line
from .step import Step

if TYPE_CHECKING:
    from ..network import Network

SHARES = ("map", "f1", "iou", "precision", "recall", "top1")
"""Measures that are printed in percent."""
LEAST = ("loss",)
"""Measures of which less is better."""


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
        0..1; of the loss and of functions, whatever they give.
    """

    iteration: int
    name: str
    value: float


def _worth(score: Score) -> float:
    return -score.value if score.name in LEAST else score.value


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
        Why it ended: ``"finished"``, ``"interrupted"``, ``"patience"``, ``"failed"``; ``""`` where that is not known.
    waited
        Seconds that the engine waited for pictures.
    network
        What was trained: another one than `train` was called on where the number of classes was changed.
    """

    steps: list[Step] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    best: Score | None = None
    files: dict[str, str] = field(default_factory=dict)
    stopped: str = "finished"
    waited: float = 0.0
    network: Network | None = field(default=None, repr=False, compare=False)

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

    @property
    def waiting(self) -> float:
        """Share of the time that the engine waited for pictures."""
        whole = self.waited + sum(step.seconds for step in self.steps)
        return self.waited / whole if whole else 0.0

    def __str__(self) -> str:
        if not self.steps:
            return "no iterations"
        last = self.steps[-1]
        text = f"{len(self)} iterations, average loss {self.steps[0].loss:.4g} to {last.average_loss:.4g}"
        if self.stopped:
            text += f", {self.stopped}"
        if self.best is not None:
            shares = self.best.name in SHARES
            shown = f"{100 * self.best.value:.2f} %" if shares else f"{self.best.value:.4g}"
            text += f"; best {self.best.name} {shown} after iteration {self.best.iteration}"
        text += f"; waited for pictures {100 * self.waiting:.1f} % of the time"
        return text

    def add(self, step: Step, scores: Mapping[str, float]) -> None:
        """Take an iteration and what was measured after it; one that was there, and all after it, are forgotten."""
        if self.steps and step.iteration <= self.steps[-1].iteration:
            self.forget_after(step.iteration - 1)
        self.steps.append(step)
        for name, value in scores.items():
            self.add_score(name, value)

    def add_score(self, name: str, value: float) -> None:
        """Take what was measured after the last iteration; a measure of this name that was there is replaced."""
        score = Score(self.steps[-1].iteration if self.steps else 0, name, value)
        for before in reversed(self.scores):
            if before.iteration != score.iteration:
                break
            if before.name == name:
                self.scores.remove(before)
                self._find_best()
                break
        self.scores.append(score)
        if self.best is None or (name == self.best.name and _worth(score) > _worth(self.best)):
            self.best = score

    def forget_after(self, iteration: int) -> None:
        """Drop all that came after an iteration: a training went on from there."""
        self.steps = [step for step in self.steps if step.iteration <= iteration]
        self.scores = [score for score in self.scores if score.iteration <= iteration]
        self._find_best()

    def _find_best(self) -> None:
        """Find the best by the first measure, which is the one that counts."""
        counted = [score for score in self.scores if score.name == self.scores[0].name]
        self.best = max(counted, key=_worth, default=None)

    def scores_of(self) -> dict[int, dict[str, float]]:
        """Return what was measured, by iteration and name."""
        found: dict[int, dict[str, float]] = {}
        for score in self.scores:
            found.setdefault(score.iteration, {})[score.name] = score.value
        return found

    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return a line for each step as CSV, and write it to `path` as well; each measure has a column."""
        names, scores = list(dict.fromkeys(score.name for score in self.scores)), self.scores_of()
        rows = [csv_row(step, scores.get(step.iteration, {}), names) for step in self.steps]
        return _written("".join([csv_line([*COLUMNS, *names]), *rows]), path)

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return an object for each step, one a line (JSONL), and write it to `path` as well."""
        scores = self.scores_of()
        return _written("".join(json_line(step, scores.get(step.iteration, {})) for step in self.steps), path)


def _written(text: str, path: str | os.PathLike[str] | None) -> str:
    if path is not None:
        write_whole(path, text.encode())
    return text
