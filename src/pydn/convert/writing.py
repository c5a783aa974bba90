"""What every conversion to darknet's files ends with: label files, lists, names, a .data file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import DataError
from ..evaluation.listing import Problem
from ..formats import write_text
from ..image import read_image
from ..labels import label_path
from ..names import read_names
from ..preprocess import Dialect
from .pixels import edges_inside, relative


@dataclass(frozen=True, slots=True)
class Object:
    """Something in a picture: its class, and edges in pixels from the picture's left and upper edge."""

    name: str
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Annotated:
    """A picture with what is in it.

    Attributes
    ----------
    path
        Where the picture is.
    size
        Width and height.
    objects
        In it.
    source
        The file that says so.
    """

    path: str
    size: tuple[int, int]
    objects: tuple[Object, ...]
    source: str = ""


@dataclass
class Conversion:
    """What was converted.

    Attributes
    ----------
    data
        The .data file that was written, or the file or folder.
    names
        Of the classes, in order of their numbers.
    pictures, boxes
        How many were written.
    left_out
        Objects that were not, by reason.
    problems
        What is wrong in the source, by file.
    """

    data: Path
    names: tuple[str, ...] = ()
    pictures: int = 0
    boxes: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{self.data}: {self.pictures} pictures, {self.boxes} boxes of {len(self.names)} classes"]
        lines += [f"left out: {count} objects: {reason}" for reason, count in sorted(self.left_out.items())]
        lines += [f"problem: {problem}" for problem in self.problems]
        return "\n".join(lines)


def class_names(given: Sequence[str] | str | os.PathLike[str] | None, found: Mapping[str, int] | set[str]) -> list[str]:
    """Return the classes in order of their numbers: those that are given, else those that were found, sorted."""
    if given is None:
        names = sorted(found)
    else:
        names = read_names(given) if isinstance(given, (str, os.PathLike)) else list(given)
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if not names or repeated:
        raise DataError(f"{repeated[0]!r} is there twice in the names" if repeated else "there is no class")
    return names


def safe_path(folder: str | os.PathLike[str], name: str) -> str | None:
    """Path of a file that an annotation names; None where it would lie outside of the folder or break a list."""
    path = os.path.normpath(name.replace("\\", "/"))
    outside = path.startswith(("/", "..")) or path in ("", ".") or ":" in path.split("/")[0]
    if outside or any(ord(character) < 32 for character in name):
        return None
    return str(Path(folder) / path)


def picture_size(path: str, width: object, height: object) -> tuple[int, int]:
    """Width and height as the annotation says, or if it does not, those of the picture."""
    said = [int(value) if isinstance(value, (int, float)) and 0 < value < 2**31 else 0 for value in (width, height)]
    if all(said):
        return said[0], said[1]
    rows, columns = read_image(path).shape[:2]
    return columns, rows


Digits = Callable[[float, float, int], tuple[str, str]]


def label_text(annotated: Annotated, names: Mapping[str, int], report: Conversion, digits: Digits = relative) -> str:
    """Return the lines of a label file; what has no area inside the picture or no class is left out and counted."""
    lines = []
    for found in annotated.objects:
        if found.name not in names:
            report.left_out[f"of class {found.name}, which is not asked for"] += 1
            continue
        across = edges_inside(found.left, found.right, annotated.size[0])
        down = edges_inside(found.top, found.bottom, annotated.size[1])
        if across is None or down is None:
            report.left_out["no area inside the picture"] += 1
            continue
        x, width = digits(*across, annotated.size[0])
        y, height = digits(*down, annotated.size[1])
        if digits is relative and 0.0 in (float(width), float(height)):
            report.left_out["too thin for six decimals"] += 1
            continue
        lines.append(f"{names[found.name]} {x} {y} {width} {height}\n")
    report.boxes += len(lines)
    return "".join(lines)


def write_set(
    out: str | os.PathLike[str],
    lists: Mapping[str, Sequence[Annotated]],
    report: Conversion,
    dialect: Dialect,
    digits: Digits = relative,
) -> Conversion:
    """Write label files where darknet looks for them, and into a folder lists, names and the .data file.

    Parameters
    ----------
    out
        The folder; it is made.
    lists
        The pictures of each list: ``train``, ``valid``.
    report
        With the names; is filled.
    dialect
        By whose rules a label file's place follows from that of its picture.
    digits
        Writes centre and size.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    numbers = {name: number for number, name in enumerate(report.names)}
    lines = [f"classes = {len(numbers)}\n"]
    done: set[str] = set()
    for key, pictures in lists.items():
        for picture in pictures:
            if picture.path not in done:
                _write_labels(picture, label_text(picture, numbers, report, digits), dialect)
                done.add(picture.path)
        paths = [str(Path(picture.path).absolute()) for picture in pictures]
        write_text(folder / f"{key}.txt", "".join(f"{path}\n" for path in paths))
        lines.append(f"{key} = {folder.absolute() / key}.txt\n")
    write_text(folder / "classes.names", "".join(f"{name}\n" for name in report.names))
    lines += [f"names = {folder.absolute() / 'classes.names'}\n", "backup = backup\n"]
    report.data, report.pictures = folder / f"{folder.absolute().name}.data", len(done)
    write_text(report.data, "".join(lines))
    return report


def _write_labels(picture: Annotated, text: str, dialect: Dialect) -> None:
    path = Path(label_path(picture.path, dialect))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
