"""Small things that OpenCV does its own way: epsilon, inner values of layers, scalars."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._core.network import Network
from .._core.weights import Weights
from ..cfgtext import sections, split_lines

_OF_OPENCV = ("thresh", "nms_threshold")
_DEFAULTS = {
    "convolutional": ("activation=linear",),
    "connected": ("activation=linear",),
    "maxpool": ("size=2", "stride=2"),
    "reorg": ("stride=2",),
    "upsample": ("stride=1",),
}
_SHIFT = np.float32(1e-6 - 1e-5)


def shift_epsilon(weights: Weights) -> None:
    """Shift the variances, so that the engine divides by what OpenCV divides by.

    The engine computes sqrt(variance + 1e-5), OpenCV sqrt(variance + 1e-6).
    """
    for (_, name), values in weights.items():
        if name == "rolling_variance":
            values += _SHIFT


def original_variance(variance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Undo the shift."""
    return variance - _SHIFT


def as_opencv_reads(cfg: bytes) -> tuple[bytes, list[dict[str, str]]]:
    """Return a cfg in which the engine reads what OpenCV's importer reads, and the options of every layer.

    Keys that are left out get OpenCV's defaults, and keys of ``[yolo]`` that only OpenCV knows are taken out.
    """
    lines = split_lines(cfg)
    found = sections(lines)[1:]
    options = [{key: value for key, (value, _) in section.options.items()} for section in found]
    for section in reversed(found):  # so that what is put in does not move what is still to do
        if section.kind == "yolo":
            for key in _OF_OPENCV:
                if key in section.options:
                    lines[section.options[key][1]] = ""  # an empty line, so that messages count right
        missing = [d for d in _DEFAULTS.get(section.kind, ()) if d.partition("=")[0] not in section.options]
        lines[section.line + 1 : section.line + 1] = missing
    return join_lines(lines), options


def without_activation(cfg: bytes, weights: Weights, layer: int, *, batch_norm: bool) -> Network:
    """Make a network of the layers up to `layer`, the last without activation and, if asked for, without batch norm."""
    lines = split_lines(cfg)
    found = sections(lines)
    last = found[layer + 1]
    for name, value in (("activation", "linear"), *(() if batch_norm else (("batch_normalize", "0"),))):
        if name in last.options:
            lines[last.options[name][1]] = f"{name}={value}"
    part = Network(join_lines(lines[: found[layer + 2].line] if len(found) > layer + 2 else lines), outputs="all")
    for key, values in part.weights.items():
        raw = key == (layer, "biases") and (layer, "scales") in weights and not batch_norm
        values[...] = 0 if raw else weights[key]
    return part


def join_lines(lines: list[str]) -> bytes:
    """Undo `split_lines`."""
    return "\n".join(lines).encode("utf-8", errors="surrogateescape")


def scalar(value: Any, channels: int) -> NDArray[np.float32]:
    """OpenCV's Scalar as numbers of channels: missing ones are 0."""
    given = np.atleast_1d(np.asarray(value, dtype=np.float32)).ravel()
    numbers = np.zeros(max(channels, len(given)), dtype=np.float32)
    numbers[: len(given)] = given
    return numbers[:channels]
