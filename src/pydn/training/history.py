"""The history of a training in a file that grows while it runs, and reading it back."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ..errors import DataError
from ..files import write_whole
from .log_reader import read_log
from .records import COLUMNS, csv_line, csv_row, json_line, of_csv, of_json
from .result import TrainResult
from .step import Step

if TYPE_CHECKING:
    from .trainer import Trainer

_CSV_HEAD = f"{COLUMNS[0]},{COLUMNS[1]},"


class History:
    """Callback that writes a line for every iteration.

    A line is with the system as soon as its iteration is over: a process that is killed leaves all of them, the last
    one perhaps in part. A training that goes on keeps the lines up to where it goes on from, and drops those after it.

    Parameters
    ----------
    path
        Ends in ``.csv``: columns; else an object of JSON a line.

    Raises
    ------
    DataError
        If the file is there and is no history, which is not overwritten.

    Attributes
    ----------
    past
        What the file had before; from the first iteration on, as much as is kept of it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.csv = self.path.suffix.lower() == ".csv"
        self.past = TrainResult(stopped="")
        self._file: TextIO | None = None
        self._measures: list[str] = []
        self._begun = False
        if self.path.exists() and self.path.stat().st_size:
            if _kind(self.path) == "log":
                raise DataError("is there and is no history of a training: choose another name", file=str(self.path))
            self.past = read_history(self.path)

    def __call__(self, trainer: Trainer, step: Step) -> None:
        """Write the iteration's line."""
        if self._file is None:
            self._file = self._open(trainer, step.iteration - 1)
        scores = {score.name: score.value for score in trainer.result.scores if score.iteration == step.iteration}
        self._file.write(csv_row(step, scores, self._measures) if self.csv else json_line(step, scores))
        self._file.flush()

    def finish(self, trainer: Trainer) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self, trainer: Trainer, before: int) -> TextIO:
        if not self._begun:
            self.past.forget_after(before)
            names = [score.name for score in self.past.scores]
            self._measures = list(dict.fromkeys([*names, *([trainer.plan.judge.name] if trainer.plan.judge else [])]))
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.path, "".join(self._kept()).encode())
            self._begun = True
        return self.path.open("a", encoding="utf-8", newline="")

    def _kept(self) -> Iterator[str]:
        if not self.csv:
            yield self.past.to_json()
            return
        yield csv_line([*COLUMNS, *self._measures])
        scores = self.past.scores_of()
        for step in self.past:
            yield csv_row(step, scores.get(step.iteration, {}), self._measures)


def read_history(path: str | os.PathLike[str]) -> TrainResult:
    """Read what a training did: a history, or what darknet printed.

    Parameters
    ----------
    path
        What `History`, `TrainResult.to_json` or `TrainResult.to_csv` wrote; or the text log of a darknet, of either
        fork. Where an iteration comes again, the training went on from there, and what stood after it is dropped. A
        last line that ends in the middle is left out.

    Returns
    -------
    TrainResult
        A CSV has sums over the heads only; a log has what was printed, ``nan`` for what was not.

    Raises
    ------
    DataError
        If the file is none of these, or a line of it is broken.
    """
    file = os.fspath(path)
    kind = _kind(Path(path))
    with Path(path).open(
        encoding=_encoding(Path(path)), errors="replace", newline=None if kind == "log" else ""
    ) as text:
        result = read_log(text) if kind == "log" else _read(text, file, kind)
    if not result.steps:
        raise DataError("has no line about an iteration of a training", file=file)
    return result


def _read(lines: Iterable[str], file: str, kind: str) -> TrainResult:
    result, header = TrainResult(stopped=""), list[str]()
    for number, line in enumerate(lines, 1):
        if kind == "csv" and number == 1:
            header = line.strip().split(",")
            continue
        if not line.strip():
            continue
        try:
            step, scores = of_json(line) if kind == "json" else of_csv(header, line)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            if not line.endswith("\n"):  # the last one, of a process that was killed
                break
            raise DataError(f"is no line of a history ({error})", file=file, line=number) from error
        result.add(step, scores)
    return result


def _encoding(path: Path) -> str:
    """PowerShell writes what a program prints as UTF-16."""
    with path.open("rb") as file:
        start = file.read(2)
    return "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _kind(path: Path) -> str:
    with path.open(encoding=_encoding(path), errors="replace") as text:
        start = text.read(256).lstrip()
    if start.startswith("{"):
        return "json"
    return "csv" if start.startswith(_CSV_HEAD) else "log"
