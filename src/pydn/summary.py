"""The table of layers, in the columns that AlexeyAB's program prints."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

HEADER = "   layer   filters  size/strd(dil)      input                output"


class LayerFacts(Protocol):
    """What the table needs of a layer."""

    @property
    def index(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def input_shape(self) -> tuple[int, ...]: ...
    @property
    def output_shape(self) -> tuple[int, ...]: ...
    @property
    def flops(self) -> float: ...
    @property
    def parameters(self) -> int: ...
    @property
    def facts(self) -> Mapping[str, Any]: ...
    @property
    def options(self) -> Mapping[str, str]: ...


def table(layers: Sequence[LayerFacts]) -> str:
    """Header, a row per layer, and the totals.

    Parameters
    ----------
    layers
        The network's layers in order.

    Returns
    -------
    str
        Lines without a newline at the end. BF are billions of multiplications and additions for one image.
    """
    rows = [HEADER, *(row(layer) for layer in layers)]
    outputs = sum(elements(layer.output_shape) for layer in layers)
    rows.append(f"Total BFLOPS {sum(layer.flops for layer in layers) / 1e9:5.3f} ")
    rows.append(f"avg_outputs = {outputs // max(1, len(layers))} ")
    return "\n".join(rows)


def row(layer: LayerFacts) -> str:
    """One layer; a yolo layer has a second line with its loss."""
    cost = f" {layer.flops / 1e9:5.3f} BF" if layer.flops and layer.kind in _WITH_COST else ""
    return f"{layer.index:4d} {_ROWS.get(layer.kind, _plain)(layer, dict(layer.facts))}{cost}"


def elements(shape: Sequence[int]) -> int:
    """Values of one image in a tensor (n, …)."""
    count = 1
    for size in shape[1:]:
        count *= size
    return count


def _size(shape: Sequence[int]) -> str:
    if len(shape) == 4:
        _, channels, height, width = shape
        return f"{width:4d} x{height:4d} x{channels:4d}"
    return f"{elements(shape):17d}"


def _arrow(layer: LayerFacts) -> str:
    return f"{_size(layer.input_shape)} -> {_size(layer.output_shape)}"


def _number(facts: Mapping[str, Any], *keys: str, default: int = 0) -> int:
    """First of the facts that the layer has."""
    for key in keys:
        value = facts.get(key)
        if isinstance(value, (list, tuple)):
            value = value[0] if value else None
        if isinstance(value, (int, float)):
            return int(value)
    return default


def _strides(facts: Mapping[str, Any]) -> tuple[int, int]:
    x = _number(facts, "stride_x", "stride", default=1)
    return x, _number(facts, "stride_y", default=x)


def _convolutional(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    size = _number(facts, "size", default=1)
    (stride_x, stride_y), dilation = _strides(facts), _number(facts, "dilation", default=1)
    filters, groups = _number(facts, "filters", default=1), _number(facts, "groups", default=1)
    count = f"{filters:5d}/{groups:4d} " if groups > 1 else f"{filters:5d}      "
    stride = f"{stride_x:2d}" if stride_x == stride_y else f"{stride_x}x{stride_y}"
    spread = f"({dilation})" if dilation > 1 else "   "
    return f"conv{_mark(layer, facts):<2}{count}{size:2d} x{size:2d}/{stride}{spread}{_arrow(layer)}"


def _mark(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    if _number(facts, "xnor"):
        return "XB" if _option(layer, "bin_output", 0) else "X"
    if "share_index" in layer.options:
        return "S"
    return "AE" if _option(layer, "assisted_excitation", 0) else ""


def _pool(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    size = _number(facts, "size", default=1)
    stride_x, stride_y = _strides(facts)
    name = "max" if layer.kind == "maxpool" else "avg"
    stride = f"{stride_x:2d}" if stride_x == stride_y else f"{stride_x}x{stride_y}"
    return f"{name:<18}{size:2d}x{size:2d}/{stride}   {_arrow(layer)}"


def _average(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    return f"{'avg':<29}{_size(layer.input_shape)} ->   {elements(layer.output_shape):4d}"


def _connected(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    return f"{'connected':<37}{elements(layer.input_shape):4d}  ->  {elements(layer.output_shape):4d}"


def _values(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    return f"{layer.kind:<47}{elements(layer.input_shape):4d}"


def _route(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    sources = facts.get("layers", facts.get("from", ()))
    numbers = list(sources) if isinstance(sources, (list, tuple)) else [sources]
    groups, group = _number(facts, "groups", default=1), _number(facts, "group_id")
    part = f" {group}/{groups}" if groups > 1 else ""
    text = "route " + " ".join(str(int(number)) for number in numbers) + part
    return f"{text:<46} -> {_size(layer.output_shape)}"


def _shortcut(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    sources = facts.get("from", facts.get("layers", ()))
    numbers = list(sources) if isinstance(sources, (list, tuple)) else [sources]
    text = "Shortcut Layer: " + ", ".join(str(int(number)) for number in numbers)
    return f"{text:<46} -> {_size(layer.output_shape)}"


def _yolo(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    return f"yolo\n[yolo] params: {_loss(layer)}, scale_x_y: {_option(layer, 'scale_x_y', 1):.2f}"


def _gaussian_yolo(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    scale, point = _option(layer, "scale_x_y", 1), 1 if layer.options.get("yolo_point", "center") == "center" else 0
    return f"[Gaussian_yolo] {_loss(layer)}, scale: {scale:.2f}, point: {point}"


def _plain(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    return f"{layer.kind:<28} {_arrow(layer)}"


def _upsample(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    return f"{'upsample':<24}{_number(facts, 'stride', default=2):2d}x  {_arrow(layer)}"


_ROWS: dict[str, Callable[[LayerFacts, Mapping[str, Any]], str]] = {
    "convolutional": _convolutional,
    "maxpool": _pool,
    "local_avgpool": _pool,
    "avgpool": _average,
    "connected": _connected,
    "softmax": _values,
    "cost": _values,
    "route": _route,
    "shortcut": _shortcut,
    "upsample": _upsample,
    "yolo": _yolo,
    "Gaussian_yolo": _gaussian_yolo,
    "region": lambda layer, facts: "detection",
    "detection": lambda layer, facts: "Detection Layer",
}
_WITH_COST = {"convolutional", "maxpool", "local_avgpool", "shortcut", "scale_channels", "sam", "upsample", "reorg"}
_IOU_LOSSES = {"iou": 0, "giou": 1, "mse": 2, "diou": 3, "ciou": 4}


def _option(layer: LayerFacts, key: str, default: float) -> float:
    """Read a number as the cfg has it; what only training needs is no fact of the engine's."""
    match = re.match(r"[-+]?[\d.]+(e[-+]?\d+)?", layer.options.get(key, ""))
    return float(match.group()) if match else default


def _loss(layer: LayerFacts) -> str:
    loss = layer.options.get("iou_loss", "mse")
    norms = {"iou_norm": 0.75, "obj_norm": 1, "cls_norm": 1, "delta_norm": 1}
    values = (f"{name}: {_option(layer, f'{name}alizer', default):.2f}" for name, default in norms.items())
    return f"iou loss: {loss} ({_IOU_LOSSES.get(loss, 2)}), {', '.join(values)}"
