"""From an image to a network's input, in the reference's own way."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ._core import vision
from .errors import DataError, ShapeError
from .image import DeepPixels, Pixels, no_picture

Dialect: TypeAlias = Literal["alexeyab", "pjreddie"]


def detector_input(
    pixels: Pixels | DeepPixels, width: int, height: int, channels: int = 3, *, letterbox: bool = False
) -> NDArray[np.float32]:
    """Resize an image to the input of a detector.

    Parameters
    ----------
    pixels
        H×W×3 BGR or H×W; uint8, or uint16 whose 65535 becomes 1. H×W×C where the input has C channels, not 3 or 1.
    width, height, channels
        The network's input.
    letterbox
        Keep the aspect and fill the rest with 0.5, rather than stretch.

    Returns
    -------
    numpy.ndarray
        (channels, height, width) float32, RGB, 0..1.
    """
    pixels = _with_channels(pixels, channels)
    return (_letterboxed if letterbox else _stretched)(pixels, width, height, channels)


def classifier_input(
    pixels: Pixels | DeepPixels, width: int, height: int, channels: int = 3, *, dialect: str = "alexeyab"
) -> NDArray[np.float32]:
    """Resize an image to the input of a classifier.

    AlexeyAB scales the shorter side to the network's width and cuts width × height out of the middle; pjreddie
    letterboxes.

    Parameters
    ----------
    pixels
        H×W×3 BGR or H×W; uint8, or uint16 whose 65535 becomes 1. H×W×C where the input has C channels, not 3 or 1.
    width, height, channels
        The network's input.
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
    scaled = _stretched(pixels, scaled_width, scaled_height, channels)
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


def check_channels(channels: int) -> None:
    """Refuse networks that read a list of values, with a `ShapeError`."""
    if channels < 1:
        raise ShapeError("the network reads a list of values, not an image: call forward() with it")


def _with_channels(pixels: Pixels | DeepPixels, channels: int) -> Pixels | DeepPixels:
    """Make the image one that the engine can take `channels` from: it repeats grey; colour becomes grey here.

    Networks of other numbers of channels read arrays of as many, in their order.
    """
    check_channels(channels)
    found = pixels.shape[2] if pixels.ndim == 3 else 1
    if channels not in (1, 3):
        if found != channels:
            shape = "×".join(map(str, pixels.shape))
            raise DataError(
                f"the network reads {channels} channels, which a picture does not have: hand in an array "
                f"H×W×{channels}, not {shape}"
            )
        return pixels
    if found not in (1, 3):
        raise no_picture(pixels)
    if channels == 1 and pixels.ndim == 3:
        # the reference's weights, on the values as they are stored
        grey: NDArray[np.float64] = np.rint(pixels @ np.array([0.114, 0.587, 0.299]))
        return grey.astype(np.uint8) if pixels.dtype == np.uint8 else grey.astype(np.uint16)
    return pixels


def _stretched(pixels: Pixels | DeepPixels, width: int, height: int, channels: int) -> NDArray[np.float32]:
    if pixels.dtype == np.uint8:
        image, bgr = _as_stored(pixels)
        return np.asarray(vision.resize(image, width, height, channels, bgr))
    return np.asarray(vision.planar_resize(_floats(pixels, channels), width, height))


def _letterboxed(pixels: Pixels | DeepPixels, width: int, height: int, channels: int) -> NDArray[np.float32]:
    if pixels.dtype == np.uint8:
        image, bgr = _as_stored(pixels)
        return np.asarray(vision.letterbox(image, width, height, channels, bgr))
    left, top, inner_width, inner_height = letterbox_place(pixels.shape[1], pixels.shape[0], width, height)
    out = np.full((channels, height, width), 0.5, np.float32)
    inner = _stretched(pixels, inner_width, inner_height, channels)
    out[:, top : top + inner_height, left : left + inner_width] = inner
    return out


def _as_stored(pixels: Pixels | DeepPixels) -> tuple[Pixels | DeepPixels, bool]:
    """Turn a view with swapped channels back, which the engine would have to copy, and say whether it is BGR."""
    if pixels.ndim == 3 and pixels.shape[2] != 3:
        return pixels, False
    if pixels.ndim == 3 and pixels.strides[2] < 0:
        return pixels[:, :, ::-1], False
    return pixels, True


def letterbox_place(image_width: int, image_height: int, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, width, height of an image letterboxed into width × height: divided as integers, like darknet's."""
    if np.float32(width) / np.float32(image_width) < np.float32(height) / np.float32(image_height):
        inner_width, inner_height = width, max(1, image_height * width // image_width)
    else:
        inner_width, inner_height = max(1, image_width * height // image_height), height
    inner_width, inner_height = min(inner_width, width), min(inner_height, height)
    return (width - inner_width) // 2, (height - inner_height) // 2, inner_width, inner_height


def _floats(pixels: DeepPixels | Pixels, channels: int) -> NDArray[np.float32]:
    """Planes of values 0..1 in RGB order; the engine's own conversion takes 8 bits only."""
    if pixels.ndim == 3 and pixels.shape[2] == 3:
        pixels = pixels[:, :, ::-1]
    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    out = np.empty((channels, *planes.shape[1:]), np.float32)
    np.divide(planes, np.float32(65535), out=out, dtype=np.float32, casting="unsafe")
    return out
