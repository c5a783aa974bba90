"""The pictures that an evaluation or a training goes through: from a .data file, a list, a folder or paths."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, overload

import numpy as np

from ..datafile import DataFile
from ..errors import DataError
from ..sources import IMAGE_SUFFIXES, image_paths, read_numbered_list

DataSource: TypeAlias = str | os.PathLike[str] | DataFile | Iterable[str | os.PathLike[str]]
"""A .data file, a list file, a folder, a pattern, an image, or paths of images."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in the data.

    Attributes
    ----------
    file
        Where it stands.
    line
        Line in it, from 1; 0: the file as a whole.
    text
        What it is, what becomes of it and what to do.
    """

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.text}" if place else self.text

    def error(self) -> DataError:
        """Return the exception that says the same."""
        return DataError(self.text, file=self.file, line=self.line)


@dataclass(frozen=True, slots=True)
class Listed:
    """A picture of a list.

    Attributes
    ----------
    name
        Its path as the list writes it.
    root
        The folder that `name` starts from, "" for the working folder.
    line
        Its line in the list, 0 where there is no list.
    """

    name: str
    root: str = ""
    line: int = 0

    @property
    def path(self) -> str:
        """Where the picture is."""
        return os.path.join(self.root, self.name) if self.root else self.name  # noqa: PTH118 (keeps "./" of a name)


class Listing(Sequence[Listed]):
    """Pictures in order. A path is looked up from the working folder, as darknet does, then beside the list.

    Parameters
    ----------
    source
        A .data file or `DataFile`, whose `key` names the list. A list file: any other file that is no image. A
        folder, a pattern, or an image. Paths.
    key
        ``"valid"`` or ``"train"``, or any other key of a .data file that names a list.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DataError
        If the .data file lacks the key, a list is no text, or there is no picture.

    Attributes
    ----------
    file
        The list; the folder or pattern where there is none; "" for paths that were handed in.
    data
        The .data file.
    """

    def __init__(self, source: DataSource, key: str = "valid") -> None:
        self.data: DataFile | None = data_file_of(source)
        self.file = ""
        self._roots: tuple[str, ...] = ("",)
        if self.data is not None:
            source = self.data.file(key)
        if isinstance(source, (str, os.PathLike)):
            self.file = os.fspath(source)
            numbered = self._numbered(self.file)
        else:
            numbered = [(0, os.fspath(path)) for path in source]
        if not numbered:
            raise DataError("there is no image to go through: hand in paths, a list file or a folder")
        self._names = tuple(name for _, name in numbered)
        self._lines = np.array([line for line, _ in numbered], np.int32)

    def _numbered(self, path: str) -> list[tuple[int, str]]:
        suffix = Path(path).suffix.lower()
        if suffix in IMAGE_SUFFIXES and Path(path).is_file():
            return [(0, path)]
        if Path(path).is_dir() or (any(mark in path for mark in "*?[") and not Path(path).exists()):
            return [(0, name) for name in image_paths(path) or ()]
        folder = Path(path).parent
        self._roots = ("", str(folder), str(folder.parent))
        return read_numbered_list(path)

    @property
    def names(self) -> Sequence[str]:
        """The paths as they are written."""
        return self._names

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, index: int) -> Listed: ...
    @overload
    def __getitem__(self, index: slice) -> list[Listed]: ...
    def __getitem__(self, index: int | slice) -> Listed | list[Listed]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        name, line = self._names[index], int(self._lines[index])
        places = [Listed(name, root, line) for root in self._roots]
        there = (place for place in places if Path(place.path).is_file())
        near = (place for place in places if Path(place.path).parent.is_dir())  # the picture itself is missing
        return next(there, None) or next(near, places[0])

    def __iter__(self) -> Iterator[Listed]:
        return (self[i] for i in range(len(self)))


def data_file_of(source: DataSource) -> DataFile | None:
    """Return the .data file that a source is, or None."""
    if isinstance(source, DataFile):
        return source
    if isinstance(source, (str, os.PathLike)) and Path(source).suffix.lower() == ".data":
        return DataFile.read(source)
    return None
