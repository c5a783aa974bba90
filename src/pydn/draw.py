"""Boxes and labels on an image."""

from __future__ import annotations

import colorsys

import cv2
import numpy as np

from .detections import Detection, Detections
from .image import ImageLike, Pixels, read_image

_FONT = cv2.FONT_HERSHEY_SIMPLEX


def class_color(class_id: int) -> tuple[int, int, int]:
    """BGR colour of a class: hues a golden section apart, so that neighbours differ."""
    red, green, blue = colorsys.hsv_to_rgb((class_id * 0.61803398875 + 0.05) % 1.0, 0.85, 0.95)
    return round(255 * blue), round(255 * green), round(255 * red)


def draw_detections(image: ImageLike, detections: Detections, *, rgb: bool = False) -> Pixels:
    """Draw boxes and labels on a copy of an image, the most confident on top.

    Parameters
    ----------
    image
        Any form of an image.
    detections
        In pixels of that image.
    rgb
        An array is in RGB order, and so is the result.

    Returns
    -------
    numpy.ndarray
        H×W×3 uint8, BGR unless `rgb`.
    """
    pixels = read_image(image, rgb=rgb)
    canvas = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR) if pixels.ndim == 2 else pixels.copy()
    canvas = np.ascontiguousarray(canvas, dtype=np.uint8)
    for index in np.argsort(detections.confidence, kind="stable"):
        _draw_one(canvas, detections[int(index)])
    return np.ascontiguousarray(canvas[:, :, ::-1]) if rgb else canvas


def _draw_one(canvas: Pixels, detection: Detection) -> None:
    height, width = canvas.shape[:2]
    limits = (width - 1, height - 1)
    left, top = (_clip(value, limit) for value, limit in zip(detection.xyxy[:2], limits, strict=True))
    right, bottom = (_clip(value, limit) for value, limit in zip(detection.xyxy[2:], limits, strict=True))
    color = class_color(detection.class_id)
    thickness = max(1, round(height * 0.003))
    cv2.rectangle(canvas, (left, top), (right, bottom), color, thickness)

    text = f"{detection.label} {100 * detection.confidence:.0f}%".encode("ascii", "replace").decode()  # font is ASCII
    scale = max(0.35, height / 1000)
    (text_width, text_height), baseline = cv2.getTextSize(text, _FONT, scale, 1)
    base = top - baseline if top - baseline - text_height >= 0 else top + text_height + baseline
    cv2.rectangle(canvas, (left, base - text_height - 2), (left + text_width + 2, base + baseline), color, cv2.FILLED)
    ink = (0, 0, 0) if sum(color) > 300 else (255, 255, 255)
    cv2.putText(canvas, text, (left + 1, base), _FONT, scale, ink, 1, cv2.LINE_AA)


def _clip(value: float, limit: int) -> int:
    """Return a pixel inside the image; infinite and undefined values too."""
    return int(np.clip(np.nan_to_num(value, nan=0.0, posinf=limit, neginf=0.0), 0, limit))
