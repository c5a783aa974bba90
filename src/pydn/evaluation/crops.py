"""From a picture to a classifier's input, in the way of each of darknet's ``classifier valid…`` verbs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._core import vision
from ..batches import Fit
from ..image import DeepPixels, Pixels
from ..preprocess import classifier_input, detector_input, short_side

Form: TypeAlias = Literal["single", "10", "multi", "full", "crop"]
"""``classifier valid``, ``valid10``, ``validmulti``, ``validfull``, ``validcrop``."""

_SHIFT = 32
_SIDES = (224, 288, 320, 352, 384)


@dataclass(frozen=True, slots=True)
class Sight:
    """How a classifier looks at a picture.

    Attributes
    ----------
    form
        Which verb's.
    width, height, channels
        The network's input.
    dialect
        Whose middle of the picture ``"single"`` takes.
    """

    form: Form
    width: int
    height: int
    channels: int
    dialect: str

    @property
    def alone(self) -> bool:
        """Whether a picture is looked at more than once or in a size of its own; `views` is for these only."""
        return self.form in ("10", "multi", "full")

    @property
    def fit(self) -> Fit:
        """From a picture to what `views` takes."""
        return {"single": self._middle, "10": self._ten, "crop": self._stretched}.get(self.form, self._whole)

    def views(self, x: NDArray[np.float32]) -> Iterator[tuple[NDArray[np.float32], bool]]:
        """Yield what the network sees, (n, channels, height, width), and whether a tree of classes counts in it.

        The scores of all are added up.
        """
        if self.form == "full":
            yield self._scaled(x, self.width)[None], True
        elif self.form == "multi":
            for side in _SIDES:
                scaled = self._scaled(x, side)
                yield scaled[None], True
                yield _mirrored(scaled)[None], False  # darknet forgets the tree here
        else:
            yield x, True

    def _middle(self, pixels: Pixels | DeepPixels) -> NDArray[np.float32]:
        """AlexeyAB: the middle of the picture scaled by its short side. pjreddie: the middle square, stretched."""
        if self.dialect == "pjreddie":
            height, width = pixels.shape[:2]
            side = min(width, height)
            left, top = (width - side) // 2, (height - side) // 2
            pixels = pixels[top : top + side, left : left + side]
        else:
            return classifier_input(pixels, self.width, self.height, self.channels)
        return self._stretched(pixels)

    def _stretched(self, pixels: Pixels | DeepPixels) -> NDArray[np.float32]:
        return detector_input(pixels, self.width, self.height, self.channels)

    def _ten(self, pixels: Pixels | DeepPixels) -> NDArray[np.float32]:
        """Four shifted views, which reach over the edge, one of the top left, and all of them mirrored."""
        larger = detector_input(pixels, self.width + _SHIFT, self.height + _SHIFT, self.channels)
        corners = [(-_SHIFT, -_SHIFT), (_SHIFT, -_SHIFT), (0, 0), (-_SHIFT, _SHIFT), (_SHIFT, _SHIFT)]
        views = [
            vision.planar_crop(image, left, top, self.width, self.height)
            for image in (larger, _mirrored(larger))
            for left, top in corners
        ]
        return np.stack(views)

    def _whole(self, pixels: Pixels | DeepPixels) -> NDArray[np.float32]:
        return detector_input(pixels, pixels.shape[1], pixels.shape[0], self.channels)

    def _scaled(self, planes: NDArray[np.float32], side: int) -> NDArray[np.float32]:
        width, height = short_side(planes.shape[2], planes.shape[1], side)
        return np.asarray(vision.planar_resize(planes, width, height))


def _mirrored(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(planes[:, :, ::-1])
