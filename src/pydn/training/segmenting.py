"""Images for training networks that say for each pixel how likely it is of each class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from .._core import vision
from ..errors import DataError, Error, UnsupportedError
from ..evaluation.listing import DataSource, Listing, Problem
from ..image import eight_bits, read_image
from ..masks import UNKNOWN, Mask, picture_and_mask, read_mask
from .classifier_augment import ClassifierAugmentation, crop_matrix
from .colors import random_colors, recolored
from .loader import Loaded, opencv_trouble
from .randomness import generator
from .sampling import Order, SizeOf, Stream

if TYPE_CHECKING:
    from ..network import Network


class MaskSet:
    """Pictures and their masks.

    Parameters
    ----------
    source
        A .data file, a list, a folder, a pattern or paths: of the pictures or of the masks.
    key
        Of a .data file.

    Attributes
    ----------
    pairs
        Paths of picture and mask.
    """

    def __init__(self, source: DataSource, key: str = "train") -> None:
        self.pairs: Sequence[tuple[str, str]] = [picture_and_mask(listed.path) for listed in Listing(source, key)]

    def __len__(self) -> int:
        return len(self.pairs)

    def read(self, index: int) -> tuple[NDArray[np.uint8], Mask]:
        """Read a picture, (height, width[, 3]), and its mask."""
        picture, mask = self.pairs[index]
        pixels = eight_bits(read_image(picture))
        return pixels, read_mask(mask, (pixels.shape[1], pixels.shape[0]))

    def check(self, classes: int) -> list[Problem]:
        """Read all of them; return what is wrong."""
        problems = []
        for index, (_, mask) in enumerate(self.pairs):
            try:
                found = self.read(index)[1]
            except DataError as error:
                problems.append(Problem(error.file, error.line, error.message))
                continue
            except (Error, OSError) as error:
                problems.append(Problem(str(getattr(error, "filename", None) or mask), 0, str(error)))
                continue
            most = int(found[found != UNKNOWN].max(initial=0))
            if classes > 1 and most > classes:
                problems.append(Problem(mask, 0, f"class {most} is beyond the network's {classes}"))
        return problems


def planes_of(net: Network) -> tuple[int, int, int]:
    """Return classes, height and width of what a network says about the pixels.

    Raises
    ------
    UnsupportedError
        If its output is no picture, or its last layer is not [logistic].
    """
    last = net.layers[-1]
    shape = last.output_shape[1:]
    if last.kind != "logistic" or len(shape) != 3 or shape[1] * shape[2] < 2:
        raise UnsupportedError(
            f"the network ends in [{last.kind}] of {'x'.join(map(str, shape))}: a [logistic] behind planes of pixels "
            "was expected"
        )
    return shape


def truth_planes(mask: Mask, classes: int) -> NDArray[np.float32]:
    """Return a plane for each class: 1 where it is, 0 where it is not, -1 where nobody knows.

    One class stands for all that is not background.
    """
    if classes == 1:
        planes = (mask > 0)[None].astype(np.float32)
    else:
        planes = (mask == np.arange(1, classes + 1, dtype=np.uint8)[:, None, None]).astype(np.float32)
    planes[:, mask == UNKNOWN] = -1
    return planes


@dataclass(frozen=True, slots=True)
class SegmentationMaker:
    """Makes images for training, each from the seed, its iteration and its place in it alone.

    Attributes
    ----------
    samples
        Pictures and masks.
    how
        What is done with them; what a classifier's pictures are cut by counts here as well.
    size_of
        Size of an iteration's images.
    planes
        Classes, height and width of the network's output.
    order
        Of the pictures.
    seed
        Of the run.
    """

    samples: MaskSet
    how: ClassifierAugmentation
    size_of: SizeOf
    planes: tuple[int, int, int]
    order: Order
    seed: int

    def __call__(self, iteration: int, image: int) -> Loaded:
        """Make an image; its truth is the row of the planes' values."""
        index = self.order(iteration, image)
        rng = generator(self.seed, iteration, image, Stream.VIEW)
        pixels, mask = self.samples.read(index)
        try:
            x, seen = self._view(rng, pixels, mask, self.size_of(iteration))
        except cv2.error as error:
            raise opencv_trouble(error, self.samples.pairs[index][0]) from None
        if self.how.flip and rng.integers(2):
            x, seen = np.ascontiguousarray(x[:, :, ::-1]), seen[:, ::-1]
        return Loaded(x, truth_planes(seen, self.planes[0]).reshape(-1), self.samples.pairs[index][0])

    def _view(
        self, rng: np.random.Generator, pixels: NDArray[np.uint8], mask: Mask, size: tuple[int, int]
    ) -> tuple[NDArray[np.float32], Mask]:
        """Cut the same part out of the picture and its mask; what is beside the picture is unknown."""
        matrix = crop_matrix(rng, (pixels.shape[1], pixels.shape[0]), size, self.how)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        seen = np.asarray(cv2.warpAffine(pixels, matrix, size, flags=flags, borderMode=cv2.BORDER_CONSTANT), np.uint8)
        if self.how.recolors:
            seen = recolored(seen, *random_colors(rng, self.how.hue, self.how.saturation, self.how.exposure))
        part = cv2.warpAffine(
            mask,
            _coarser(matrix, size, self.planes[1:]),
            (self.planes[2], self.planes[1]),
            flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(UNKNOWN,),
        )
        return np.asarray(vision.planar(seen, self.how.channels, True)), np.asarray(part, np.uint8)


def _coarser(matrix: NDArray[np.float64], size: tuple[int, int], rows: tuple[int, int]) -> NDArray[np.float64]:
    """Return the matrix for an output of other rows and columns than the image; pixels are places at their middle."""
    scale = np.array([size[0] / rows[1], size[1] / rows[0]])
    moved = matrix.copy()
    moved[:, :2] = matrix[:, :2] * scale
    moved[:, 2] = matrix[:, 2] + matrix[:, :2] @ (scale / 2 - 0.5)
    return moved
