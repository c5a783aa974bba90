"""Detections in the files that other evaluators read, as ``detector valid`` writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..detections import Detections
from ..formats import COCO_CATEGORY_IDS, json_text, to_darkflow
from .growing import GrowingFiles, safe_name

Kind: TypeAlias = Literal["voc", "coco", "imagenet", "bdd", "kitti", "darkflow"]
"""Values of ``eval=`` in a .data file, and darkflow's files."""

NAMES: dict[Kind, str] = {
    "voc": "comp4_det_test_",
    "coco": "coco_results",
    "imagenet": "imagenet-detection",
    "bdd": "bdd_results",
    "kitti": "kitti_results",
    "darkflow": "out",
}
"""What the files are called; for ``"voc"`` a class's name follows, and the last two are folders."""

_BDD = ("bike", "bus", "car", "motor", "person", "rider", "traffic light", "traffic sign", "train", "truck")
_KITTI = ("car", "pedestrian", "cyclist")
_IMAGENET_CLASSES = 200


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What was found in a picture, a row for each box and class, in the order of the reference's lines.

    Attributes
    ----------
    index
        Place of the picture in the list, from 0.
    path
        Its path as the list writes it.
    size
        (width, height) in pixels.
    boxes
        (n, 4) float32: centre x, centre y, width, height in pixels.
    class_id
        (n,) int32.
    score
        (n,) float32.
    """

    index: int
    path: str
    size: tuple[int, int]
    boxes: NDArray[np.float32]
    class_id: NDArray[np.int32]
    score: NDArray[np.float32]

    def corners(self, first: int = 0) -> NDArray[np.float32]:
        """(n, 4) left, top, right, bottom in pixels of which the first has number `first`.

        As in the reference, left and top are cut at the picture's start only, right and bottom at its end only.
        """
        boxes = self.boxes.astype(np.float64)
        low, high = boxes[:, :2] - boxes[:, 2:] / 2 + first, boxes[:, :2] + boxes[:, 2:] / 2 + first
        low, high = low.astype(np.float32), high.astype(np.float32)
        return np.concatenate([np.maximum(low, first), np.minimum(high, np.array(self.size, np.float32))], axis=1)

    def rows(self, corners: NDArray[np.float32]) -> tuple[list[int], list[float], list[list[float]]]:
        """Return classes, scores and corners as Python's numbers, which are quicker to write."""
        return self.class_id.tolist(), self.score.tolist(), corners.tolist()


