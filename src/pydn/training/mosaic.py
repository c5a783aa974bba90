"""Several pictures in one image: mosaics of four, and blends of two."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..image import Pixels
from .views import Boxes, View, cut_boxes

TILES = 4
"""Upper left, upper right, lower left, lower right."""
_LEAST = 0.2
"""Share of each side that a tile has at least."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the tiles of a mosaic meet, in pixels of an image of `width` × `height`."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def random(cls, rng: np.random.Generator, width: int, height: int) -> Cut:
        """Choose a point between 20 and 80 per cent of each side."""
        x, y = (int(rng.integers(int(side * _LEAST), int(side * (1 - _LEAST)) + 1)) for side in (width, height))
        return cls(max(1, min(x, width - 1)), max(1, min(y, height - 1)), width, height)

    def area(self, tile: int) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of a tile."""
        across = (self.x, self.width) if tile % 2 else (0, self.x)
        down = (self.y, self.height) if tile >= 2 else (0, self.y)
        return across[0], down[0], across[1], down[1]


def to_corner(view: View, tile: int) -> View:
    """Move a view so that the picture's own sides are at the sides of the mosaic: more of it is then seen."""
    across, down = view.left + view.right, view.top + view.bottom
    first = (tile % 2 == 0) != view.flip
    left, right = (0, across) if first else (across, 0)
    top, bottom = (0, down) if tile < 2 else (down, 0)
    return replace(view, left=left, right=right, top=top, bottom=bottom)


def tile_source(view: View, picture: tuple[int, int], cut: Cut, tile: int) -> tuple[int, int]:
    """Left and top of what a tile shows of its image: the part at the cut, without the empty margin there.

    Parameters
    ----------
    view
        How the tile's image was made.
    picture
        (width, height) of its picture.
    cut
        Where the tiles meet.
    tile
        Its number.
    """
    left, right = (view.right, view.left) if view.flip else (view.left, view.right)
    margin_x = [max(0, -side * cut.width // picture[0]) for side in (left, right)]
    margin_y = [max(0, -side * cut.height // picture[1]) for side in (view.top, view.bottom)]
    x = min(cut.x, margin_x[0]) if tile % 2 else cut.width - cut.x - min(cut.width - cut.x, margin_x[1])
    y = min(cut.y, margin_y[0]) if tile >= 2 else cut.height - cut.y - min(cut.height - cut.y, margin_y[1])
    return x, y


def put_tile(canvas: Pixels, pixels: Pixels, cut: Cut, tile: int, source: tuple[int, int]) -> None:
    """Copy what a tile shows."""
    left, top, right, bottom = cut.area(tile)
    x, y = source
    canvas[top:bottom, left:right] = pixels[y : y + bottom - top, x : x + right - left]


def tile_boxes(boxes: Boxes, cut: Cut, tile: int, source: tuple[int, int], *, bound: bool) -> Boxes:
    """Move the boxes of a tile's image to where they are in the mosaic; of what is not seen there is none.

    Parameters
    ----------
    boxes
        In the tile's image.
    cut, tile, source
        As for `put_tile`.
    bound
        Cut them to the tile rather than to the whole image.
    """
    area = np.array(cut.area(tile), np.float64)
    size = np.array((cut.width, cut.height))
    shift = (area[:2] - source) / size
    half = boxes[:, 3:5].astype(np.float64) / 2
    corners = np.hstack([boxes[:, :1], boxes[:, 1:3] - half + shift, boxes[:, 1:3] + half + shift, boxes[:, 5:]])
    low, high = area[:2] / size, area[2:] / size
    seen = np.minimum(corners[:, 3:5], high) - np.maximum(corners[:, 1:3], low)
    corners = corners[(seen >= 1 / size).all(1)]
    if bound:
        corners[:, 1:3] = corners[:, 1:3].clip(low, high)
        corners[:, 3:5] = corners[:, 3:5].clip(low, high)
    return cut_boxes(corners, cut.width, cut.height)


def blend(one: Pixels, other: Pixels) -> Pixels:
    """Half of each of two images."""
    return cv2.addWeighted(one, 0.5, other, 0.5, 0)  # type: ignore[return-value]
