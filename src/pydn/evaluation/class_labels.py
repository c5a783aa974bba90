"""Which class each picture of a classifier's data set has: from its path, as darknet does, or from its folder."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from ..errors import DataError, Error
from ..names import fill_names, read_names
from ..sources import IMAGE_SUFFIXES, image_paths
from .listing import DataSource, Listing, Problem

By: TypeAlias = Literal["path", "folder"]
"""Where a picture's class stands: anywhere in its path, or as the name of its folder."""

_log = logging.getLogger("pydn")

UNKNOWN = -1
"""Class of a picture that has none: it is never right."""


@dataclass(slots=True)
class _Trap:
    """Pictures whose path has two labels: the one that counts and a later one."""

    example: str
    count: int = 1


class ClassSet:
    """Pictures with their class.

    By ``"path"``, the class of a picture is the first label of the list that is anywhere in its path as the list of
    pictures writes it. That is darknet's rule, and a trap: ``rain`` is in every path with ``train/``. Labels that are
    in all paths, and paths with several labels, are therefore reported.

    Parameters
    ----------
    source
        A .data file or `DataFile` with ``valid=`` (see `key`) and ``labels=``, a list file, a folder, a pattern or
        paths. A folder without pictures: those of the folders in it, by ``"folder"``.
    labels
        What stands in the paths, in the order of the classes: a list, or a file with one a line. None: ``labels=`` of
        the .data file, else its ``names=``, else `names`.
    names
        Names of the network's classes.
    classes
        Number of the network's outputs; those count, unless ``classes=`` of the .data file says fewer.
    key
        Of a .data file: which list of pictures.
    by
        None: ``"path"``, and ``"folder"`` for a folder of folders.
    strict
        Raise the first problem as a `DataError` rather than go on and list it.

    Raises
    ------
    FileNotFoundError, DataError
        If a file is missing or wrong, or the folders are not those of the classes.

    Attributes
    ----------
    listing
        The pictures.
    classes
        How many classes there are.
    labels
        A label for each.
    """

    def __init__(
        self,
        source: DataSource,
        labels: Sequence[str] | str | os.PathLike[str] | None = None,
        *,
        names: Sequence[str] = (),
        classes: int | None = None,
        key: str = "valid",
        by: By | None = None,
        strict: bool = False,
    ) -> None:
        folders = _folders(source)
        self.listing = Listing(source if folders is None else _pictures_in(folders), key)
        self._file, found = _labels(self.listing, labels, names)
        self.classes = _count(self.listing, len(found) if classes is None else classes, len(found))
        self.labels = fill_names(found[: self.classes], self.classes)
        self.by: By = by or ("path" if folders is None else "folder")
        if self.by == "folder":
            self._match: _Matcher = _ByFolder(self._folder_names(folders))
        else:
            self._match = _ByPath(found[: self.classes])
        self._problems: dict[int, Problem] = {}
        self._traps: dict[tuple[int, int], _Trap] = {}
        self._strict = strict
        self._everywhere = self._in_all_paths()
        if strict and self._everywhere:
            raise self.problems[0].error()

    def __len__(self) -> int:
        return len(self.listing)

    def matches(self, index: int) -> list[int]:
        """Return the classes whose label a picture has, in order; the first one is its class."""
        name = self.listing.names[index]
        found = self._match.classes(name)
        if not found:
            what = "its folder is no label" if self.by == "folder" else "none of the labels is in its path"
            self._add(index, f"{what}: it counts as wrong")
        for other in found[1:]:
            trap = self._traps.setdefault((found[0], other), _Trap(name, 0))
            trap.count += 1
            if self._strict:
                raise self._problem_trap(found[0], other, trap).error()
        return found

    def class_of(self, index: int) -> int:
        """Class of a picture, `UNKNOWN` where it has none."""
        return next(iter(self.matches(index)), UNKNOWN)

    def report(self, index: int, error: Error | OSError) -> None:
        """Note that a picture cannot be read."""
        reason = error.message if isinstance(error, DataError) else getattr(error, "strerror", None) or str(error)
        self._add(index, f"{reason}: the picture is left out")

    @property
    def problems(self) -> list[Problem]:
        """What has been found wrong until now."""
        problems = [self._problem_everywhere(class_id) for class_id in self._everywhere]
        for (first, other), trap in self._traps.items():
            if not {first, other} & set(self._everywhere):
                problems.append(self._problem_trap(first, other, trap))
        return problems + [self._problems[index] for index in sorted(self._problems)]

    def _add(self, index: int, text: str) -> None:
        listed = self.listing[index]
        problem = Problem(listed.path, 0, text)
        if listed.line:
            problem = Problem(self.listing.file, listed.line, f"{listed.path}: {text}")
        if self._strict:
            raise problem.error()
        self._problems[index] = problem

    def _problem_everywhere(self, class_id: int) -> Problem:
        label = self.labels[class_id]
        return Problem(
            self._file,
            class_id + 1 if self._file else 0,
            f"the label {label!r} is in every path ({self.listing.names[0]}): pictures without an earlier label count "
            "as this class. Rename the folder or the label, or take the class from the folder (by='folder')",
        )

    def _problem_trap(self, first: int, other: int, trap: _Trap) -> Problem:
        return Problem(
            self._file,
            other + 1 if self._file else 0,
            f"{trap.count} paths have both the label {self.labels[first]!r}, which counts, and {self.labels[other]!r} "
            f"({trap.example}). Rename one, or take the class from the folder (by='folder')",
        )

    def _in_all_paths(self) -> list[int]:
        if self.by == "folder" or len(self) < 2:
            return []
        common = os.path.commonprefix(self.listing.names)  # noqa: RUF071 (labels are parts of texts)
        return self._match.classes(common)

    def _folder_names(self, folders: list[Path] | None) -> list[str]:
        """Names of the folders in the order of the classes."""
        there = sorted({Path(name).parent.name for name in self.listing.names} | {path.name for path in folders or ()})
        if any(name in self.labels for name in there):
            return self.labels
        if len(there) == len(self.labels):
            return there  # as other programs number them
        raise DataError(
            f"the pictures are in {len(there)} folders ({', '.join(there[:3])}, …), of which none is one of the "
            f"{len(self.labels)} labels ({', '.join(self.labels[:3])}, …): hand in the labels that the folders are "
            "called by",
            file=self.listing.file,
        )


