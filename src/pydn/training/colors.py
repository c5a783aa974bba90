"""What training does to the colours and details of an image: OpenCV on 8 bits."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..image import Pixels
from .sampling import scale_factor

_BACKGROUND_KERNEL = 17
_LEVELS = np.arange(256)


def random_colors(
    rng: np.random.Generator, hue: float, saturation: float, exposure: float
) -> tuple[float, float, float]:
    """Choose a shift of the hue (1 is the whole circle) and factors of saturation and value."""
    return float(rng.uniform(-abs(hue), abs(hue))), scale_factor(rng, saturation), scale_factor(rng, exposure)


def recolored(pixels: Pixels, hue: float, saturation: float, exposure: float) -> Pixels:
    """Shift the hue, multiply saturation and value; grey images have a value only.

    Parameters
    ----------
    pixels
        H×W×3 BGR or H×W.
    hue, saturation, exposure
        As `random_colors` gives them.
    """
    if (hue, saturation, exposure) == (0, 1, 1):
        return pixels
    brighter = np.rint(_LEVELS * exposure).clip(0, 255).astype(np.uint8)
    if pixels.ndim == 2:
        return cv2.LUT(pixels, brighter)  # type: ignore[return-value]
    turned = ((_LEVELS + round(180 * hue)) % 180).astype(np.uint8)
    stronger = np.rint(_LEVELS * saturation).clip(0, 255).astype(np.uint8)
    table = np.stack([turned, stronger, brighter], -1)[None]
    hsv = cv2.LUT(cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV), table)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)  # type: ignore[return-value]


def blurred(pixels: Pixels, kernel: int) -> Pixels:
    """Blur by a Gaussian of `kernel` pixels, made odd."""
    side = kernel // 2 * 2 + 1
    return pixels if side < 3 else cv2.GaussianBlur(pixels, (side, side), 0)  # type: ignore[return-value]


def blurred_background(pixels: Pixels, boxes: NDArray[np.float32]) -> Pixels:
    """Blur all but what is in boxes (class, centre x, centre y, width, height)."""
    out = blurred(pixels, _BACKGROUND_KERNEL)
    height, width = pixels.shape[:2]
    half = boxes[:, 3:5] / 2
    low = np.floor((boxes[:, 1:3] - half) * (width, height)).clip(0).astype(int)
    high = np.ceil((boxes[:, 1:3] + half) * (width, height)).astype(int)
    for (left, top), (right, bottom) in zip(low.tolist(), high.tolist(), strict=True):
        out[top:bottom, left:right] = pixels[top:bottom, left:right]
    return out


def noisy(rng: np.random.Generator, pixels: Pixels, deviation: float) -> Pixels:
    """Add noise of a standard deviation, in levels of 255."""
    noise = rng.standard_normal(pixels.shape, np.float32)
    np.multiply(noise, np.float32(min(max(deviation, 0), 127)), out=noise)
    np.add(noise, pixels, out=noise)
    return np.rint(noise, out=noise).clip(0, 255).astype(np.uint8)
