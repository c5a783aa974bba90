"""Boxes and labels on an image."""

from __future__ import annotations

import colorsys
import os
from dataclasses import dataclass, replace

import cv2
import numpy as np

from .detection import Detection
from .detections import Detections
from .image import ImageLike, Pixels, eight_bits, read_image
from .lettering import Mask, lettering, to_ascii

_SHADES = ((0.9, 1.0), (0.5, 1.0), (0.95, 0.7), (0.55, 0.8))
"""Saturation and value."""
_SMALLEST = 7
"""Height of capitals, in pixels, below which a label is cut rather than made smaller."""
_CROWD = 100
"""Labels that the others keep clear of; beyond as many there is no room left, and looking for it takes long."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A rectangle in pixels; right and bottom lie outside of it."""

    left: int
    top: int
    right: int
    bottom: int

    def common(self, other: _Place) -> int:
        """Pixels that belong to both."""
        across = min(self.right, other.right) - max(self.left, other.left)
        return max(0, across) * max(0, min(self.bottom, other.bottom) - max(self.top, other.top))


def class_color(class_id: int) -> tuple[int, int, int]:
    """BGR colour of a class, the same in every picture.

    Hues are a golden section apart, so that neighbours differ; they come close again after 13, 21 or 34 classes,
    which is why four kinds of light and dark alternate.
    """
    saturation, value = _SHADES[class_id % 4]
    red, green, blue = colorsys.hsv_to_rgb((class_id * 0.61803398875 + 0.05) % 1.0, saturation, value)
    return round(255 * blue), round(255 * green), round(255 * red)


def line_width(width: int, height: int) -> int:
    """Width of the lines in a picture of a size: 2 in 640×480, 5 in 1920×1080."""
    return max(1, round((width + height) / 600))


def draw_detections(
    image: ImageLike, detections: Detections, *, rgb: bool = False, font: str | os.PathLike[str] | None = None
) -> Pixels:
    """Draw boxes and labels on a copy of an image, the most confident on top.

    Labels lie inside the picture, and not on each other as far as there is room.

    Parameters
    ----------
    image
        Any form of an image.
    detections
        In pixels of that image.
    rgb
        An array is in RGB order, and so is the result.
    font
        A font file for the labels; needs Pillow.

    Returns
    -------
    numpy.ndarray
        H×W×3 uint8, BGR unless `rgb`.
    """
    pixels = eight_bits(read_image(image, rgb=rgb))
    # one copy, in BGR order and contiguous
    canvas = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR) if pixels.ndim == 2 else np.array(pixels, order="C")
    canvas = np.asarray(canvas, dtype=np.uint8)
    order = np.argsort(detections.confidence, kind="stable").tolist()
    boxes = {row: _box(canvas, detections[row]) for row in order}
    for row in order:
        _frame(canvas, boxes[row], class_color(detections[row].class_id))
    labels: list[tuple[_Place, Mask, int]] = []
    for row in reversed(order):
        mask = _label(canvas, detections[row], font)
        if mask is not None:
            place = _free_place(canvas, boxes[row], mask, [taken for taken, _, _ in labels[:_CROWD]])
            labels.append((place, mask, int(detections.class_id[row])))
    for place, mask, class_id in reversed(labels):
        _write(canvas, place, mask, class_color(class_id))
    return np.ascontiguousarray(canvas[:, :, ::-1]) if rgb else canvas


def _box(canvas: Pixels, detection: Detection) -> _Place:
    """Where the outer edge of a box's lines is: half a line outside of the box, but inside the picture."""
    height, width = canvas.shape[:2]
    half = line_width(width, height) // 2
    left, top, right, bottom = detection.xyxy
    place = _Place(_clip(left - half, 0, width - 1), _clip(top - half, 0, height - 1), 0, 0)
    return replace(
        place,
        right=_clip(right + half, place.left, width - 1) + 1,
        bottom=_clip(bottom + half, place.top, height - 1) + 1,
    )


def _clip(value: float, least: int, most: int) -> int:
    """Return a pixel between the two; for infinite and undefined values too."""
    return int(np.clip(np.nan_to_num(value, nan=0.0, posinf=most, neginf=least), least, max(least, most)))


def _frame(canvas: Pixels, box: _Place, color: tuple[int, int, int]) -> None:
    """Draw four lines; OpenCV's own are wider than asked for and have round corners."""
    width = line_width(canvas.shape[1], canvas.shape[0])
    inside = canvas[box.top : box.bottom, box.left : box.right]
    inside[:width] = inside[-width:] = color
    inside[:, :width] = inside[:, -width:] = color


def _label(canvas: Pixels, detection: Detection, font: str | os.PathLike[str] | None) -> Mask | None:
    """Letters with a margin that fit into the picture; None where not even one does."""
    height, width = canvas.shape[:2]
    capitals = max(_SMALLEST, round((width + height) / 120))
    name, percent = " ".join(detection.label.split()), f" {100 * detection.confidence:.0f}%"
    while True:
        plain = to_ascii(name, f"class {detection.class_id}") + percent
        mask = lettering(name + percent, capitals, plain=plain, font=font)
        mask = np.pad(mask, max(1, capitals // 5))
        if mask.shape[0] <= height and mask.shape[1] <= width:
            return mask
        if capitals > _SMALLEST:
            capitals = max(_SMALLEST, capitals * 4 // 5)
        elif len(name) > 1 and mask.shape[0] <= height:
            name = name.removesuffix("…")[:-1] + "…" if len(name) > 2 else name[:1]
        else:
            return None


def _free_place(canvas: Pixels, box: _Place, mask: Mask, taken: list[_Place]) -> _Place:
    """Where a label goes: at its box, above, inside, below, further away; the first that covers the least of others."""
    (height, width), line = mask.shape, line_width(canvas.shape[1], canvas.shape[0])
    above, below = box.top + line - height, box.bottom - line
    tops = [above, box.top, below, box.bottom - height, above - height, box.top + height, below + height]
    corners = [(left, top) for top in tops for left in (box.left, box.right - width)]
    inside = [(left, top) for left, top in corners if 0 <= top <= canvas.shape[0] - height]
    places = []
    for x, y in inside or corners:
        left, top = _clip(x, 0, canvas.shape[1] - width), _clip(y, 0, canvas.shape[0] - height)
        places.append(_Place(left, top, left + width, top + height))
    return min(places, key=lambda place: sum(place.common(other) for other in taken))


def _write(canvas: Pixels, place: _Place, mask: Mask, color: tuple[int, int, int]) -> None:
    blue, green, red = color
    ink = 0 if 0.114 * blue + 0.587 * green + 0.299 * red > 110 else 255
    share = mask[:, :, None].astype(np.float32) / 255
    painted = np.rint(share * ink + (1 - share) * np.array(color, np.float32))
    canvas[place.top : place.bottom, place.left : place.right] = painted.astype(np.uint8)
