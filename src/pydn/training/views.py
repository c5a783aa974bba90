"""Which part of a picture an image for training shows, as pixels and as boxes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..image import Pixels

Boxes = NDArray[np.float32]
"""(n, 5) float32: class, centre x, centre y, width, height; relative to the picture or image; (n, 6) with a track."""

_GREY = 128


@dataclass(frozen=True, slots=True)
class View:
    """A rectangle, in pixels of a picture, that is stretched to the whole image; it may reach over the picture's sides.

    Attributes
    ----------
    left, top, right, bottom
        Pixels between the picture's sides and the rectangle's, negative outside of the picture.
    width, height
        Of the rectangle.
    flip
        The image is mirrored, left to right.
    """

    left: int
    top: int
    right: int
    bottom: int
    width: int
    height: int
    flip: bool = False

    def boxes(self, boxes: Boxes, picture: tuple[int, int]) -> NDArray[np.float64]:
        """Corners of boxes in the image: class, left, top, right, bottom; relative, not cut to the image."""
        scale = np.array(picture) / (self.width, self.height)
        return _moved(boxes, scale, np.array((-self.left / self.width, -self.top / self.height)), self.flip)

    def pixels(self, picture: Pixels, width: int, height: int) -> Pixels:
        """Cut out, fill up with the picture's mean, stretch, and flip."""
        rows, columns = picture.shape[:2]
        left, top = max(0, self.left), max(0, self.top)
        seen = picture[top : min(rows, rows - self.bottom), left : min(columns, columns - self.right)]
        above, below, before, after = (max(0, -side) for side in (self.top, self.bottom, self.left, self.right))
        if above or below or before or after:
            mean = cv2.mean(picture)
            filled = cv2.copyMakeBorder(seen, above, below, before, after, cv2.BORDER_CONSTANT, value=mean)
            seen = np.asarray(filled, np.uint8)
        return _flipped(_stretched(seen, width, height), self.flip)


@dataclass(frozen=True, slots=True)
class Placing:
    """A picture scaled to a size and put at a place of the image, the rest of which is grey: pjreddie's view.

    Attributes
    ----------
    left, top, width, height
        Of the picture in the image, in pixels of the image; it may reach over the image's sides.
    flip
        The image is mirrored, left to right.
    """

    left: int
    top: int
    width: int
    height: int
    flip: bool = False

    def boxes(self, boxes: Boxes, image: tuple[int, int]) -> NDArray[np.float64]:
        """Corners of boxes in an image of a size; as `View.boxes`."""
        size = np.array(image)
        return _moved(boxes, (self.width, self.height) / size, (self.left, self.top) / size, self.flip)

    def pixels(self, picture: Pixels, width: int, height: int) -> Pixels:
        """Scale, place on grey, and flip."""
        scaled = _stretched(picture, self.width, self.height)
        canvas = np.full((height, width, *picture.shape[2:]), _GREY, np.uint8)
        left, top = max(0, self.left), max(0, self.top)
        right, bottom = min(width, self.left + self.width), min(height, self.top + self.height)
        canvas[top:bottom, left:right] = scaled[
            top - self.top : bottom - self.top, left - self.left : right - self.left
        ]
        return _flipped(canvas, self.flip)


def _stretched(pixels: Pixels, width: int, height: int) -> Pixels:
    if pixels.shape[:2] == (height, width):
        return pixels
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def _flipped(pixels: Pixels, flip: bool) -> Pixels:
    return cv2.flip(pixels, 1) if flip else pixels  # type: ignore[return-value]


def _moved(boxes: Boxes, scale: NDArray[np.float64], shift: NDArray[np.float64], flip: bool) -> NDArray[np.float64]:
    centre, half = boxes[:, 1:3].astype(np.float64), boxes[:, 3:5].astype(np.float64) / 2
    low, high = (centre - half) * scale + shift, (centre + half) * scale + shift
    corners = np.hstack([boxes[:, :1], low, high, boxes[:, 5:]])
    if flip:
        corners[:, [1, 3]] = 1 - corners[:, [3, 1]]
    return corners


