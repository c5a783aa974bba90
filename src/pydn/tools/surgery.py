"""`oneoff` and `oneoff2`: darknet's ways of carrying parameters into another network."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .._core.plan import Plan
from .._core.weights import Weights
from ..cfgtext import first_layers, with_values
from ..errors import ShapeError, UnsupportedError, WeightsError
from .slots import blank, copy

BOX_ENTRIES = 5
"""Rows before the classes of an anchor: x, y, width, height and objectness."""
CLASSES = {"alexeyab": 9372, "pjreddie": 11921}
"""Of the classifier that each dialect's verb takes its rows from."""
_SIZES = {"convolutional": "filters", "connected": "output"}


def oneoff(
    cfg: bytes,
    data: bytes,
    classes: int | None = None,
    *,
    dialect: str = "alexeyab",
    files: Mapping[str, bytes] | None = None,
    seed: int = 0,
) -> Weights:
    """Start a detector with three anchors from a classifier with the same layers.

    All layers but the last two are the classifier's. The rows of its last layer become the class rows of the first
    anchor, after five for the box, which keep their start values; the other two anchors are copies of the first.

    Parameters
    ----------
    cfg
        Of the detector: its last layer has no parameters, the one before is convolutional or connected.
    data
        The classifier's weights file.
    classes
        Of the classifier; None: those in darknet's verb, 9372, in dialect pjreddie 11921.
    dialect, files
        As for `pydn.load`.
    seed
        For the start values.

    Returns
    -------
    Weights
        Of the detector, with no images seen.

    Raises
    ------
    ShapeError
        If the classes do not fit into the layer.
    UnsupportedError
        If the last two layers are not as described.
    """
    plan = Plan(cfg, dialect=dialect, files=files)
    classes = CLASSES[dialect] if classes is None else classes
    layer = len(plan) - 2
    rows = _rows(plan, layer)
    if rows < BOX_ENTRIES + classes:
        raise ShapeError(
            f"layer {layer} [{plan.kinds[layer]}] has {rows} outputs, {BOX_ENTRIES} + {classes} classes are to be "
            f"put there: give the classifier's number of classes",
            layer=layer,
        )
    before = with_values(first_layers(cfg, layer + 1), [(layer + 1, _SIZES[plan.kinds[layer]], classes)])
    source = Weights(Plan(before, dialect=dialect, files=files), data, strict=False)
    target = Weights(plan, seed=seed)
    target.header = blank(source.plan).header
    _start_rows(target, layer)
    for key, values in source.items():
        if key[0] == layer:
            target[key][BOX_ENTRIES : BOX_ENTRIES + classes] = values
            _repeat_first_third(target[key])
        else:
            target[key][...] = values
    return target


def oneoff2(weights: Weights, layer: int) -> Weights:
    """Fill the layers from `layer` on with the parameters from the first layer on, for a network that repeats itself.

    As in the reference, only the count of parameters decides what goes where, not their shapes.

    Parameters
    ----------
    weights
        Of the whole network. Those of `layer` and the layers after it are overwritten as far as the parameters of a
        file, from the first layer on, go.
    layer
        Where to begin.

    Returns
    -------
    Weights
        With no images seen.

    Raises
    ------
    WeightsError
        If the parameters end inside a layer.
    """
    if not 0 <= layer <= len(weights.plan):
        raise ValueError(f"layer must be 0 to {len(weights.plan)}, not {layer}")
    new = copy(weights)
    new.header = new.header._replace(seen=0)
    stored = [((index, name), weights[index, name]) for index, name, _, in_file in weights.plan.slots() if in_file]
    loaded = weights.report.layers_loaded if weights.report is not None else len(weights.plan)
    parts = [values.ravel() for (index, _), values in stored if index < loaded]
    stream = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    start = 0
    for (index, name), values in stored:
        if index < layer or start == len(stream):
            continue
        if start + values.size > len(stream):
            raise WeightsError(
                f"{len(stream)} values are there from the first layer on; they end inside {name} of layer {index}",
                layer=index,
            )
        new[index, name][...] = stream[start : start + values.size].reshape(values.shape)
        start += values.size
    return new


def _rows(plan: Plan, layer: int) -> int:
    if layer < 0 or plan.kinds[layer] not in _SIZES:
        kind = f"is [{plan.kinds[layer]}]" if layer >= 0 else "is missing"
        raise UnsupportedError(f"the last layer but one {kind}: it must be [convolutional] or [connected]")
    if any(index == layer + 1 for index, _, _, _ in plan.slots()):
        raise UnsupportedError(
            f"the last layer, [{plan.kinds[layer + 1]}], has parameters of its own: it must have none"
        )
    return next(shape[0] for index, name, shape, _ in plan.slots() if (index, name) == (layer, "biases"))


def _start_rows(target: Weights, layer: int) -> None:
    """Give rows that no class overwrites the values that pjreddie's verb gives them."""
    if target.plan.dialect == "pjreddie":
        target[layer, "weights"][...] *= np.float32(0.1)
        target[layer, "biases"][...] = 0


def _repeat_first_third(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> None:
    rows = len(values)
    third = rows // 3
    first = values[:third].copy()
    for start in (third, 2 * rows // 3):
        values[start : start + third] = first
