"""What a detector found in one image: columns of equal length, a row per box and class."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from .image import ImageLike, Pixels
from .names import HIDDEN_PREFIX, fill_names


@dataclass(frozen=True, slots=True)
class Detection:
    """One object.

    Attributes
    ----------
    label, class_id
        Name and number of the class.
    confidence
        Objectness times probability of the class, 0..1.
    objectness
        0..1; region layers report 1.
    xyxy
        Left, top, right, bottom in pixels of the image; may lie outside of it.
    """

    label: str
    confidence: float
    xyxy: tuple[float, float, float, float]
    class_id: int
    objectness: float

    @property
    def xywh(self) -> tuple[float, float, float, float]:
        """Left, top, width, height in pixels."""
        left, top, right, bottom = self.xyxy
        return left, top, right - left, bottom - top


@dataclass(frozen=True, eq=False)
class Detections:
    """The objects of one image.

    A row is one box with one class over the threshold; a box with two such classes has two rows. Rows are ordered as
    AlexeyAB's program prints them: boxes by their left edge, the best class of a box first.

    Iterating gives `Detection`s. An integer index gives one `Detection`; a slice, a list of indices or a boolean
    mask gives `Detections`.

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
    image_size: tuple[int, int] = field(default=(0, 0))

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
    def empty(cls, image_size: tuple[int, int] = (0, 0)) -> Detections:
        """Return detections without a row."""
        none: Any = ()
        return cls(none, none, none, none, none, image_size)

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
        """
        labels = np.array(fill_names(names, probabilities.shape[1]), dtype=np.str_)
        shown = ~np.char.startswith(labels[: probabilities.shape[1]], HIDDEN_PREFIX)
        box, class_id = np.nonzero((probabilities > thresh) & shown)
        probability = probabilities[box, class_id]
        left = boxes[box, 0] - boxes[box, 2] / 2
        order = np.lexsort((class_id, -probability, box, left))
        box, class_id = box[order], class_id[order]
        centre, half = boxes[box, :2], boxes[box, 2:] / 2
        corners = np.concatenate([centre - half, centre + half], axis=1) * np.array(image_size * 2, np.float32)
        return cls(corners, probability[order], class_id, objectness[box], labels[class_id], image_size)

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
        return Detections(
            self.xyxy[index],
            self.confidence[index],
            self.class_id[index],
            self.objectness[index],
            self.label[index],
            self.image_size,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Detections):
            return NotImplemented
        names = ("xyxy", "confidence", "class_id", "objectness", "label")
        return self.image_size == other.image_size and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in names
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        rows = [
            f"{d.label} {100 * d.confidence:.0f}% ({', '.join(f'{value:.0f}' for value in d.xyxy)})" for d in self[:10]
        ]
        if len(self) > len(rows):
            rows.append(f"… {len(self) - len(rows)} more")
        return f"Detections({', '.join(rows)})"

    @property
    def xywh(self) -> NDArray[np.float32]:
        """(n, 4) float32: centre x, centre y, width, height, relative to the image."""
        size = np.array(self.image_size, np.float32)
        low, high = self.xyxy[:, :2], self.xyxy[:, 2:]
        return np.concatenate([(low + high) / 2 / size, (high - low) / size], axis=1)

    def draw(self, image: ImageLike, *, rgb: bool = False) -> Pixels:
        """Draw boxes and labels on a copy of an image.

        Parameters
        ----------
        image
            The image that was searched, in any form that `Network.detect` takes.
        rgb
            An array is in RGB order, and so is the result.

        Returns
        -------
        numpy.ndarray
            H×W×3 uint8, BGR unless `rgb`.
        """
        from .draw import draw_detections

        return draw_detections(image, self, rgb=rgb)

    def to_json(self, *, frame_id: int = 1, filename: str | None = None) -> str:
        """One object of darknet's ``-out`` file, as valid JSON.

        Parameters
        ----------
        frame_id
            Number of the image, from 1.
        filename
            Path of the image; left out where it is None.

        Returns
        -------
        str
            ``{"frame_id": 1, "filename": …, "objects": [{"class_id", "name", "relative_coordinates", "confidence"}]}``
        """
        rows = [_json_row(d, box) for d, box in zip(self, self.xywh.tolist(), strict=True)]
        head = f'{{\n "frame_id":{frame_id}, \n'
        if filename is not None:
            head += f' "filename":{json.dumps(filename, ensure_ascii=False)}, \n'
        return head + ' "objects": [ \n' + ", \n".join(rows) + "\n ] \n}"


def _json_row(detection: Detection, box: list[float]) -> str:
    x, y, width, height = box
    return (
        f'  {{"class_id":{detection.class_id}, "name":{json.dumps(detection.label, ensure_ascii=False)}, '
        f'"relative_coordinates":{{"center_x":{x:f}, "center_y":{y:f}, "width":{width:f}, "height":{height:f}}}, '
        f'"confidence":{detection.confidence:f}}}'
    )
