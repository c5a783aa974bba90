"""What an evaluation stands on: the boxes that a network found and those that are there, as columns of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Indices = NDArray[np.integer[Any]]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Detections, a row per box and class; pictures in order, and inside of one the reference's order of boxes.

    Attributes
    ----------
    image
        (n,) int32: number of the picture.
    class_id
        (n,) int32.
    score
        (n,) float32.
    box
        (n, 4) float32: centre x, centre y, width, height, relative to the picture.
    """

    image: NDArray[np.int32]
    class_id: NDArray[np.int32]
    score: Floats
    box: Floats

    def __len__(self) -> int:
        return len(self.score)

    def __getitem__(self, rows: Mask | Indices | slice) -> Found:
        return Found(self.image[rows], self.class_id[rows], self.score[rows], self.box[rows])

    def same(self, other: Found) -> bool:
        """Whether all rows are equal."""
        return len(self) == len(other) and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in ("image", "class_id", "score", "box")
        )


@dataclass(frozen=True, slots=True, eq=False)
class Objects:
    """What is in the pictures; columns as of `Found`.

    Attributes
    ----------
    difficult
        (n,) bool: objects that count neither as found nor as missed.
    """

    image: NDArray[np.int32]
    class_id: NDArray[np.int32]
    box: Floats
    difficult: Mask

    def __len__(self) -> int:
        return len(self.image)

    def counts(self, classes: int, counted: Mask | None = None) -> NDArray[np.int64]:
        """Return (classes,) how many objects of each class count; `counted` leaves others out too."""
        rows = ~self.difficult if counted is None else ~self.difficult & counted
        return np.bincount(self.class_id[rows], minlength=classes).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Detections and objects of the same pictures.

    Attributes
    ----------
    sizes
        (pictures, 2) int32: width, height.
    names
        Names of all classes.
    paths
        Of the pictures; may be empty.
    nms
        What the detections were thinned out with.
    floor
        All detections have a score above it.
    letterbox
        Whether the pictures kept their aspect.
    """

    found: Found
    objects: Objects
    sizes: NDArray[np.int32]
    names: Sequence[str]
    paths: Sequence[str] = field(default_factory=list)
    nms: float = 0.45
    floor: float = 0.0
    letterbox: bool = False

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.names)

    @property
    def pictures(self) -> int:
        """Number of pictures."""
        return len(self.sizes)


class Collector:
    """Takes the results of one picture after the other."""

    def __init__(self) -> None:
        self._found: list[tuple[Any, ...]] = []
        self._objects: list[tuple[Any, ...]] = []
        self._pictures: list[tuple[tuple[int, int], str]] = []

    def add(
        self,
        size: tuple[int, int],
        found: tuple[NDArray[np.int32], Floats, Floats],
        truth: Floats,
        difficult: Floats,
        path: str = "",
    ) -> None:
        """Add a picture.

        Parameters
        ----------
        size
            Width and height in pixels.
        found
            Class, score and box of each detection, in order.
        truth, difficult
            (n, 5): class and box.
        path
            Where the picture is.
        """
        image = len(self._pictures)
        class_id, score, box = found
        self._found.append((np.full(len(score), image, np.int32), class_id, score, box))
        for boxes, hard in ((truth, False), (difficult, True)):
            if len(boxes):
                count = len(boxes)
                self._objects.append(
                    (np.full(count, image, np.int32), boxes[:, 0].astype(np.int32), boxes[:, 1:], np.full(count, hard))
                )
        self._pictures.append((size, path))  # the last step: Ctrl-C may have come before it

    def evidence(self, names: Sequence[str], nms: float, floor: float, *, letterbox: bool) -> Evidence:
        """Return what has been added; what it took to gather it is freed."""
        whole = len(self._pictures)
        found, objects = self._columns()
        found = found[found.image < whole] if len(found) and found.image[-1] >= whole else found
        rows = objects.image < whole
        objects = Objects(objects.image[rows], objects.class_id[rows], objects.box[rows], objects.difficult[rows])
        sizes = np.array([size for size, _ in self._pictures], np.int32).reshape(-1, 2)
        return Evidence(found, objects, sizes, names, [path for _, path in self._pictures], nms, floor, letterbox)

    def _columns(self) -> tuple[Found, Objects]:
        nothing: list[tuple[Any, ...]] = [
            (np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32), np.empty((0, 4), np.float32))
        ]
        found = Found(*map(np.concatenate, zip(*(self._found or nothing), strict=True)))
        self._found.clear()
        none = [(nothing[0][0], nothing[0][0], nothing[0][3], np.empty(0, np.bool_))]
        objects = Objects(*map(np.concatenate, zip(*(self._objects or none), strict=True)))
        self._objects.clear()
        return found, objects