class Writer:
    """Writes detections, a picture at a time.

    Parameters
    ----------
    files
        What to add to.
    kind
        Which form.
    names
        Names of the classes.
    name
        What the files are called instead of `NAMES`.
    """

    def __init__(self, files: GrowingFiles, kind: Kind, names: Sequence[str], name: str | None = None) -> None:
        self.unnumbered = 0
        """Pictures whose name has no number, which COCO's form needs."""
        self._files, self._names = files, names
        self._name = NAMES[kind] if name is None else name
        self._empty = True
        self._write: Callable[[Found], None] = getattr(self, f"_{kind}")
        self._json = f"{self._name}.json" if kind in ("coco", "bdd") else ""
        if kind == "voc":
            for label in names:
                files.add(self._voc_file(label), "")
        elif self._json:
            files.add(self._json, "[\n")
        elif kind == "imagenet":
            files.add(f"{self._name}.txt", "")

    def add(self, found: Found) -> None:
        """Write what was found in a picture."""
        self._write(found)

    def end(self) -> None:
        """Write what stands at the end."""
        if self._json:
            self._files.add(self._json, "]\n" if self._empty else "\n]\n")

    def _voc_file(self, label: str) -> str:
        return f"{self._name}{safe_name(label)}.txt"

    def _voc(self, found: Found) -> None:
        stem = stem_of(found.path)
        for class_id, score, corners in zip(*found.rows(found.corners(1)), strict=True):
            line = f"{stem} {score:f} {_numbers(corners, ' ')}\n"
            self._files.add(self._voc_file(self._names[class_id]), line)

    def _coco(self, found: Found) -> None:
        number = image_number(found.path)
        self.unnumbered += number is None
        corners = found.corners()
        boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
        for class_id, score, box in zip(*found.rows(boxes), strict=True):
            self._entry(
                f'{{"image_id":{number or 0}, "category_id":{category(class_id)}, "bbox":[{_numbers(box)}], '
                f'"score":{score:f}}}'
            )

    def _imagenet(self, found: Found) -> None:
        for class_id, score, corners in zip(*found.rows(found.corners()), strict=True):
            if class_id < _IMAGENET_CLASSES:
                line = f"{found.index + 1} {class_id + 1} {score:f} {_numbers(corners, ' ')}\n"
                self._files.add(f"{self._name}.txt", line)

    def _bdd(self, found: Found) -> None:
        name, labels = json_text(stem_of(found.path)), _labels(_BDD, self._names)
        for class_id, score, corners in zip(*found.rows(found.corners()), strict=True):
            self._entry(
                f'\t{{\n\t\t"name":{name},\n\t\t"category":{json_text(labels[class_id])},\n'
                f'\t\t"bbox":[{_numbers(corners)}],\n\t\t"score":{score:f}\n\t}}'
            )

    def _kitti(self, found: Found) -> None:
        labels = _labels(_KITTI, self._names)
        file = f"{self._name}/data/{safe_name(stem_of(found.path))}.txt"
        self._files.add(file, "")
        for class_id, score, corners in zip(*found.rows(found.corners()), strict=True):
            box = _numbers(corners, " ")
            self._files.add(file, f"{labels[class_id]} -1 -1 -10 {box} -1 -1 -1 -1000 -1000 -1000 -10 {score:f}\n")

    def _darkflow(self, found: Found) -> None:
        half = found.boxes[:, 2:] / 2
        corners = np.concatenate([found.boxes[:, :2] - half, found.boxes[:, :2] + half], axis=1)
        labels = np.array([self._names[class_id] for class_id in found.class_id], np.str_)
        class_id = found.class_id.astype(np.int64)
        rows = to_darkflow(Detections(corners, found.score, class_id, found.score, labels, found.size))
        self._files.add(f"{self._name}/{safe_name(stem_of(found.path))}.json", json.dumps(rows))

    def _entry(self, text: str) -> None:
        self._files.add(self._json, text if self._empty else f",\n{text}")
        self._empty = False


def stem_of(path: str) -> str:
    """Name of a picture's file without its suffix."""
    return PurePosixPath(path.replace("\\", "/")).stem


def image_number(path: str) -> int | None:
    """COCO's number of a picture: what its name starts with, else what follows its last "_"; None without a number.

    Examples
    --------
    >>> image_number("val2017/000000000139.jpg"), image_number("COCO_val2014_000000000042.jpg"), image_number("a.jpg")
    (139, 42, None)
    """
    stem = stem_of(path)
    number = re.match(r"\s*([+-]?[0-9]+)", stem) or re.match(r"([0-9]+)", stem.rpartition("_")[2])
    return None if number is None else int(number[1])


def category(class_id: int) -> int:
    """COCO's number of a class of ``coco.names``; those after the 80 go on from 91."""
    known = len(COCO_CATEGORY_IDS)
    return COCO_CATEGORY_IDS[class_id] if class_id < known else COCO_CATEGORY_IDS[-1] + 1 + class_id - known


def _labels(fixed: Sequence[str], names: Sequence[str]) -> Sequence[str]:
    """Return the names that the evaluator knows, where there are as many classes; else the network's own."""
    return fixed if len(names) == len(fixed) else names


def _numbers(values: Sequence[float], between: str = ", ") -> str:
    return between.join(f"{value:f}" for value in values)
