"""`attention=1`: pictures of adversarial training, where the network looks to find what it finds."""

from __future__ import annotations

import os

import cv2
import numpy as np
from numpy.typing import NDArray

from ..files import write_whole


def attention(delta: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how far the deltas of a picture, summed over its channels, are from their mean.

    Parameters
    ----------
    delta
        (channels, height, width): of the network's input, against an empty truth.

    Returns
    -------
    (height, width) float32
        From 0 on; 1 is a quarter of the distance between the least and the largest. Blurred, as darknet shows it: made
        four times smaller and then larger again.
    """
    values = delta.sum(0, dtype=np.float64)
    span = values.max() - values.min()
    found = (4 * np.abs(values - values.mean()) / span if span > 0 else np.zeros_like(values)).astype(np.float32)
    height, width = found.shape
    small = cv2.resize(found, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


class AttentionFiles:
    """Keep two pictures of the last mini-batch that moved, of its first image, once an iteration.

    Parameters
    ----------
    base
        First part of their names: with ``_attention.png`` the image under its attention in red, with
        ``_attention_mask.png`` the attention alone.
    """

    def __init__(self, base: str | os.PathLike[str]) -> None:
        self._base = os.fspath(base)
        self._last = -1

    def __call__(self, iteration: int, x: NDArray[np.float32], delta: NDArray[np.float32]) -> None:
        """Take the images of a mini-batch and their deltas, (rows, channels, height, width)."""
        if iteration == self._last or x.ndim != 4:
            return
        self._last = iteration
        found = attention(delta[0])
        image = x[0].transpose(1, 2, 0)[..., ::-1] if x.shape[1] == 3 else np.stack([x[0].mean(0)] * 3, -1)
        red = np.stack([np.zeros_like(found), np.zeros_like(found), found], -1)
        _write(f"{self._base}_attention.png", 0.7 * red + 0.3 * image)
        _write(f"{self._base}_attention_mask.png", red)


def _write(path: str, picture: NDArray[np.float32]) -> None:
    """Write a picture of BGR values; those above 1 are 1."""
    pixels = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    write_whole(path, cv2.imencode(".png", pixels)[1].tobytes())
