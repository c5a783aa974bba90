"""Pictures whose label files hold numbers: the tags of a picture, or the values that a network is to predict."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, Error
from ..evaluation.listing import DataSource, Listed, Listing, Problem
from ..labels import label_path

_log = logging.getLogger("pydn")
_TAG_FOLDERS = ("imgs", "labels")
_TAG_SUFFIX = "_iconl.jpeg"


def number_file(picture: str) -> str:
    """Return the label file of a picture: beside it, or in ``labels`` in place of ``images`` (or ``imgs``).

    Of ``_iconl.jpeg`` as the end of a name, the pictures that ``tag`` was made for, the label has nothing.
    """
    plain = picture.removesuffix(_TAG_SUFFIX) + ".jpeg" if picture.endswith(_TAG_SUFFIX) else picture
    places = [label_path(plain), label_path(plain, "pjreddie"), label_path(plain.replace(*_TAG_FOLDERS, 1))]
    return next((place for place in places if Path(place).is_file()), places[0])


class NumberSet:
    """Pictures with the numbers of their label files; those whose label is wrong are left out.

    Parameters
    ----------
    source
        A .data file with ``train=``, a list, a folder, a pattern or paths.
    count
        Values of the network's output.
    tags
        The numbers are tags below `count`, any of them; otherwise they are as many values as `count`.
    key
        Of a .data file.

    Attributes
    ----------
    listing
        The pictures.
    problems
        What is wrong with the others.
    """

    def __init__(self, source: DataSource, count: int, *, tags: bool, key: str = "train") -> None:
        self._count, self._tags = count, tags
        self.problems: list[Problem] = []
        self.listing: list[Listed] = []
        self._rows: list[NDArray[np.float32]] = []
        for listed in Listing(source, key):
            try:
                self._rows.append(self._read(number_file(listed.path)))
            except DataError as error:
                self.problems.append(Problem(error.file, error.line, f"{error.message}: the picture is left out"))
            else:
                self.listing.append(listed)
        if not self.listing:
            raise DataError(f"no picture has a usable label: {self.problems[0]}")

    def __len__(self) -> int:
        return len(self.listing)

    def row(self, index: int) -> NDArray[np.float32]:
        """Return what the network's output is to be for a picture."""
        return self._rows[index]

    def matches(self, index: int) -> list[int]:
        """Return the tags of a picture."""
        return [int(tag) for tag in np.flatnonzero(self._rows[index])]

    def report(self, index: int, error: Error | OSError) -> None:
        """Note that a picture cannot be read."""
        _log.warning("%s: %s", self.listing[index].path, error)

    def _read(self, file: str) -> NDArray[np.float32]:
        """Read a label file."""
        values: list[float] = []
        try:
            lines = Path(file).read_text("utf-8", "replace").splitlines()
        except OSError as error:
            raise DataError(error.strerror or "it cannot be read", file=file) from None
        for number, line in enumerate(lines, 1):
            for word in line.replace(",", " ").split():
                value = _number(word)
                if value is None or (self._tags and not (value.is_integer() and 0 <= value < self._count)):
                    wanted = f"a tag from 0 to {self._count - 1}" if self._tags else "a number"
                    raise DataError(f"{word[:30]!r} is not {wanted}", file=file, line=number)
                values.append(value)
        if self._tags:
            row = np.zeros(self._count, np.float32)
            row[np.array(values, np.int64)] = 1
            return row
        if len(values) != self._count:
            raise DataError(f"{len(values)} values, the network has {self._count} outputs", file=file)
        return np.array(values, np.float32)


def _number(word: str) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    return value if np.isfinite(value) else None
