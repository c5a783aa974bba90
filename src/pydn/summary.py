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


def table(layers: Sequence[LayerFacts], time_steps: int = 1) -> str:
    """Header, a row per layer, and the totals.

    Parameters
    ----------
    layers
        The network's layers in order.
    time_steps
        Of the network.

    Returns
    -------
    str
        Lines without a newline at the end. BF are billions of multiplications and additions for one image.
    """
    rows = [HEADER, *(row(layer, time_steps) for layer in layers)]
    outputs = [elements(layer.output_shape) for layer in layers if _counts(layer)]
    rows.append(f"Total BFLOPS {sum(layer.flops for layer in layers) / 1e9:5.3f} ")
    rows.append(f"avg_outputs = {sum(outputs) // max(1, len(outputs))} ")
    return "\n".join(rows)


def row(layer: LayerFacts, time_steps: int = 1) -> str:
    """One layer; a yolo layer has a second line with its loss."""
    facts = {**layer.facts, "time_steps": time_steps}
    return f"{layer.index:4d} {_ROWS.get(layer.kind, _plain)(layer, facts)}"


def _counts(layer: LayerFacts) -> bool:
    """Whether a layer takes part in the average of outputs: those that AlexeyAB's program gives a width and height."""
    if layer.kind == "detection":
        return _number(layer.facts, "side") > 1
    if layer.kind in _WITHOUT_SIDES or (layer.kind == "dropout" and not _number(layer.facts, "dropblock")):
        return False
    width, height, _ = _sides(layer.output_shape if layer.kind == "route" else layer.input_shape)
    return width > 1 and height > 1


def elements(shape: Sequence[int]) -> int:
    """Values of one image in a tensor (n, …)."""
    count = 1
    for size in shape[1:]:
        count *= size
    return count


def _sides(shape: Sequence[int]) -> tuple[int, int, int]:
    """Width, height, channels; a list of values is as many channels of one place."""
    return (shape[3], shape[2], shape[1]) if len(shape) == 4 else (1, 1, elements(shape))


def _size(shape: Sequence[int]) -> str:
    return "{:4d} x{:4d} x{:4d}".format(*_sides(shape))


def _arrow(layer: LayerFacts) -> str:
    return f"{_size(layer.input_shape)} -> {_size(layer.output_shape)}"


def _cost(layer: LayerFacts) -> str:
    return f" {layer.flops / 1e9:5.3f} BF"


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


def _sources(facts: Mapping[str, Any]) -> list[int]:
    """Layers that a layer takes besides the one before it."""
    sources = facts.get("layers", facts.get("from", ()))
    return [int(number) for number in (sources if isinstance(sources, (list, tuple)) else [sources])]


