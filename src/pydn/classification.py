"""What a classifier saw."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterator, Sequence
from copy import copy
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from .formats import json_text, write_text
from .names import fill_names


class Classification(Sequence[tuple[str, float]]):
    """The best classes of an image: a sequence of ``(label, probability)``, best first.

    A slice is a `Classification` that lists those classes only. Equal are those that list the same labels and
    probabilities.

    Parameters
    ----------
    probabilities
        (classes,) float32, of every class.
    names
        Name of every class.
    top
        How many to list; at equal probability the class that comes first is better.
    path, error
        As the attributes.

    Attributes
    ----------
    probabilities
        (classes,) float32.
    class_id
        (top,) int64: the listed classes.
    path
        Where the image came from; "" where it was no file.
    error
        Why the image could not be read, where `Network.predict_batch` was told to go on; else None.

    Examples
    --------
    >>> Classification([0.2, 0.7, 0.1], ["cat", "dog", "cow"], top=2)
    Classification(dog 70.00%, cat 20.00%)
    """

    def __init__(
        self,
        probabilities: NDArray[np.float32] | Sequence[float],
        names: Sequence[str] | None = None,
        top: int = 5,
        *,
        path: str = "",
        error: Exception | None = None,
    ) -> None:
        self.probabilities: NDArray[np.float32] = np.array(probabilities, dtype=np.float32).reshape(-1)
        if top < 1:
            raise ValueError(f"top must be 1 or more, not {top}")
        self.class_id: NDArray[np.int64] = np.argsort(-self.probabilities, kind="stable")[:top].astype(np.int64)
        self.path = path
        self.error = error
        self._labels = fill_names(names, len(self.probabilities))

    @property
    def label(self) -> str:
        """Name of the best class; "" where none is listed."""
        return self[0][0] if len(self) else ""

    @property
    def confidence(self) -> float:
        """Probability of the best class; 0 where none is listed."""
        return self[0][1] if len(self) else 0.0

    def __len__(self) -> int:
        return len(self.class_id)

    @overload
    def __getitem__(self, index: int) -> tuple[str, float]: ...
    @overload
    def __getitem__(self, index: slice) -> Classification: ...
    def __getitem__(self, index: int | slice) -> tuple[str, float] | Classification:
        if isinstance(index, slice):
            part = copy(self)
            part.class_id = self.class_id[index]
            return part
        class_id = int(self.class_id[index])
        return self._labels[class_id], float(self.probabilities[class_id])

    def __iter__(self) -> Iterator[tuple[str, float]]:
        return (self[i] for i in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Classification):
            return NotImplemented
        return list(self) == list(other) and self.class_id.tolist() == other.class_id.tolist()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        if self.error is not None:
            return f"Classification(error: {self.error})"
        return f"Classification({', '.join(f'{label} {100 * p:.2f}%' for label, p in self)})"

    def to_json(self, *, filename: str | None = None) -> str:
        """Return the listed classes as a JSON object.

        Parameters
        ----------
        filename
            Path of the image; None: where it came from, left out where that is unknown.

        Returns
        -------
        str
            ``{"filename": …, "classes": [{"class_id", "name", "probability"}]}``, the best first; a number that is
            none is null.
        """
        filename = self.path or None if filename is None else filename
        rows = [
            f'  {{"class_id":{class_id}, "name":{json_text(label)}, '
            f'"probability":{f"{p:f}" if math.isfinite(p) else "null"}}}'
            for class_id, (label, p) in zip(self.class_id.tolist(), self, strict=True)
        ]
        head = "" if filename is None else f' "filename":{json_text(filename)}, \n'
        return "{\n" + head + ' "classes": [ \n' + ", \n".join(rows) + "\n ] \n}"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the listed classes: ``.json`` `to_json`, ``.csv`` a table, ``.txt`` a line ``label: probability`` each.

        Raises
        ------
        ValueError
            If the name ends otherwise.
        OSError
            If the file cannot be written.
        """
        suffix = Path(path).suffix.lower()
        if suffix == ".json":
            write_text(path, self.to_json() + "\n")
        elif suffix == ".csv":
            write_text(path, self._csv())
        elif suffix == ".txt":
            write_text(path, "".join(f"{label}: {probability:f}\n" for label, probability in self))
        else:
            raise ValueError(f"{os.fspath(path)}: the name must end in .json, .csv or .txt")

    def _csv(self) -> str:
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["class_id", "label", "probability"])
        for class_id, (label, probability) in zip(self.class_id.tolist(), self, strict=True):
            table.writerow([class_id, label, f"{probability:.6g}"])
        return text.getvalue()
