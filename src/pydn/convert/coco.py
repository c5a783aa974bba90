"""COCO's instances: one JSON file a set, with ``images``, ``annotations`` and ``categories``."""

from __future__ import annotations

import json
import math
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import DataError, Error
from ..evaluation.listing import DataSource, Problem
from ..evaluation.truth import Truth, TruthSet
from ..formats import COCO_CATEGORY_IDS, write_text
from ..preprocess import Dialect
from .pixels import edges
from .reading import names_of, sized
from .writing import Annotated, Conversion, Object, class_names, picture_size, safe_path, write_set

_COCO = {"boat": 9, "toothbrush": 90}
"""Two classes by which coco.names is known, with their categories."""


def coco(
    train: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    images: str | os.PathLike[str],
    valid: str | os.PathLike[str] | None = None,
    valid_images: str | os.PathLike[str] | None = None,
    names: Sequence[str] | str | os.PathLike[str] | None = None,
    crowd: bool = False,
    dialect: Dialect = "alexeyab",
) -> Conversion:
    """Convert instances to label files, lists, names and a .data file.

    Boxes are cut to their picture; those without area are left out and counted. Pictures without objects get an empty
    label file.

    Parameters
    ----------
    train, valid
        The JSON files.
    out
        Folder for lists, names and the .data file. Labels go where darknet looks for them: beside the pictures, and
        for pictures in ``images/train2017`` and such into ``labels/train2017``.
    images, valid_images
        Folders of the pictures; those of `valid` are in `images` unless said otherwise.
    names
        The classes in order, or a names file; objects of others are left out. None: the categories, by their ids.
    crowd
        Keep annotations of crowds.
    dialect
        By whose rules labels are looked up.

    Returns
    -------
    Conversion
    """
    report = Conversion(Path(out))
    files = {"train": (train, images)}
    if valid is not None:
        files["valid"] = valid, valid_images if valid_images is not None else images
    sets = {key: _Instances(os.fspath(file), Path(folder)) for key, (file, folder) in files.items()}
    categories = {number: name for instances in sets.values() for number, name in instances.categories.items()}
    given = names if names is not None else [name for _, name in sorted(categories.items())]
    report.names = tuple(class_names(given, set()))
    found = {key: list(instances.pictures(crowd, report)) for key, instances in sets.items()}
    return write_set(out, found, report, dialect)


