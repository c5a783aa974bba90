"""`StagedResult`: what the stages of a training came to, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite, nan
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..files import write_whole

START = "start"
_HEADER = f"{'stage':<12} {'ternary':>9} {'rate':>8} {'iterations':>10} {'loss':>8} {'mAP':>7} {'IoU':>7} {'time':>9}"


@dataclass(frozen=True)
class StageRow:
    """One stage; the first row is the weights where all began, if there were any.

    Attributes
    ----------
    name
        Of the stage; ``"start"``.
    weights
        Path of its best weights.
    ternary, convolutions
        How many layers have ternary weights, of how many convolutions.
    learning_rate
        Of its cfg.
    iterations
        That were done.
    loss
        Average loss at its end.
    map, average_iou
        Of the weights, on the pictures of ``valid=``; 0..1.
    seconds
        That the training took; of a stage that was resumed, since then.
    """

    name: str
    weights: str
    ternary: int
    convolutions: int
    learning_rate: float
    iterations: int
    loss: float
    map: float
    average_iou: float
    seconds: float = 0.0

    def __str__(self) -> str:
        what = f"{self.name:<12} {f'{self.ternary} of {self.convolutions}':>9}"
        figures = f"{100 * self.map:>6.2f}% {100 * self.average_iou:>6.2f}%"
        if self.name == START:
            return f"{what} {'':>8} {'':>10} {'':>8} {figures} {'':>9}".rstrip()
        minutes, seconds = divmod(round(self.seconds), 60)
        how = f"{self.learning_rate:>8g} {self.iterations:>10} {self.loss:>8.4f}"
        return f"{what} {how} {figures} {minutes // 60:>3}:{minutes % 60:02}:{seconds:02}"


@dataclass(frozen=True)
class StagedResult:
    """Results of the stages that are done, in order; `str` gives the table.

    Attributes
    ----------
    rows
        One a stage.
    stopped
        ``"finished"``, or ``"interrupted"`` before all stages were done.
    """

    rows: tuple[StageRow, ...] = ()
    stopped: str = "finished"

    def __getitem__(self, name: str) -> StageRow:
        """Row of a stage.

        Raises
        ------
        KeyError
            If the stage is not done.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return any(row.name == name for row in self.rows)

    def __str__(self) -> str:
        return "\n".join([_HEADER, *map(str, self.rows)])

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the rows as JSON, null for what is not a number, and write them to `path` as well."""
        text = json.dumps([_plain(row) for row in self.rows], indent=1, allow_nan=False) + "\n"
        if path is not None:
            write_whole(path, text.encode())
        return text

    @classmethod
    def read(cls, path: str | Path) -> StagedResult:
        """Read what `to_json` wrote; no rows if there is no such file.

        Raises
        ------
        DataError
            If it is something else.
        """
        if not Path(path).exists():
            return cls()
        try:
            rows: Sequence[Mapping[str, Any]] = json.loads(Path(path).read_bytes())
            return cls(tuple(StageRow(**_filled(row)) for row in rows))
        except (ValueError, TypeError, AttributeError) as error:
            raise DataError(f"these are not the results of stages ({error})", file=str(path)) from error


def _plain(row: StageRow) -> dict[str, Any]:
    values = asdict(row)
    return {key: None if isinstance(value, float) and not isfinite(value) else value for key, value in values.items()}


def _filled(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: nan if value is None else value for key, value in row.items()}
