"""Rules of `backward`, kind by kind: what each section's keys and defaults mean, as in `network`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from . import batchnorm as bn
from .activations import activate_back
from .avgpool import mean_of_channels_back
from .connected import connect, connect_back
from .convolutional import blur_back, convolve, convolve_back
from .deconvolutional import deconvolve, deconvolve_back
from .implicit import repeated_back
from .local import local, local_back
from .local_avgpool import mean_in_window_back
from .maxpool import largest_in_window, largest_in_window_back, largest_of_channels_back
from .network import Float64s, Row, Setting, shift, strides
from .route import join_back
from .sam import sam, sam_back
from .scale_channels import scale_channels, scale_channels_back
from .shortcut import add, add_back, add_scaled, add_scaled_back, add_weighted, add_weighted_back
from .types import Array
from .upsample import upsample_back

if TYPE_CHECKING:
    from .backward import Rule

Inputs: TypeAlias = Sequence[Array]
Back: TypeAlias = tuple[Sequence[Array], Mapping[str, Array]]


def shift_back(delta: Array, z: Array, row: Row, p: Float64s, setting: Setting) -> tuple[Array, dict[str, Array]]:
    """Delta of z, which `shift` normalizes or moves, and of what it does so by."""
    if not row.get("batch_normalize", 0):
        return delta, {"biases": np.asarray(delta.sum(axis=(0, 2, 3)))}
    return normalized_back(delta, z, p["scales"], setting)


def normalized_back(delta: Array, x: Array, scales: Array, setting: Setting) -> tuple[Array, dict[str, Array]]:
    """The same of a batch norm."""
    dx, dscales, dbiases = bn.normalize_back(delta, x, scales, setting.dialect == "pjreddie", setting.as_darknet)
    return dx, {"scales": dscales, "biases": dbiases}


def convolutional(delta: Array, inputs: Inputs, row: Row, p: Float64s, setting: Setting) -> Back:
    size, antialiasing = row.get("size", 1), row.get("antialiasing", 0)
    window = {
        "groups": row.get("groups", 1),
        "stride": (1, 1) if antialiasing else strides(row),
        "padding": size // 2 if row.get("pad", 0) else row.get("padding", 0),
        "dilation": row.get("dilation", 1) if size > 1 else 1,
    }
    z = convolve(inputs[0], p["weights"], **window)
    shifted = shift(z, row, p, setting)
    if antialiasing:
        delta = blur_back(delta, shifted, antialiasing, strides(row))
    delta = activate_back(row.get("activation", "logistic"), delta, shifted)
    delta, gradients = shift_back(delta, z, row, p, setting)
    dx, dw = convolve_back(delta, inputs[0], p["weights"], **window)
    return [dx], {**gradients, "weights": dw}


def connected(delta: Array, inputs: Inputs, row: Row, p: Float64s, setting: Setting) -> Back:
    z = connect(inputs[0], p["weights"])
    delta = activate_back(row.get("activation", "logistic"), delta, shift(z, row, p, setting))
    delta, gradients = shift_back(delta, z, row, p, setting)
    dx, dw = connect_back(delta, inputs[0], p["weights"])
    return [dx], {**gradients, "weights": dw}


def batchnorm(delta: Array, inputs: Inputs, row: Row, p: Float64s, setting: Setting) -> Back:
    dx, gradients = normalized_back(delta, inputs[0], p["scales"], setting)
    return [dx], {name: value for name, value in gradients.items() if name in p}


def deconvolutional(delta: Array, inputs: Inputs, row: Row, p: Float64s, setting: Setting) -> Back:
    size, stride = row.get("size", 1), row.get("stride", 1)
    padding = size // 2 if row.get("pad", 0) else row.get("padding", 0)
    z = deconvolve(inputs[0], p["weights"], stride, padding)
    delta = activate_back(row.get("activation", "logistic"), delta, shift(z, row, p, setting))
    delta, gradients = shift_back(delta, z, row, p, setting)
    dx, dw = deconvolve_back(delta, inputs[0], p["weights"], stride, padding)
    return [dx], {**gradients, "weights": dw}


def unshared(delta: Array, inputs: Inputs, row: Row, p: Float64s, setting: Setting) -> Back:
    stride, pad = row.get("stride", 1), bool(row.get("pad", 0))
    z = local(inputs[0], p["weights"], p["biases"], stride, pad)
    delta = activate_back(row.get("activation", "logistic"), delta, z)
    dx, dw, db = local_back(delta, inputs[0], p["weights"], stride, pad)
    return [dx], {"weights": dw, "biases": db}


def maxpool(delta: Array, inputs: Inputs, row: Row, p: Float64s, setting: Setting) -> Back:
    if row.get("maxpool_depth", 0):
        return [largest_of_channels_back(delta, inputs[0], row.get("out_channels", 1))], {}
    size, antialiasing = row.get("size", row.get("stride", 1)), row.get("antialiasing", 0)
    stride, padding = strides(row), row.get("padding", size - 1)
    if antialiasing:
        delta = blur_back(delta, largest_in_window(inputs[0], size, (1, 1), padding), antialiasing, stride)
        stride = (1, 1)
    return [largest_in_window_back(delta, inputs[0], size, stride, padding)], {}


def local_avgpool(delta: Array, inputs: Inputs, row: Row, p: Float64s, setting: Setting) -> Back:
    size = row.get("size", row.get("stride", 1))
    return [mean_in_window_back(delta, inputs[0], size, strides(row), row.get("padding", size - 1))], {}


def shortcut(delta: Array, inputs: Inputs, row: Row, p: Float64s, setting: Setting) -> Back:
    normalization, scales = row.get("weights_normalization", "none"), (row.get("alpha", 1), row.get("beta", 1))
    name = row.get("activation", "linear")
    if "weights" in p:
        delta = activate_back(name, delta, add_weighted(inputs, p["weights"], normalization))
        back, dw = add_weighted_back(delta, inputs, p["weights"], normalization)
        return back, {"weights": dw}
    if setting.dialect == "pjreddie" and len(inputs) == 2:
        delta = activate_back(name, delta, add_scaled(inputs, *scales))
        return add_scaled_back(delta, inputs, *scales), {}
    return add_back(activate_back(name, delta, add(inputs)), inputs), {}


def scaled(delta: Array, inputs: Inputs, row: Row, p: Float64s, setting: Setting) -> Back:
    scales, x = inputs
    delta = activate_back(row.get("activation", "linear"), delta, scale_channels(x, scales))
    dx, dscales = scale_channels_back(delta, x, scales)
    return [dscales, dx], {}


def attended(delta: Array, inputs: Inputs, row: Row, p: Float64s, setting: Setting) -> Back:
    attention, x = inputs
    delta = activate_back(row.get("activation", "linear"), delta, sam(x, attention))
    dx, dattention = sam_back(delta, x, attention)
    return [dattention, dx], {}


RULES: dict[str, "Rule"] = {
    "convolutional": convolutional,
    "connected": connected,
    "batchnorm": batchnorm,
    "deconvolutional": deconvolutional,
    "local": unshared,
    "maxpool": maxpool,
    "local_avgpool": local_avgpool,
    "avgpool": lambda delta, inputs, row, p, setting: ([mean_of_channels_back(delta, inputs[0])], {}),
    "route": lambda delta, inputs, row, p, setting: (
        join_back(delta, inputs, row.get("groups", 1), row.get("group_id", 0)),
        {},
    ),
    "shortcut": shortcut,
    "scale_channels": scaled,
    "sam": attended,
    "upsample": lambda delta, inputs, row, p, setting: (
        [upsample_back(delta, inputs[0], row.get("stride", 2), row.get("scale", 1))],
        {},
    ),
    "activation": lambda delta, inputs, row, p, setting: (
        [activate_back(row.get("activation", "linear"), delta, inputs[0])],
        {},
    ),
    "implicit": lambda delta, inputs, row, p, setting: ([], {"weights": repeated_back(delta)}),
}
