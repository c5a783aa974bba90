"""From an image to a network's input, in the reference's own way."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ._core import vision
from .errors import ShapeError
from .image import Pixels

Dialect: TypeAlias = Literal["alexeyab", "pjreddie"]


def detector_input(
    pixels: Pixels, width: int, height: int, channels: int = 3, *, letterbox: bool = False
) -> NDArray[np.float32]:
    """Resize an image to the input of a detector.

    Parameters
    ----------
    pixels
        H×W×3 BGR or H×W, uint8.
    width, height, channels
        The network's input; 3 or 1 channels.
    letterbox
        Keep the aspect and fill the rest with 0.5, rather than stretch.

    Returns
    -------
    numpy.ndarray
        (channels, height, width) float32, RGB, 0..1.
    """
    pixels = _with_channels(pixels, channels)
    fit = vision.letterbox if letterbox else vision.resize
    return np.asarray(fit(pixels, width, height, channels, True))


def classifier_input(
    pixels: Pixels, width: int, height: int, channels: int = 3, *, dialect: str = "alexeyab"
) -> NDArray[np.float32]:
    """Resize an image to the input of a classifier.

    AlexeyAB scales the shorter side to the network's width and cuts width × height out of the middle; pjreddie
    letterboxes.

    Parameters
    ----------
    pixels
        H×W×3 BGR or H×W, uint8.
    width, height, channels
        The network's input; 3 or 1 channels.
    dialect
        ``"alexeyab"`` or ``"pjreddie"``.

    Returns
    -------
    numpy.ndarray
        (channels, height, width) float32, RGB, 0..1.
    """
    if dialect == "pjreddie":
        return detector_input(pixels, width, height, channels, letterbox=True)
    pixels = _with_channels(pixels, channels)
    scaled_width, scaled_height = short_side(pixels.shape[1], pixels.shape[0], width)
    scaled = np.asarray(vision.resize(pixels, scaled_width, scaled_height, channels, True))
    # C's division: towards zero, where the network is larger than the scaled image
    left, top = int((scaled_width - width) / 2), int((scaled_height - height) / 2)
    if (left, top, scaled_width, scaled_height) == (0, 0, width, height):
        return scaled
    return np.asarray(vision.planar_crop(scaled, left, top, width, height))


def short_side(width: int, height: int, side: int) -> tuple[int, int]:
    """Size of an image scaled until its shorter side is `side`; the longer one is rounded down."""
    if width < height:
        return side, max(1, height * side // width)
    return max(1, width * side // height), side


def _with_channels(pixels: Pixels, channels: int) -> Pixels:
    """Make the image one that the engine can take `channels` from: it repeats grey; colour becomes grey here."""
    if channels == 1 and pixels.ndim == 3:
        # the reference's weights, on the values as they are stored
        grey: Pixels = np.rint(pixels @ np.array([0.114, 0.587, 0.299])).astype(np.uint8)
        return grey
    if channels not in (1, 3):
        raise ShapeError(f"the network wants {channels} channels: an image has 3 or 1; hand such input to forward()")
    return pixels
