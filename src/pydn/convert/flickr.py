"""Flickr Logos 27: pictures, and one text with ``file class subset x1 y1 x2 y2`` a line.

As the script that its users share: each subset's pictures are copied to ``<subset>_<class>_<file>`` with a label file
beside them, whose numbers have all digits of a double. The classes are in sorted order, so that every run gives the
same numbers; boxes without area, of which there are some, are left out and counted.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import DataError, Error
from ..evaluation.listing import Problem
from ..files import write_whole
from ..progress import progress
from .writing import Annotated, Conversion, Object, class_names, picture_size, safe_path, write_set

ANNOTATIONS = "flickr_logos_27_dataset_training_set_annotation.txt"
IMAGES = "flickr_logos_27_dataset_images"


def flickr27(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    names: Sequence[str] | str | os.PathLike[str] | None = None,
    held_out: int | None = None,
) -> Conversion:
    """Convert the set to darknet's labels.

    Parameters
    ----------
    source
        The set's folder: its annotation text and its folder of pictures.
    out
        Folder for copies of the pictures, labels, lists, names and the .data file.
    names
        The classes in order, or a names file; None: those that occur, sorted.
    held_out
        A subset, 1 to 6, for ``valid=``. The subsets lie inside each other: of the other ones, the pictures that it
        also has are left out.

    Returns
    -------
    Conversion
    """
    root, folder = Path(source), Path(out)
    report = Conversion(folder)
    rows = _rows(root / ANNOTATIONS, report)
    report.names = tuple(class_names(names, {name for objects in rows.values() for name, _ in objects}))
    folder.mkdir(parents=True, exist_ok=True)
    tested = {file for subset, _, file in rows if subset == held_out}
    lists: dict[str, list[Annotated]] = {"train": [], "valid": []} if held_out is not None else {"train": []}
    for (subset, name, file), objects in progress(rows.items(), len(rows), "pictures"):
        key = "valid" if subset == held_out else "train"
        if key == "train" and file in tested:
            continue
        copied = _copy(root / IMAGES, file, folder, f"{subset}_{name}_{file}", report)
        if copied is not None:
            found = tuple(Object(label, *corners) for label, corners in objects)
            lists[key].append(Annotated(copied, picture_size(copied, 0, 0), found))
    return write_set(out, lists, report, "alexeyab", _all_digits)


_Row = tuple[str, tuple[float, float, float, float]]


def _rows(path: Path, report: Conversion) -> dict[tuple[int, str, str], list[_Row]]:
    """Boxes by (subset, class, file), in the order of their first appearance."""
    rows: dict[tuple[int, str, str], list[_Row]] = {}
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        words = line.split()
        if not words:
            continue
        try:
            file, name, subset, *numbers = words
            left, top, right, bottom = map(float, numbers)
            rows.setdefault((int(subset), name, file), []).append((name, (left, top, right, bottom)))
        except ValueError:
            text = f"{line[:60]!a} is not of the form 'file class subset x1 y1 x2 y2': the line is left out"
            report.problems.append(Problem(str(path), number, text))
    if not rows:
        raise DataError("no line of this file is an annotation", file=str(path))
    return rows


def _copy(images: Path, file: str, folder: Path, name: str, report: Conversion) -> str | None:
    picture, target = safe_path(images, file), safe_path(folder, name)
    if picture is None or target is None or "/" in name:
        report.problems.append(Problem(str(images), 0, f"{file!r} is not the name of a file here: it is left out"))
        return None
    try:
        picture_size(picture, 0, 0)
        write_whole(target, Path(picture).read_bytes())
    except (Error, OSError) as error:
        text = error.message if isinstance(error, Error) else str(error.strerror)
        report.problems.append(Problem(picture, 0, f"{text}: the picture is left out"))
        return None
    return target


def _all_digits(low: float, high: float, side: int) -> tuple[str, str]:
    return str((low + high) / 2 / side), str((high - low) / side)