class _Instances:
    """A file of instances, checked as far as it is used."""

    def __init__(self, file: str, folder: Path) -> None:
        self.file, self._folder = file, folder
        try:
            content = json.loads(Path(file).read_bytes())
        except (ValueError, RecursionError) as error:
            raise DataError(f"no readable JSON: {error}", file=file) from None
        if not isinstance(content, dict):
            raise DataError("an object with images, annotations and categories was expected", file=file)
        self._content: dict[str, Any] = content
        self.categories = self._categories()

    def _rows(self, key: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
        rows = self._content.get(key)
        if not isinstance(rows, list):
            raise DataError(f"no list of {key} is in it", file=self.file)
        for number, row in enumerate(rows):
            if not isinstance(row, dict):
                raise DataError(f"{key}[{number}] is no object", file=self.file)
            yield number, row

    def _categories(self) -> dict[int, str]:
        found = {}
        for number, row in self._rows("categories"):
            name = row.get("name")
            if not isinstance(row.get("id"), int) or not isinstance(name, str) or not name.strip().isprintable():
                raise DataError(f"categories[{number}] lacks its id or name", file=self.file)
            found[row["id"]] = name.strip()
        return found

    def pictures(self, crowd: bool, report: Conversion) -> Iterator[Annotated]:
        objects = self._objects(crowd, report)
        for number, row in self._rows("images"):
            name = row.get("file_name")
            path = safe_path(self._folder, name) if isinstance(name, str) else None
            problem = None
            if path is None:
                problem = f"images[{number}] has no file_name inside the folder: {str(name)[:60]!r}"
            elif not Path(path).is_file():
                problem = f"images[{number}]: no such picture: {path}"
            if path is None or problem is not None:
                report.problems.append(Problem(self.file, 0, f"{problem}: it is left out"))
                continue
            try:
                size = picture_size(path, row.get("width"), row.get("height"))
            except (Error, OSError) as error:
                report.problems.append(Problem(path, 0, f"{error}: it is left out"))
                continue
            yield Annotated(path, size, tuple(objects.get(_key(row.get("id")), ())), self.file)

    def _objects(self, crowd: bool, report: Conversion) -> dict[object, list[Object]]:
        objects = defaultdict(list)
        for number, row in self._rows("annotations"):
            if row.get("iscrowd") and not crowd:
                report.left_out["crowds"] += 1
                continue
            name, box = self.categories.get(_key(row.get("category_id"))), row.get("bbox")  # type: ignore[call-overload]
            if name is None or not _is_box(box):
                report.problems.append(
                    Problem(self.file, 0, f"annotations[{number}] lacks its category or bbox: it is left out")
                )
                continue
            left, top, width, height = map(float, box or ())
            objects[_key(row.get("image_id"))].append(Object(name, left, top, left + width, top + height))
        return objects


def _key(value: object) -> object:
    """Ids are numbers or texts; what is neither has no picture."""
    return value if isinstance(value, (int, str)) else None


def _is_box(box: object) -> bool:
    return (
        isinstance(box, list)
        and len(box) == 4
        and all(isinstance(value, (int, float)) and abs(value) < 2**31 for value in box)
        and min(box[2:]) >= 0
        and all(map(math.isfinite, box))
    )


# ---- back


def to_coco(
    data: DataSource,
    out: str | os.PathLike[str],
    *,
    key: str = "train",
    names: Sequence[str] | str | os.PathLike[str] | None = None,
    category_ids: Sequence[int] | None = None,
    dialect: Dialect = "alexeyab",
) -> Conversion:
    """Convert label files to a file of instances.

    Numbers are whole where these give the same label again, else they have as many decimals as it takes.

    Parameters
    ----------
    data
        A .data file, a list, a folder or paths.
    out
        The JSON file.
    key
        Which list of a .data file.
    names
        Of the classes, or a names file; None: the .data file's.
    category_ids
        Of the classes; None: COCO's own for the classes of ``coco.names``, else 1, 2, ….
    dialect
        By whose rules labels are looked up.

    Returns
    -------
    Conversion
    """
    truths = TruthSet(data, key, dialect=dialect)
    report = Conversion(Path(out), tuple(names_of(truths, names)))
    ids = _category_ids(report.names) if category_ids is None else list(category_ids)
    if len(ids) < len(report.names) or len(set(ids)) < len(ids):
        raise ValueError(f"{len(report.names)} classes need as many different category_ids, not {len(set(ids))}")
    images: list[str] = []
    annotations: list[str] = []
    for truth, (width, height, _) in sized(truths, report):
        number = len(images) + 1
        row = {"id": number, "file_name": os.path.basename(truth.path), "width": width, "height": height}  # noqa: PTH119
        images.append(json.dumps(row))
        annotations += _annotations(truth, (width, height), number, ids, len(annotations) + 1)
    report.boxes = len(annotations)
    categories = [json.dumps({"id": ids[k], "name": name}) for k, name in enumerate(report.names)]
    parts = {"images": images, "annotations": annotations, "categories": categories}
    text = ",\n".join(f'"{name}": [\n' + ",\n".join(rows) + "\n]" for name, rows in parts.items())
    write_text(out, f"{{\n{text}\n}}\n")
    report.problems += truths.problems
    return report


def _category_ids(names: Sequence[str]) -> list[int]:
    known = len(names) == len(COCO_CATEGORY_IDS) and all(
        name in names and COCO_CATEGORY_IDS[names.index(name)] == number for name, number in _COCO.items()
    )
    return list(COCO_CATEGORY_IDS) if known else list(range(1, len(names) + 1))


def _annotations(truth: Truth, size: tuple[int, int], image: int, ids: Sequence[int], first: int) -> Iterator[str]:
    for number, (class_id, x, y, width, height) in enumerate(truth.boxes.tolist(), first):
        left, right = map(float, edges(x, width, size[0]))
        top, bottom = map(float, edges(y, height, size[1]))
        across, down = round(right - left, 12), round(bottom - top, 12)
        row = {
            "id": number,
            "image_id": image,
            "category_id": ids[int(class_id)],
            "bbox": [_short(value) for value in (left, top, across, down)],
            "area": _short(across * down),
            "iscrowd": 0,
            "segmentation": [],
        }
        yield json.dumps(row)


def _short(value: float) -> int | float:
    return int(value) if value.is_integer() else value
