"""What is in the pictures, as people have said it: the boxes of the label files, and what is wrong with these."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, Error
from ..labels import label_path
from ..preprocess import Dialect
from .listing import DataSource, Listed, Listing, Problem

Boxes = NDArray[np.float32]
"""(n, 5) float32: class, centre x, centre y, width, height; relative to the picture."""

Tracks = NDArray[np.float32]
"""(n,) float32: number of the object that a box shows in several pictures, -1 where its line has none."""

_TRACKS = 2**24
"""Numbers below are exact in float32."""
_SLACK = 1e-4
"""Sizes and places may exceed the picture by this much: labels are written with a few digits."""


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """A picture and the objects in it.

    Attributes
    ----------
    index
        Its place in the list, from 0.
    name
        Its path as the list writes it.
    path
        Where it is.
    label_file
        Where its labels are, or would be.
    boxes
        (n, 5) float32, read-only: class, centre x, centre y, width, height, relative to the picture, in the order of
        the file.
    difficult
        The same, of objects that count neither as found nor as missed.
    tracks
        (n,) float32, read-only: the sixth number of the lines of boxes, by which the same object is known in several
        pictures; -1 where there is none.
    """

    index: int
    name: str
    path: str
    label_file: str
    boxes: Boxes
    difficult: Boxes
    tracks: Tracks


class TruthSet(Sequence[Truth]):
    """Pictures with their labels; a label file is read once, when it is first asked for.

    Several threads may read it. In memory are the paths, and the boxes that have been read.

    Parameters
    ----------
    source
        A .data file or `DataFile`, a list file, a folder, a pattern, or paths of pictures.
    key
        Of a .data file: ``"valid"`` or ``"train"``.
    dialect
        By whose rules a picture's label file is looked up: see `labels.label_path`.
    classes
        Number of classes, to check the labels with; None: every class may be.
    difficult
        A list of pictures, parallel to `source`, whose label files have the difficult objects; None: what the .data
        file says for ``valid``.
    strict
        Raise the first problem as a `DataError` rather than go on and list it.

    Attributes
    ----------
    listing
        The pictures.

    Raises
    ------
    FileNotFoundError, DataError
        As `Listing`; also if the list of difficult objects has another length.
    """

    def __init__(
        self,
        source: DataSource,
        key: str = "valid",
        *,
        dialect: Dialect = "alexeyab",
        classes: int | None = None,
        difficult: DataSource | None = None,
        strict: bool = False,
    ) -> None:
        self.listing = Listing(source, key)
        self.dialect, self.classes, self.strict = dialect, classes, strict
        self._difficult = _difficult_listing(self.listing, key) if difficult is None else Listing(difficult)
        if self._difficult is not None and len(self._difficult) != len(self.listing):
            raise DataError(
                f"the list has {len(self._difficult)} pictures, that of all objects has {len(self.listing)}: write the "
                "same pictures in both, in the same order",
                file=self._difficult.file,
            )
        self._read: dict[str, tuple[Boxes, Tracks]] = {}
        self._problems: dict[int, list[Problem]] = {}
        self._unusable: set[int] = set()
        self._lock = threading.RLock()

    @property
    def paths(self) -> Iterator[str]:
        """Where the pictures are, in order."""
        return (listed.path for listed in self.listing)

    @property
    def problems(self) -> list[Problem]:
        """What has been found wrong until now, in order of the pictures; `check` finds all of it."""
        with self._lock:
            return [problem for index in sorted(self._problems) for problem in self._problems[index]]

    def check(self) -> list[Problem]:
        """Read all labels, and return what is wrong with them."""
        for _ in self:
            pass
        return self.problems

    def report(self, index: int, error: Error | OSError) -> None:
        """Add that a picture cannot be read, unless that is known; with `strict`, raise it."""
        reason = error.message if isinstance(error, DataError) else getattr(error, "strerror", None) or str(error)
        self._add_unusable(self.listing[index], index, reason)

    def __len__(self) -> int:
        return len(self.listing)

    @overload
    def __getitem__(self, index: int) -> Truth: ...
    @overload
    def __getitem__(self, index: slice) -> list[Truth]: ...
    def __getitem__(self, index: int | slice) -> Truth | list[Truth]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"there are {len(self)} pictures, none has index {index}")
        index %= len(self)
        listed = self.listing[index]
        if index not in self._unusable and not Path(listed.path).is_file():
            self._add_unusable(listed, index, "no such picture")
        file, (boxes, tracks) = self._boxes(index, listed)
        difficult = _NONE if self._difficult is None else self._boxes(index, self._difficult[index], "difficult ")[1][0]
        return Truth(index, listed.name, listed.path, file, boxes, difficult, tracks)

    def __iter__(self) -> Iterator[Truth]:
        return (self[index] for index in range(len(self)))

    def _boxes(self, index: int, listed: Listed, kind: str = "") -> tuple[str, tuple[Boxes, Tracks]]:
        file = Listed(label_path(listed.name, self.dialect), listed.root).path
        with self._lock:
            found = self._read.get(file)
            if found is None:
                boxes, tracks, problems = _read(file, self.classes, kind)
                found = boxes, tracks
                if not Path(file).is_file():
                    problems = [Problem(file, 0, f"{problems[0].text}{self._elsewhere(listed)}")]
                self._add(index, *problems)
                self._read[file] = found
        return file, found

    def _elsewhere(self, listed: Listed) -> str:
        other = "pjreddie" if self.dialect == "alexeyab" else "alexeyab"
        place = Listed(label_path(listed.name, other), listed.root).path
        return f" (in dialect {other!r} it would be {place}, which exists)" if Path(place).is_file() else ""

    def _add_unusable(self, listed: Listed, index: int, reason: str) -> None:
        text = f"{reason}: the picture is left out"
        problem = Problem(listed.path, 0, text)
        if listed.line:
            problem = Problem(self.listing.file, listed.line, f"{listed.path}: {text}")
        with self._lock:
            if index not in self._unusable:
                self._add(index, problem)
                self._unusable.add(index)

    def _add(self, index: int, *problems: Problem) -> None:
        if problems and self.strict:
            raise problems[0].error()
        if problems:
            self._problems.setdefault(index, []).extend(problems)


def read_labels(file: str, classes: int | None = None, kind: str = "") -> tuple[Boxes, list[Problem]]:
    """Read a label file.

    Parameters
    ----------
    file
        Its path.
    classes
        Number of classes; a box of another one is left out. None: every class may be.
    kind
        What messages call the objects: ``"difficult "`` or nothing.

    Returns
    -------
    boxes
        (n, 5) float32, read-only, of the lines that can be read.
    problems
        The other lines, those of boxes that are not in the picture (which are kept), or that there is no file.
    """
    boxes, _, problems = _read(file, classes, kind)
    return boxes, problems


def _read(file: str, classes: int | None, kind: str) -> tuple[Boxes, Tracks, list[Problem]]:
    """Read a label file; also the tracks of its boxes."""
    try:
        content = Path(file).read_bytes()
    except OSError as error:
        reason = "no such label file" if isinstance(error, FileNotFoundError) else str(error.strerror)
        return _NONE, _NONE[:, 0], [Problem(file, 0, f"{reason}: the picture counts as one without {kind}objects")]
    rows: list[tuple[float, ...]] = []
    problems: list[Problem] = []
    lines = content.removeprefix(b"\xef\xbb\xbf").decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")
    for number, line in enumerate(lines.split("\n"), 1):
        if not line.strip(" \t\0\x1a"):
            continue
        row, text = _parsed(line, classes)
        if row is not None:
            rows.append(row)
        if text:
            problems.append(Problem(file, number, text))
    if not rows:
        return _NONE, _NONE[:, 0], problems
    boxes, tracks = np.array([row[:5] for row in rows], np.float32), np.array([row[5] for row in rows], np.float32)
    boxes.flags.writeable = tracks.flags.writeable = False
    return boxes, tracks, problems


def _parsed(line: str, classes: int | None) -> tuple[tuple[float, ...] | None, str]:
    """Return the box of a line with its track, and what is wrong with it."""
    words = line.split()
    shown = ascii(line.strip()[:60])
    try:
        row = tuple(float(word) for word in words)
    except ValueError:
        row = ()
    if len(row) == 5:
        row += (-1.0,)
    elif len(row) == 6 and not (math.isfinite(row[5]) and 0 <= row[5] < _TRACKS and row[5] == int(row[5])):
        row = ()
    if len(row) != 6 or not all(map(math.isfinite, row)) or row[0] != int(row[0]):
        return None, f"{shown} is not of the form 'class x y width height [track]': the line is left out"
    class_id, x, y, width, height, _ = row
    if class_id < 0 or (classes is not None and class_id >= classes):
        there = "" if classes is None else f", there are {classes} (0 to {classes - 1})"
        return None, f"no class has number {int(class_id)}{there}: the box is left out"
    if width <= 0 or height <= 0:
        return row, f"{shown} has no area: nothing can match it"
    if not (min(x, y) >= -_SLACK and max(row[1:5]) <= 1 + _SLACK):
        return row, f"{shown} is not inside the picture, whose coordinates are 0 to 1"
    return row, ""


def _difficult_listing(listing: Listing, key: str) -> Listing | None:
    if key != "valid" or listing.data is None or not listing.data.get("difficult"):
        return None
    return Listing(listing.data, "difficult")


def _no_boxes() -> Boxes:
    none = np.empty((0, 5), np.float32)
    none.flags.writeable = False
    return none


_NONE = _no_boxes()