@dataclass(slots=True)
class _ByFolder:
    """The class whose label is the name of the folder."""

    labels: Sequence[str]
    _class_of: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self._class_of = {label: class_id for class_id, label in reversed(list(enumerate(self.labels))) if label}

    def classes(self, name: str) -> list[int]:
        class_id = self._class_of.get(Path(name).parent.name)
        return [] if class_id is None else [class_id]


class _ByPath:
    """The classes whose label is anywhere in the path."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = [(class_id, label) for class_id, label in enumerate(labels) if label]
        self._of_length: dict[int, dict[str, list[int]]] = {}
        for class_id, label in self._labels:
            self._of_length.setdefault(len(label), {}).setdefault(label, []).append(class_id)

    def classes(self, name: str) -> list[int]:
        if len(self._of_length) * len(name) > len(self._labels):
            return [class_id for class_id, label in self._labels if label in name]
        found: set[int] = set()  # many labels of a few lengths, such as WordNet's: every part of the path is looked up
        for length, of_label in self._of_length.items():
            for start in range(len(name) - length + 1):
                found.update(of_label.get(name[start : start + length], ()))
        return sorted(found)


_Matcher: TypeAlias = _ByFolder | _ByPath


def _folders(source: DataSource) -> list[Path] | None:
    """Return the folders in a folder that has no pictures itself; None for any other source."""
    if not isinstance(source, (str, os.PathLike)) or not Path(source).is_dir():
        return None
    entries = list(Path(source).iterdir())
    if any(entry.suffix.lower() in IMAGE_SUFFIXES and entry.is_file() for entry in entries):
        return None
    return sorted(entry for entry in entries if entry.is_dir()) or None


def _pictures_in(folders: Sequence[Path]) -> list[str]:
    found: list[str] = []
    for folder in folders:
        if any(entry.suffix.lower() in IMAGE_SUFFIXES for entry in folder.iterdir()):
            found += image_paths(folder) or []
    return found


def _count(listing: Listing, outputs: int, labels: int) -> int:
    """Return how many classes count; say so where .data file, network and labels disagree."""
    said = outputs if listing.data is None else listing.data.integer("classes", outputs)
    count = min(outputs, said)
    if said != outputs:
        _log.warning("classes=%d in the .data file, %d outputs: the first %d count", said, outputs, count)
    if count < 1:
        raise DataError(f"classes={said}: there must be 1 or more", file=listing.file)
    if labels < count:
        _log.warning("%d labels for %d classes: the classes without a label are never right", labels, count)
    return count


def _labels(
    listing: Listing, given: Sequence[str] | str | os.PathLike[str] | None, names: Sequence[str]
) -> tuple[str, list[str]]:
    """Return the file of the labels, if there is one, and the labels."""
    data = listing.data
    if given is None and data is not None:
        key = next((key for key in ("labels", "names") if key in data), None)
        given = None if key is None else data.file(key)
    if isinstance(given, (str, os.PathLike)):
        return os.fspath(given), read_names(given)
    found = list(names if given is None else given)
    if not any(found):
        raise DataError(
            "the classes have no labels to look for in the paths: hand them in, or write labels= into the .data file",
            file="" if data is None or data.path is None else str(data.path),
        )
    return "", found
