"""The two orders of parameters in ``[batchnorm]``, ``[lstm]`` and ``[gru]``.

pjreddie's program and AlexeyAB's write these layers in different orders, under headers 0.2.0 and 0.2.5.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .._core.plan import Plan
from .._core.weights import Header, Weights
from ..cfgtext import sections, split_lines
from ..errors import WeightsError
from .normalization import deviation
from .slots import Key, blank

ORDER_DIFFERS = ("batchnorm", "lstm", "gru")
"""Kinds of layers."""


def convert_dialect(cfg: bytes, weights: Weights, to: str, *, files: Mapping[str, bytes] | None = None) -> Weights:
    """Put parameters into another dialect's order.

    pjreddie's ``[batchnorm]`` has no biases; on the way there they go into the mean. The divisors of the dialects'
    batch norms differ, by some 5e-6 of the values where variances are about 1; this is not corrected.

    Parameters
    ----------
    cfg
        Text of the cfg that the weights belong to.
    weights
        Read in the order of their plan's dialect.
    to
        ``"alexeyab"`` or ``"pjreddie"``.
    files
        What the cfg refers to.

    Raises
    ------
    WeightsError
        If a bias cannot be expressed because its scale is 0, or the dialects' parameters differ otherwise.
    """
    new = blank(Plan(cfg, dialect=to, files=files, file=weights.plan.file), weights.header.seen)
    for key, values in new.items():
        if key in weights and weights[key].shape == values.shape:
            values[...] = weights[key]
        elif key not in weights and _is_batchnorm_bias(new, key):
            values[...] = 0
        else:
            raise _untranslatable(weights, key, to)
    for key in weights:
        if key in new:
            continue
        if not _is_batchnorm_bias(weights, key):
            raise _untranslatable(weights, key, to)
        _into_mean(weights, new, key[0])
    return new


def dialect_of_header(header: Header) -> str | None:
    """Return whose program writes such a header, None where both or neither do."""
    if header.major > 0 or header.minor > 2:
        return None
    return {0: "pjreddie", 5: "alexeyab"}.get(header.revision)


def disagreement(cfg: bytes, weights: bytes | memoryview, dialect: str) -> str | None:
    """Return a warning if a weights file seems to have the other dialect's order, and order matters for its cfg."""
    start = bytes(weights[:12])
    if len(start) < 12:
        return None
    major, minor, revision = (int(number) for number in np.frombuffer(start, "<i4"))
    written = dialect_of_header(Header(major, minor, revision, 0))
    if written in (None, dialect):
        return None
    kinds = [section.kind for section in sections(split_lines(cfg)) if section.kind in ORDER_DIFFERS]
    if not kinds:
        return None
    return (
        f"the weights file has version {major}.{minor}.{revision}, which dialect {written} writes, and is read in the "
        f"order of dialect {dialect}; for [{kinds[0]}] the two differ: dialect={written!r} may be meant"
    )


def _is_batchnorm_bias(weights: Weights, key: Key) -> bool:
    return weights.plan.kinds[key[0]] == "batchnorm" and key[1] == "biases"


def _into_mean(weights: Weights, new: Weights, layer: int) -> None:
    """Express biases by the mean: scale · (x − mean) / deviation + bias has the mean − bias · deviation / scale."""
    biases, scales = weights[layer, "biases"], weights[layer, "scales"]
    used = biases != 0
    if (scales[used] == 0).any():
        channel = int(np.flatnonzero(used & (scales == 0))[0])
        raise WeightsError(
            f"channel {channel} has a bias and scale 0, and [batchnorm] of dialect pjreddie has no biases",
            file=weights.file,
            layer=layer,
        )
    divisor = deviation(new[layer, "rolling_variance"], "pjreddie")
    mean = new[layer, "rolling_mean"]
    mean[used] = weights[layer, "rolling_mean"][used] - biases[used] * divisor[used] / scales[used]


def _untranslatable(weights: Weights, key: Key, to: str) -> WeightsError:
    layer, name = key
    kind = weights.plan.kinds[layer]
    return WeightsError(
        f"layer {layer} [{kind}]: {name} is not the same in dialects {weights.plan.dialect} and {to}",
        file=weights.file,
        layer=layer,
    )
