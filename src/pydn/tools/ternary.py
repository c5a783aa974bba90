"""Ternary weights (arXiv:1605.04711): every weight of a layer is −α, 0 or α, two bits and one number a layer.

With the threshold Δ = 0.7 · mean|w| over all weights of the layer, α is the mean of those |w| that exceed Δ:
w becomes α where w > Δ, −α where w < −Δ, else 0. Sums are made in float64, so that ternary weights stay as
they are. The engine computes it, here as in training.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .._core.plan import Plan
from .._core.weights import Header, Weights, ternarized
from ..errors import WeightsError
from .slots import Floats, blank, copy

_MAGIC = b"pydn ternary 1\n\0"
_FLOATS, _TERNARY = 0, 1
_CODES = np.array([0.0, 1.0, 0.0, -1.0], np.float32)  # of 0, 1 and 3; 2 stands for nothing


def ternary_values(values: Floats) -> Floats:
    """Make a layer's weights ternary.

    Examples
    --------
    >>> ternary_values(np.float32([1, -3, 5, 0])).tolist()
    [0.0, -4.0, 4.0, 0.0]
    """
    return ternarized(values)


def ternarize(weights: Weights, layers: Iterable[int] | None = None) -> Weights:
    """Make the weights of convolutions ternary.

    Parameters
    ----------
    weights
        Parameters of a network; they stay as they are.
    layers
        Numbers of convolutional layers; None: those with ``ternary=1`` in the cfg.

    Returns
    -------
    Weights

    Raises
    ------
    ValueError
        If a layer is no convolution with weights of its own.
    """
    chosen = marked(weights.plan) if layers is None else list(layers)
    new = copy(weights)
    new.shadow = False
    for layer in chosen:
        if (layer, "weights") not in new or new[layer, "weights"].ndim != 4:
            raise ValueError(f"layer {layer} is no convolution with weights of its own")
        new[layer, "weights"][...] = ternary_values(new[layer, "weights"])
    return new


def marked(plan: Plan) -> list[int]:
    """Layers with ``ternary=1``."""
    return [layer for layer in range(len(plan)) if plan.facts(layer).get("ternary")]


def pack_ternary(weights: Weights) -> bytes:
    """Write weights with two bits a weight wherever a layer's weights are ternary, and float32 elsewhere.

    Returns
    -------
    bytes
        Little endian: 16 bytes of magic; int32 major, minor, revision, uint64 seen; then for every parameter in the
        order of the weights file a byte that is 0 and its float32 values, or a byte that is 1, α as float32 and four
        weights a byte, the first in the lowest bits: 0 is 0, 1 is α, 3 is −α. `unpack_ternary` reads it exactly.
        Of a network that was trained, the ternary weights are written, not their shadows.
    """
    if weights.shadow:
        weights = ternarize(weights)
    parts = [_MAGIC, struct.pack("<iiiQ", *weights.header)]
    for values in weights.values():
        alpha = np.float32(np.abs(values).max(initial=0))
        codes = _codes(values.reshape(-1), alpha) if values.ndim == 4 else None
        if codes is None:
            parts += [bytes([_FLOATS]), values.astype("<f4").tobytes()]
        else:
            parts += [bytes([_TERNARY]), struct.pack("<f", alpha), codes.tobytes()]
    return b"".join(parts)


def unpack_ternary(data: bytes, plan: Plan) -> Weights:
    """Read what `pack_ternary` wrote.

    Parameters
    ----------
    data
        Its bytes.
    plan
        Of the cfg that the weights belong to.

    Raises
    ------
    WeightsError
        If the bytes are something else, or of another cfg.
    """
    if data[: len(_MAGIC)] != _MAGIC:
        raise WeightsError("packed ternary weights start with other bytes: pack them with pack_ternary")
    at = len(_MAGIC) + struct.calcsize("<iiiQ")
    new = blank(plan)
    for (layer, name), values in new.items():
        size = 4 * values.size
        ternary = data[at : at + 1] == bytes([_TERNARY])
        needed = 5 + -(-values.size // 4) if ternary else 1 + size
        if len(data) < at + needed or data[at] > _TERNARY:
            raise WeightsError(f"the packed weights do not fit the cfg at {name} of layer {layer}", layer=layer)
        if ternary:
            packed = np.frombuffer(data, np.uint8, needed - 5, at + 5)
            codes = (packed[:, None] >> np.array([0, 2, 4, 6], np.uint8) & 3).reshape(-1)[: values.size]
            values[...] = (_CODES[codes] * np.frombuffer(data, "<f4", 1, at + 1)).reshape(values.shape)
        else:
            values[...] = np.frombuffer(data, "<f4", values.size, at + 1).reshape(values.shape)
        at += needed
    if at != len(data):
        raise WeightsError(f"{len(data) - at} bytes are left after the packed weights: they belong to another cfg")
    new.header = Header(*struct.unpack_from("<iiiQ", data, len(_MAGIC)))
    return new


def _codes(values: Floats, alpha: np.float32) -> NDArray[np.uint8] | None:
    """Four weights a byte; None where a value is none of −α, 0, α (or is −0, which has no code)."""
    if not (alpha > 0 and np.isfinite(alpha)) or np.signbit(values[values == 0]).any():
        return None
    if not np.isin(values, np.array([-alpha, 0, alpha], np.float32)).all():
        return None
    codes = np.zeros(-(-values.size // 4) * 4, np.uint8)
    codes[: values.size] = np.where(values > 0, 1, np.where(values < 0, 3, 0))
    quads = codes.reshape(-1, 4)
    packed: NDArray[np.uint8] = np.bitwise_or.reduce(quads << np.array([0, 2, 4, 6], np.uint8), axis=1)
    return packed
