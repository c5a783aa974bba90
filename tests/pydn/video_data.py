"""Videos and a network for the tests of video: the network sees one box, the surer the brighter a frame is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import ArrayLike

SIZE = (32, 16)
"""Width, height."""
LEVELS = (20, 60, 100, 140, 180, 220, 250)
"""Grey of each frame."""
FPS = 5.0
CFG = """[net]
width=8
height=8
channels=3
[maxpool]
size=8
stride=8
[convolutional]
filters={filters}
size=1
activation=linear
[region]
anchors=0.5,0.25
classes={classes}
num=1
softmax=1
"""
SLOPE, OFFSET = 6.0, -2.0


def write_video(path: Path, levels: Sequence[ArrayLike] = LEVELS, size: tuple[int, int] = SIZE) -> Path:
    """Write frames of one grey each, or of what becomes a frame when it is repeated."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, size)
    for level in levels:
        writer.write(np.full((size[1], size[0], 3), level, np.uint8))
    writer.release()
    return path


def read_video(path: Path | str) -> list[np.ndarray]:
    """All frames, as OpenCV reads them."""
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        good, image = capture.read()
        if not good:
            return frames
        frames.append(image)


def write_network(folder: Path, classes: int = 2, class_id: int = 1) -> tuple[Path, Path]:
    """Write a network that finds one box, in the middle, half as wide and a quarter as high as the frame."""
    filters = np.zeros((5 + classes, 3), "<f4")
    biases = np.zeros(5 + classes, "<f4")
    filters[4], biases[4] = SLOPE / 3, OFFSET
    biases[5 + class_id] = 40  # the softmax of the others is 0
    cfg, weights = folder / "net.cfg", folder / "net.weights"
    cfg.write_text(CFG.format(filters=5 + classes, classes=classes))
    weights.write_bytes(np.array([0, 2, 5, 0, 0], "<i4").tobytes() + biases.tobytes() + filters.tobytes())
    return cfg, weights


def confidence(image: np.ndarray) -> float:
    """How sure the network is of its box in a frame of one grey."""
    return float(1 / (1 + np.exp(-(SLOPE * image.mean() / 255 + OFFSET))))