def usable(boxes: Boxes) -> Boxes:
    """Boxes that are in their picture, at least in part; the reference also takes the centre (0, 0) for a mistake."""
    low, high = boxes[:, 1:3] - boxes[:, 3:5] / 2, boxes[:, 1:3] + boxes[:, 3:5] / 2
    there: Boxes = boxes[(high >= 0).all(1) & (low <= 1).all(1) & boxes[:, 1:3].any(1)]
    return there


def cut_boxes(corners: NDArray[np.float64], width: int, height: int) -> Boxes:
    """Cut boxes to the image, and leave out those of less than a pixel of it.

    Parameters
    ----------
    corners
        (n, 5): class, left, top, right, bottom, relative; or (n, 6), with a track.
    width, height
        Of the image.
    """
    low, high = corners[:, 1:3].clip(0, 1), corners[:, 3:5].clip(0, 1)
    size = high - low
    large = (size >= (1 / width, 1 / height)).all(1)
    cut: Boxes = np.hstack([corners[:, :1], (low + high) / 2, size, corners[:, 5:]])[large].astype(np.float32)
    return cut


def random_view(
    rng: np.random.Generator,
    picture: tuple[int, int],
    *,
    jitter: float,
    resize: float,
    flip: bool,
    shape: float = 0.0,
) -> View:
    """Choose AlexeyAB's view of a picture.

    Parameters
    ----------
    rng
        What chooses.
    picture
        (width, height).
    jitter
        Each side moves by up to this share of the picture, in or out.
    resize
        The sides move further, left with top and right with bottom: below 1 out only, so that the picture appears
        smaller by up to this factor, else out or in.
    flip
        Mirror half of the pictures.
    shape
        Width by height of the network with ``letter_box=1``: the view is widened to it. 0: stretched.
    """
    down, up = min(resize, 1 / resize), max(resize, 1 / resize)
    limits = ((1 - 1 / down) / 2, 0.0 if resize < 1 else (1 - 1 / up) / 2)
    first, second = rng.uniform(*limits), rng.uniform(*limits)  # left and top, right and bottom
    moves = rng.uniform(-jitter, jitter, 4)
    shares = (moves + np.array((first, second, first, second))).reshape(2, 2)
    sides = [[int(share * side) for share in pair] for pair, side in zip(shares, picture, strict=True)]
    mirrored = bool(flip and rng.integers(2))
    if shape:
        _widen(sides, picture, shape)
    return view_of(sides, picture, mirrored)


def view_of(sides: list[list[int]], picture: tuple[int, int], flip: bool) -> View:
    """Make a view of what is cut off left, right; top, bottom. At least a tenth of each side remains."""
    kept = []
    for pair, side in zip(sides, picture, strict=True):
        most = side - max(1, side // 10)
        low, high = (min(one, most) for one in pair)
        excess = max(0, low + high - most)
        kept += [low - (excess + 1) // 2, high - excess // 2]
    left, right, top, bottom = kept
    return View(left, top, right, bottom, picture[0] - left - right, picture[1] - top - bottom, flip)


def _widen(sides: list[list[int]], picture: tuple[int, int], shape: float) -> None:
    """Add to two sides what the picture lacks to the network's aspect."""
    width, height = picture
    across = width / height <= shape
    missing = (height * shape - width) if across else (width / shape - height)
    pair = sides[0 if across else 1]
    pair[0] -= int(missing / 2)
    pair[1] -= int(missing / 2)


def random_placing(
    rng: np.random.Generator, picture: tuple[int, int], image: tuple[int, int], *, jitter: float
) -> Placing:
    """Choose pjreddie's view of a picture: its aspect varies by `jitter`, it fills the image one way, and half flip."""
    wide, high = (side * (1 + rng.uniform(-jitter, jitter)) for side in picture)
    width, height = image
    scaled = (height * wide / high, height) if wide < high else (width, width * high / wide)
    inner = max(1, int(scaled[0])), max(1, int(scaled[1]))
    left, top = (int(rng.uniform(0, 1) * (side - part)) for side, part in zip(image, inner, strict=True))
    return Placing(left, top, *inner, flip=bool(rng.integers(2)))
