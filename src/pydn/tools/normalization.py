"""Batch norm of trained networks: fold it away, start it anew, add it.

A layer with batch norm computes scale · (W x − mean) / deviation + bias. With W' = W · scale / deviation and
bias' = bias − mean · scale / deviation, W' x + bias' is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._core.plan import Plan
from .._core.weights import Weights
from ..cfgtext import Section, sections, split_lines, with_values
from ..errors import CfgError
from .slots import Family, Floats, blank, copy, families

_FOLDABLE = {"convolutional", "deconvolutional", "connected", "rnn", "crnn", "gru", "lstm", "conv_lstm"}
_NORMALIZED_BY_DARKNET = {"convolutional", "connected"}


class Rewritten(NamedTuple):
    """A cfg's text and the weights that belong to it."""

    cfg: bytes
    weights: Weights


def deviation(variance: Floats, dialect: str) -> NDArray[np.float64]:
    """Divisor of a batch norm."""
    exact = variance.astype(np.float64)
    return np.sqrt(exact) + 1e-6 if dialect == "pjreddie" else np.sqrt(exact + 1e-5)


def identity_variance(dialect: str) -> float:
    """Variance whose divisor is 1."""
    return (1 - 1e-6) ** 2 if dialect == "pjreddie" else 1 - 1e-5


def denormalize(
    cfg: bytes, weights: Weights, *, as_darknet: bool = False, files: Mapping[str, bytes] | None = None
) -> Rewritten:
    """Fold batch norm into weights and biases, and drop it.

    Layers ``[batchnorm]`` stay: there is nothing to fold them into.

    Parameters
    ----------
    cfg
        Text of the cfg that the weights belong to.
    weights
        Their plan's dialect says how batch norm divides.
    as_darknet
        Divide as darknet's verb does: by sqrt(variance + 1e-6), in convolutional layers by sqrt(variance + 1e-5),
        whatever the layers divide by.
    files
        What the cfg refers to.

    Returns
    -------
    Rewritten
        A cfg with ``batch_normalize=0`` and its weights, which compute the same.
    """
    found = _layers(cfg, weights.plan)
    edits = [(index, "batch_normalize", 0) for index, section in found if section.integer("batch_normalize", 0)]
    text, target = _edited(cfg, edits, weights, files)
    folded = copy(weights)
    for family in families(weights.plan):
        if family.normalized:
            _fold(folded, family, as_darknet)
    for key, values in target.items():
        values[...] = folded[key]
    return Rewritten(text, target)


def reset(weights: Weights, *, as_darknet: bool = False) -> Weights:
    """Fold batch norm into weights and biases, and keep one that changes nothing.

    Parameters
    ----------
    weights
        Their plan's dialect says how batch norm divides.
    as_darknet
        Divide as darknet's verb does (see `denormalize`) and set the variance to 1, which changes values by 5e-6 of
        their size.
    """
    new = copy(weights)
    variance = 1.0 if as_darknet else identity_variance(weights.plan.dialect)
    for family in families(weights.plan):
        if family.normalized:
            _fold(new, family, as_darknet)
            _set_statistics(new, family, variance)
    return new


def normalize(
    cfg: bytes, weights: Weights, *, as_darknet: bool = False, files: Mapping[str, bytes] | None = None
) -> Rewritten:
    """Give a batch norm that changes nothing to all layers that can have one and have none.

    Layers with ``dontload`` or ``dontloadscales`` are left alone: a file would not hold their batch norm.

    Parameters
    ----------
    cfg
        Text of the cfg that the weights belong to.
    weights
        Their plan's dialect says how batch norm divides.
    as_darknet
        Do what darknet's verb does: convolutional and connected layers only, with variance 0. That is a start for a
        training; run as it is, such a layer multiplies by 316 (a million in dialect pjreddie).
    files
        What the cfg refers to.

    Returns
    -------
    Rewritten
        A cfg with ``batch_normalize=1`` and its weights.
    """
    kinds = _NORMALIZED_BY_DARKNET if as_darknet else _FOLDABLE
    layers = weights.plan.kinds
    edits = [
        (index, "batch_normalize", 1)
        for index, section in _layers(cfg, weights.plan)
        if layers[index - 1] in kinds
        and not any(section.integer(key, 0) for key in ("batch_normalize", "dontload", "dontloadscales"))
    ]
    text, target = _edited(cfg, edits, weights, files)
    variance = 0.0 if as_darknet else identity_variance(weights.plan.dialect)
    for family in families(target.plan):
        for word in family.shapes:
            key = family.key(word)
            if key in weights:
                target[key][...] = weights[key]
        if family.normalized and family.key("scales") not in weights:
            _set_statistics(target, family, variance)
    return Rewritten(text, target)


def _layers(cfg: bytes, plan: Plan) -> list[tuple[int, Section]]:
    """Sections of the layers with their indexes."""
    found = sections(split_lines(cfg))
    if len(found) != len(plan) + 1:
        raise CfgError(f"the cfg has {len(found) - 1} layers, the weights belong to one with {len(plan)}")
    return list(enumerate(found))[1:]


def _edited(
    cfg: bytes, edits: Iterable[tuple[int, str, int]], weights: Weights, files: Mapping[str, bytes] | None
) -> Rewritten:
    text = with_values(cfg, edits)
    plan = Plan(text, dialect=weights.plan.dialect, files=files, file=weights.plan.file)
    return Rewritten(text, blank(plan, weights.header.seen))


def _fold(weights: Weights, family: Family, as_darknet: bool) -> None:
    scales, mean, variance = (weights[family.key(word)] for word in ("scales", "rolling_mean", "rolling_variance"))
    biases, rows = weights[family.key("biases")], family.rows(weights[family.key("weights")])
    across = (-1, *[1] * (rows.ndim - 1))
    if as_darknet:  # its factor is a float32
        epsilon = 1e-5 if family.kind in ("convolutional", "deconvolutional") else 1e-6
        factor = (scales / np.sqrt(variance.astype(np.float64) + epsilon)).astype(np.float32)
        rows *= factor.reshape(across)
        biases -= mean * factor
        return
    exact = scales / deviation(variance, weights.plan.dialect)
    rows[...] = rows * exact.reshape(across)
    biases[...] = biases - mean * exact


def _set_statistics(weights: Weights, family: Family, variance: float) -> None:
    weights[family.key("scales")][...] = 1
    weights[family.key("rolling_mean")][...] = 0
    weights[family.key("rolling_variance")][...] = variance