def _convolutional(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    size = _number(facts, "size", default=1)
    (stride_x, stride_y), dilation = _strides(facts), _number(facts, "dilation", default=1)
    filters, groups = _number(facts, "filters", default=1), _number(facts, "groups", default=1)
    count = f"{filters:5d}/{groups:4d} " if groups > 1 else f"{filters:5d}      "
    spread = f"({dilation})" if dilation > 1 else "   "
    window = f"{size:2d} x{size:2d}/{stride_x:2d}{spread}"
    if stride_x != stride_y:
        window = f"{size:2d}x{size:2d}/{stride_x:2d}x{stride_y:2d} "
    # darknetTWN, whose key it is, ends the rows of all convolutions with it
    ternary = " ternary=1" if _number(facts, "ternary") else ""
    return f"conv{_mark(layer, facts):<2}{count}{window}{_arrow(layer)}{_cost(layer)}{ternary}"


def _mark(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    if _number(facts, "xnor"):
        return "XB" if _option(layer, "bin_output", 0) else "X"
    if "share_index" in layer.options:
        return "S"
    return "AE" if _option(layer, "assisted_excitation", 0) else ""


def _deconvolutional(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    size, stride = _number(facts, "size", default=1), _number(facts, "stride", default=1)
    window = f"{_number(facts, 'filters', default=1):5d} {size:2d} x{size:2d} /{stride:2d}"
    return f"deconv{window}  {_size(layer.input_shape)}   ->  {_size(layer.output_shape)}"


def _pool(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    size = _number(facts, "size", default=1)
    stride_x, stride_y = _strides(facts)
    depth = _number(facts, "maxpool_depth")
    name = "avg" if layer.kind == "local_avgpool" else "max-depth" if depth else "max"
    window = f"{name:<18}{size:2d}x{size:2d}/{stride_x:2d}   "
    if stride_x != stride_y and not depth:
        window = f"{name:<17}{size:2d}x{size:2d}/{stride_x:2d}x{stride_y:2d} "
    return f"{window}{_arrow(layer)}{_cost(layer)}"


def _average(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    return f"{'avg':<29}{_size(layer.input_shape)} ->   {elements(layer.output_shape):4d}"


def _inputs_outputs(layer: LayerFacts) -> str:
    return f"{elements(layer.input_shape):4d}  ->  {elements(layer.output_shape):4d}"


def _connected(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    return f"{'connected':<37}{_inputs_outputs(layer)}"


def _dropout(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    probability = f"p = {float(facts.get('probability', 0.5)):.3f}"
    if not _number(facts, "dropblock"):
        return f"dropout    {probability}        {_inputs_outputs(layer)}"
    absolute = _number(facts, "dropblock_size_abs")
    relative = f"l.dropblock_size_rel = {float(facts.get('dropblock_size_rel', 0)):.2f}"
    size = f"l.dropblock_size_abs = {absolute}" if absolute else relative
    return f"dropblock    {probability}   {size}    {_inputs_outputs(layer)}"


def _values(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    name = "logistic x entropy" if layer.kind == "logistic" else layer.kind
    return f"{name:<47}{elements(layer.input_shape):4d}"


def _route(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    sources, groups = _sources(facts), _number(facts, "groups", default=1)
    tabs = "\t" if len(sources) > 3 else "\t        " if len(sources) > 1 else "\t\t        "
    part = f"{_number(facts, 'group_id')}/{groups}" if groups > 1 else "   "
    numbers = "".join(f" {number}" for number in sources)
    return f"route {numbers} {tabs}{'':15}{part} -> {_size(layer.output_shape)} "


def _shortcut(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    numbers = "".join(f"{number}, " for number in _sources(facts))
    weights = _WEIGHTS_TYPES.get(str(facts.get("weights_type")), 0)
    normalization = _NORMALIZATIONS.get(str(facts.get("weights_normalization")), 0)
    kinds = f"wt = {weights}, wn = {normalization}"
    return f"Shortcut Layer: {numbers} {kinds}, outputs:{_size(layer.output_shape)}{_cost(layer)}"


def _yolo(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    return f"yolo\n[yolo] params: {_loss(layer)}, scale_x_y: {_option(layer, 'scale_x_y', 1):.2f}"


def _gaussian_yolo(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    scale, point = _option(layer, "scale_x_y", 1), 1 if layer.options.get("yolo_point", "center") == "center" else 0
    return f"[Gaussian_yolo] {_loss(layer)}, scale: {scale:.2f}, point: {point}"


def _plain(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    return f"{layer.kind:<28} {_arrow(layer)}"


def _upsample(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    stride = _number(facts, "stride", default=2)
    return f"{'upsample' if stride > 0 else 'downsample':<24}{abs(stride):2d}x  {_arrow(layer)}"


def _reorg(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    return f"reorg_old              /{_stride(facts)}  {_size(layer.input_shape)}   ->  {_size(layer.output_shape)}"


def _reorg3d(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    return f"reorg                    /{_stride(facts)} {_arrow(layer)}"


def _stride(facts: Mapping[str, Any]) -> str:
    return f"{_number(facts, 'stride', default=1):2d}"


def _recurrent(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    return f"{layer.kind.upper()} Layer: {elements(layer.input_shape)} inputs, {elements(layer.output_shape)} outputs"


def _image(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    """Layers that AlexeyAB's program reports in words."""
    width, height, channels = _sides(layer.input_shape)
    if layer.kind == "batchnorm":
        return f"Batch Normalization Layer: {width} x {height} x {channels} image"
    if layer.kind == "normalization":
        size = _number(facts, "size")
        return f"Local Response Normalization Layer: {width} x {height} x {channels} image, {size} size"
    columns, rows, filters = _sides(layer.output_shape)
    if layer.kind == "crop":
        return f"Crop Layer: {height} x {width} -> {rows} x {columns} x {channels} image"
    text = f"{height} x {width} x {channels} image, {filters} filters"
    if layer.kind == "local":
        return f"Local Layer: {text} -> {rows} x {columns} x {filters} image"
    return f"{layer.kind.upper()} Layer: {text}"


def _history(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    size, steps = _number(facts, "history_size"), _number(facts, "time_steps", default=1)
    batch = layer.input_shape[0] // steps
    return f"HISTORY b = {batch}, s = {size:2d}, steps = {steps:2d}   {_arrow(layer)} "


def _implicit(layer: LayerFacts, facts: Mapping[str, Any]) -> str:
    start = f"mean={float(facts.get('mean', 0)):.2f}, std={float(facts.get('std', 0.2)):.2f}"
    return f"implicit Layer: {_number(facts, 'filters')} x {_number(facts, 'atoms', default=1)} \t {start} "


_ROWS: dict[str, Callable[[LayerFacts, Mapping[str, Any]], str]] = {
    "convolutional": _convolutional,
    "deconvolutional": _deconvolutional,
    "maxpool": _pool,
    "local_avgpool": _pool,
    "avgpool": _average,
    "connected": _connected,
    "dropout": _dropout,
    **dict.fromkeys(("softmax", "cost", "l2norm", "logistic"), _values),
    "route": _route,
    "shortcut": _shortcut,
    **dict.fromkeys(("scale_channels", "sam"), lambda layer, facts: f"scale Layer: {_number(facts, 'from')}"),
    "activation": lambda layer, facts: f"Activation Layer: {elements(layer.input_shape)} inputs",
    "upsample": _upsample,
    "reorg": _reorg,
    "reorg3d": _reorg3d,
    **dict.fromkeys(("rnn", "gru", "lstm"), _recurrent),
    **dict.fromkeys(("batchnorm", "normalization", "crop", "local", "crnn", "conv_lstm"), _image),
    "history": _history,
    "implicit": _implicit,
    "empty": lambda layer, facts: "empty ",
    "iseg": lambda layer, facts: "iseg",
    "yolo": _yolo,
    "Gaussian_yolo": _gaussian_yolo,
    "region": lambda layer, facts: "detection",
    "detection": lambda layer, facts: "Detection Layer",
}
_WITHOUT_SIDES = {"activation", "connected", "cost", "gru", "implicit", "lstm", "rnn"}
_WEIGHTS_TYPES = {"per_feature": 1, "per_layer": 1, "per_channel": 2}
_NORMALIZATIONS = {"relu": 1, "avg_relu": 1, "softmax": 2}
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
