"""What a detector found in one image: columns of equal length, a row per box and class."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from . import formats
from .detection import Detection
from .image import ImageLike, Pixels
from .names import HIDDEN_PREFIX, fill_names

if TYPE_CHECKING:
    import supervision

__all__ = ["Detection", "Detections"]

_COLUMNS = ("xyxy", "confidence", "class_id", "objectness", "label")


@dataclass(frozen=True, eq=False, repr=False)
class Detections:
    """The objects of one image.

    A row is one box with one class over the threshold; a box with two such classes has two rows. Rows are ordered as
    AlexeyAB's program prints them: boxes by their left edge, the best class of a box first, the others by number.

    Iterating gives `Detection`s. An integer index gives one `Detection`; a slice, a list of indices or a boolean
    mask gives `Detections`; ``a + b`` has the rows of both. Equal are those with equal columns and image size.

    Attributes
    ----------
    xyxy
        (n, 4) float32: left, top, right, bottom in pixels of the image.
    confidence
        (n,) float32.
    class_id
        (n,) int64.
    objectness
        (n,) float32.
    label
        (n,) str.
    image_size
        (width, height) of the image in pixels.
    path
        Where the image came from; "" where it was no file.
    error
        Why the image could not be read, where `Network.detect_batch` was told to go on; else None.

    Raises
    ------
    ValueError
        If the columns have different lengths.

    Examples
    --------
    >>> import numpy as np
    >>> found = Detections(
    ...     xyxy=np.array([[10, 20, 30, 60], [5, 5, 9, 9]]), confidence=[0.9, 0.3], class_id=[0, 1],
    ...     objectness=[0.95, 0.5], label=["dog", "cat"], image_size=(100, 100))
    >>> found[found.confidence > 0.5]
    Detections(dog 90% (10, 20, 30, 60))
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int64]
    objectness: NDArray[np.float32]
    label: NDArray[np.str_]
    image_size: tuple[int, int] = (0, 0)
    path: str = field(default="", kw_only=True)
    error: Exception | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        columns: dict[str, Any] = {
            "xyxy": np.asarray(self.xyxy, dtype=np.float32).reshape(-1, 4),
            "confidence": np.asarray(self.confidence, dtype=np.float32),
            "class_id": np.asarray(self.class_id, dtype=np.int64),
            "objectness": np.asarray(self.objectness, dtype=np.float32),
            "label": np.asarray(self.label, dtype=np.str_),
        }
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"columns must have equal lengths, not {lengths}")
        for name, column in columns.items():
            object.__setattr__(self, name, column)

    @classmethod
    def empty(
        cls, image_size: tuple[int, int] = (0, 0), *, path: str = "", error: Exception | None = None
    ) -> Detections:
        """Return detections without a row."""
        none: Any = ()
        return cls(none, none, none, none, none, image_size, path=path, error=error)

    @classmethod
    def merge(cls, parts: Iterable[Detections]) -> Detections:
        """Put the rows of several detections of one image behind each other.

        Raises
        ------
        ValueError
            If there is none, or they are of images of different sizes.
        """
        parts = list(parts)
        sizes = {part.image_size for part in parts}
        if len(sizes) != 1:
            raise ValueError(f"detections of one image are expected, these are of {len(sizes)} sizes: {sorted(sizes)}")
        columns: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS}
        return cls(**columns, image_size=parts[0].image_size, path=parts[0].path)

    @classmethod
    def from_boxes(
        cls,
        boxes: NDArray[np.float32],
        objectness: NDArray[np.float32],
        probabilities: NDArray[np.float32],
        *,
        names: Sequence[str] | None,
        thresh: float,
        image_size: tuple[int, int],
        path: str = "",
    ) -> Detections:
        """Make the rows from what the engine decodes.

        Parameters
        ----------
        boxes
            (m, 4) float32: centre x, centre y, width, height, relative to the image.
        objectness
            (m,) float32.
        probabilities
            (m, classes) float32, already multiplied by objectness; 0 where suppressed.
        names
            Name of every class. Classes whose name starts with ``dont_show`` give no rows.
        thresh
            Rows have a probability above it.
        image_size
            (width, height) in pixels.
        path
            Where the image came from.
        """
        labels = np.array(fill_names(names, probabilities.shape[1]), dtype=np.str_)
        shown = ~np.char.startswith(labels[: probabilities.shape[1]], HIDDEN_PREFIX)
        box, class_id = np.nonzero((probabilities > thresh) & shown)
        probability = probabilities[box, class_id]
        left = boxes[box, 0] - boxes[box, 2] / 2
        best = np.where(shown, probabilities, 0).argmax(axis=1) if len(box) else box
        order = np.lexsort((class_id, class_id != best[box], box, left))
        box, class_id = box[order], class_id[order]
        centre, half = boxes[box, :2], boxes[box, 2:] / 2
        with np.errstate(over="ignore"):  # an untrained network's boxes may be larger than any number
            corners = np.concatenate([centre - half, centre + half], axis=1) * np.array(image_size * 2, np.float32)
        return cls(corners, probability[order], class_id, objectness[box], labels[class_id], image_size, path=path)

    def __len__(self) -> int:
        return len(self.confidence)

    def __iter__(self) -> Iterator[Detection]:
        return (self[i] for i in range(len(self)))

    @overload
    def __getitem__(self, index: int | np.integer[Any]) -> Detection: ...
    @overload
    def __getitem__(self, index: slice | Sequence[int] | Sequence[bool] | NDArray[Any]) -> Detections: ...
    def __getitem__(self, index: Any) -> Detection | Detections:
        if isinstance(index, (int, np.integer)):
            left, top, right, bottom = self.xyxy[index].tolist()
            return Detection(
                label=str(self.label[index]),
                confidence=float(self.confidence[index]),
                xyxy=(left, top, right, bottom),
                class_id=int(self.class_id[index]),
                objectness=float(self.objectness[index]),
            )
        if not isinstance(index, slice):
            index = np.asarray(index)
            index = index.astype(np.intp) if index.size == 0 else index
        columns: dict[str, Any] = {name: getattr(self, name)[index] for name in _COLUMNS}
        return Detections(**columns, image_size=self.image_size, path=self.path, error=self.error)

    def __add__(self, other: object) -> Detections:
        if not isinstance(other, Detections):
            return NotImplemented
        return Detections.merge([self, other])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Detections):
            return NotImplemented
        return self.image_size == other.image_size and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in _COLUMNS
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        if self.error is not None:
            return f"Detections(error: {self.error})"
        rows = [
            f"{d.label} {100 * d.confidence:.0f}% ({', '.join(f'{value:.0f}' for value in d.xyxy)})" for d in self[:10]
        ]
        if len(self) > len(rows):
            rows.append(f"… {len(self) - len(rows)} more")
        return f"Detections({', '.join(rows)})"

    @property
    def xywh(self) -> NDArray[np.float32]:
        """(n, 4) float32: centre x, centre y, width, height, relative to the image."""
        size = np.array(formats.known_size(self), np.float32)
        low, high = self.xyxy[:, :2], self.xyxy[:, 2:]
        return np.concatenate([(low + high) / 2 / size, (high - low) / size], axis=1)

    def draw(
        self, image: ImageLike | None = None, *, rgb: bool = False, font: str | os.PathLike[str] | None = None
    ) -> Pixels:
        """Draw boxes and labels on a copy of an image.

        Parameters
        ----------
        image
            The image that was searched, in any form that `Network.detect` takes; None reads it from `path` again.
        rgb
            An array is in RGB order, and so is the result.
        font
            A TrueType or OpenType font for the labels; needs Pillow. None: OpenCV's own letters, and where a label
            has others and Pillow is there, a font of this machine that has them.

        Returns
        -------
        numpy.ndarray
            H×W×3 uint8, BGR unless `rgb`.

        Raises
        ------
        ValueError
            If no image is given and it came from no file.
        """
        from .draw import draw_detections

        if image is None:
            if not self.path:
                raise ValueError("these detections came from no file: hand the image to draw on to draw() or save()")
            image = self.path
        return draw_detections(image, self, rgb=rgb, font=font)

    def to_json(self, *, frame_id: int = 1, filename: str | None = None) -> str:
        """One object of darknet's ``-out`` file, as valid JSON: see `formats.to_json`."""
        return formats.to_json(self, frame_id, self.path or None if filename is None else filename)

    def to_darkflow(self) -> list[dict[str, Any]]:
        """Return what darkflow's ``--json`` writes: see `formats.to_darkflow`."""
        return formats.to_darkflow(self)

    def to_coco(
        self, image_id: int | str, category_ids: Sequence[int] | Mapping[int, int] | None = None
    ) -> list[dict[str, Any]]:
        """Results in COCO's form: see `formats.to_coco`."""
        return formats.to_coco(self, image_id, category_ids)

    def to_yolo(self) -> str:
        """Lines of a label file: see `formats.to_yolo`."""
        return formats.to_yolo(self)

    def to_supervision(self) -> supervision.Detections:
        """``supervision.Detections`` with the labels as ``data["class_name"]``; see `formats.to_supervision`."""
        return formats.to_supervision(self)

    def save(self, path: str | os.PathLike[str], image: ImageLike | None = None) -> None:
        """Write a file, of the kind that the end of its name says.

        Parameters
        ----------
        path
            ``.json``: a list with `to_json`, as of ``-out``. ``.txt``: `to_yolo`. ``.csv``: a table of all columns.
            ``.jpg``, ``.png`` and what else OpenCV writes: `draw`.
        image
            To draw on; None reads it again from where it came.

        Raises
        ------
        ValueError
            If the end of the name says nothing known, or there is no image to draw on.
        OSError
            If the file cannot be written.
        """
        formats.save(self, path, image)
