"""A whole network from cfg rows, layer by layer: what each section's keys and defaults mean.

A row is a mapping of cfg keys with "kind" for the section's name; parameters are named as in `Layer`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import batchnorm as bn
from . import recurrent as unrolled
from . import region as regions
from .activations import activate
from .avgpool import mean_of_channels
from .connected import connect
from .contrastive import contrastive
from .convolutional import binarized, blur, convolve
from .cost import cost
from .crop import crop
from .deconvolutional import deconvolve
from .detection import detection
from .dropout import dropout
from .empty import empty
from .gaussian_yolo import gaussian_yolo
from .implicit import repeated
from .iseg import iseg
from .l2norm import unit_length
from .local import local, local_places
from .local_avgpool import mean_in_window
from .maxpool import largest_in_window, largest_of_channels
from .normalization import local_response
from .reorg import flattened, followed_by_zeros, reorg
from .reorg3d import depth_to_space, space_to_depth
from .route import join
from .sam import sam
from .scale_channels import scale_channels
from .shortcut import add, add_scaled, add_weighted
from .softmax import softmax_parts, softmax_spatial
from .tree import group_sizes
from .types import Array
from .upsample import upsample
from .yolo import yolo

Row: TypeAlias = Mapping[str, Any]
Parameters: TypeAlias = Mapping[str, NDArray[np.floating[Any]]]  # read as float64
Float64s: TypeAlias = Mapping[str, Array]
Shape: TypeAlias = tuple[int, ...]


@dataclass
class Setting:
    """What stands around a layer."""

    dialect: str = "alexeyab"
    fused: bool = False
    files: Mapping[str, bytes] = field(default_factory=dict)
    outputs: list[Array] = field(default_factory=list)  # of the layers before
    steps: int = 1  # rows of an input are so many time steps of several sequences
    states: dict[int, unrolled.States] = field(default_factory=dict)  # by layer; what lasts from one call to the next
    training: bool = False  # batch norm by the mini-batch's own statistics
    as_darknet: bool = False  # backward of batch norm as its code computes it, which is not the derivative

    def named(self, row: Row, key: str) -> list[Array]:
        """Outputs of the layers that a key names; negative numbers count back from this layer."""
        return [self.outputs[i if i >= 0 else len(self.outputs) + i] for i in numbers(row[key])]

    def tree(self, row: Row) -> list[int]:
        """Sizes of the groups of the row's tree; empty without one."""
        return group_sizes(self.files[row["tree"]]) if "tree" in row else []


def numbers(value: Any) -> list[int]:
    """The integers of a list key."""
    return [int(part) for part in str(value).split(",")]


def strides(row: Row, default: int = 1) -> tuple[int, int]:
    """(stride_y, stride_x)."""
    stride = row.get("stride", default)
    return row.get("stride_y", stride), row.get("stride_x", stride)


def shift(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    """Batch norm where the row asks for it, else the bias."""
    if not row.get("batch_normalize", 0):
        return x + p["biases"][:, None, None]
    return batchnorm(x, row, p, setting)


def convolutional(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    size, stride, antialiasing = row.get("size", 1), strides(row), row.get("antialiasing", 0)
    weights = p["weights"]
    if row.get("xnor", 0):
        x, weights = binarized(x, weights)
    y = convolve(
        x,
        weights,
        groups=row.get("groups", 1),
        stride=(1, 1) if antialiasing else stride,
        padding=size // 2 if row.get("pad", 0) else row.get("padding", 0),
        dilation=row.get("dilation", 1) if size > 1 else 1,
    )
    y = activate(row.get("activation", "logistic"), shift(y, row, p, setting))
    return blur(y, antialiasing, stride) if antialiasing else y


def connected(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    return activate(row.get("activation", "logistic"), shift(connect(x, p["weights"]), row, p, setting))


def batchnorm(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    normalize = bn.normalize_pjreddie if setting.dialect == "pjreddie" else bn.normalize
    mean, variance = bn.statistics(x) if setting.training else (p["rolling_mean"], p["rolling_variance"])
    return normalize(x, p["scales"], mean, variance, p.get("biases"))


def maxpool(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    if row.get("maxpool_depth", 0):
        return largest_of_channels(x, row.get("out_channels", 1))
    stride, antialiasing = strides(row), row.get("antialiasing", 0)
    size = row.get("size", row.get("stride", 1))
    y = largest_in_window(x, size, (1, 1) if antialiasing else stride, row.get("padding", size - 1))
    return blur(y, antialiasing, stride) if antialiasing else y


def avgpool(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    return mean_of_channels(x)


def route(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    return join(setting.named(row, "layers"), row.get("groups", 1), row.get("group_id", 0))


def shortcut(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    terms = [x, *setting.named(row, "from")]
    if "weights" in p:
        y = add_weighted(terms, p["weights"], row.get("weights_normalization", "none"), setting.fused)
    elif setting.dialect == "pjreddie" and len(terms) == 2:
        y = add_scaled(terms, row.get("alpha", 1), row.get("beta", 1))
    else:
        y = add(terms)
    return activate(row.get("activation", "linear"), y)


def scaled(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    return activate(row.get("activation", "linear"), scale_channels(setting.named(row, "from")[0], x))


def attended(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    return activate(row.get("activation", "linear"), sam(setting.named(row, "from")[0], x))


def upsampled(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    return upsample(x, row.get("stride", 2), row.get("scale", 1))


def reordered(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    stride, reverse = row.get("stride", 1), bool(row.get("reverse", 0))
    if setting.dialect == "pjreddie" and row.get("flatten", 0):
        return flattened(x, stride, reverse)
    if setting.dialect == "pjreddie" and row.get("extra", 0):
        return followed_by_zeros(x, row["extra"])
    return reorg(x, stride, reverse)


def softmax(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    temperature, groups = row.get("temperature", 1), row.get("groups", 1)
    if row.get("spatial", 0) and setting.dialect == "alexeyab":
        return softmax_spatial(x, temperature)
    sizes = setting.tree(row) or [x[0].size // groups] * groups
    return softmax_parts(x, sizes, temperature)


def region(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    head = regions.region_pjreddie if setting.dialect == "pjreddie" else regions.region
    return head(x, row.get("num", 1), row.get("classes", 20), bool(row.get("softmax", 0)), setting.tree(row))


def detected(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    anchors = len(numbers(row["mask"])) if "mask" in row else row.get("num", 1)
    return yolo(x, anchors, row.get("classes", 20), row.get("scale_x_y", 1), bool(row.get("new_coords", 0)))


def gaussian(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    anchors = len(numbers(row["mask"])) if "mask" in row else row.get("num", 1)
    return gaussian_yolo(x, anchors, row.get("classes", 20), row.get("scale_x_y", 1))


def gridded(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    return detection(x, row.get("side", 7), row.get("classes", 1), bool(row.get("softmax", 0)))


def deconvolutional(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    size = row.get("size", 1)
    padding = size // 2 if row.get("pad", 0) else row.get("padding", 0)
    y = deconvolve(x, p["weights"], row.get("stride", 1), padding)
    return activate(row.get("activation", "logistic"), shift(y, row, p, setting))


def unshared(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    y = local(x, p["weights"], p["biases"], row.get("stride", 1), bool(row.get("pad", 0)))
    return activate(row.get("activation", "logistic"), y)


def local_avgpool(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    size = row.get("size", row.get("stride", 1))
    return mean_in_window(x, size, strides(row), row.get("padding", size - 1))


def normalization(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    alpha, beta, kappa = row.get("alpha", 0.0001), row.get("beta", 0.75), row.get("kappa", 1)
    return local_response(x, row.get("size", 5), alpha, beta, kappa)


def cropped(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    return crop(x, row.get("crop_height", 1), row.get("crop_width", 1), not row.get("noadjust", 0))


def reordered_3d(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    return (depth_to_space if row.get("reverse", 0) else space_to_depth)(x, row.get("stride", 1))


def recurrent(x: Array, row: Row, p: Float64s, setting: Setting) -> Array:
    def part(name: str) -> unrolled.Part:
        own = {key.partition(".")[2]: values for key, values in p.items() if key.startswith(name + ".")}
        keys = unrolled.part_row(row, name, setting.dialect)
        return lambda v: (convolutional if row["kind"] in unrolled.SPATIAL else connected)(v, keys, own, setting)

    parts = {name: part(name) for name in unrolled.part_names(row, setting.dialect)}
    shapes = unrolled.state_shapes(row, x.shape, setting.steps, setting.dialect)
    states = setting.states.setdefault(len(setting.outputs), {name: np.zeros(s) for name, s in shapes.items()})
    limit = row.get("state_constrain", 32 * setting.steps)
    return unrolled.in_steps(x, setting.steps, states, unrolled.step_of(row, parts, setting.dialect, limit))


KINDS: dict[str, Callable[[Array, Row, Float64s, Setting], Array]] = {
    "convolutional": convolutional,
    "connected": connected,
    "batchnorm": batchnorm,
    "maxpool": maxpool,
    "avgpool": avgpool,
    "route": route,
    "shortcut": shortcut,
    "scale_channels": scaled,
    "sam": attended,
    "upsample": upsampled,
    "reorg": reordered,
    "dropout": lambda x, row, p, setting: dropout(x),
    "cost": lambda x, row, p, setting: cost(x),
    "softmax": softmax,
    "region": region,
    "yolo": detected,
    "activation": lambda x, row, p, setting: activate(row.get("activation", "linear"), x),
    "contrastive": lambda x, row, p, setting: contrastive(x),
    "crop": cropped,
    "deconvolutional": deconvolutional,
    "empty": lambda x, row, p, setting: empty(x),
    "implicit": lambda x, row, p, setting: repeated(p["weights"], len(x)),
    "iseg": lambda x, row, p, setting: iseg(x, row.get("classes", 20)),
    "l2norm": lambda x, row, p, setting: unit_length(x),
    "local": unshared,
    "local_avgpool": local_avgpool,
    "logistic": lambda x, row, p, setting: activate("logistic", x),
    "normalization": normalization,
    "reorg3d": reordered_3d,
    "Gaussian_yolo": gaussian,
    "detection": gridded,
    **dict.fromkeys(("rnn", "gru", "lstm", "crnn", "conv_lstm", "history"), recurrent),
}


def step(row: Row, p: Parameters, x: Array, setting: Setting) -> Array:
    """Output of one layer, which is also kept for those that refer to it."""
    y = KINDS[row["kind"]](x, row, {name: np.asarray(values, np.float64) for name, values in p.items()}, setting)
    setting.outputs.append(y)
    return y


def forward(rows: Iterable[Row], parameters: Iterable[Parameters], x: Array, setting: Setting) -> list[Array]:
    """Output of every layer."""
    everything = list(parameters)
    for index, row in enumerate(rows):
        x = step(row, everything[owner(row, index)], x, setting)
    return setting.outputs


def owner(row: Row, index: int) -> int:
    """The layer that has a layer's parameters: itself, or the one that share_index names."""
    named: int = row.get("share_index", index)
    return named if named >= 0 else index + named


def parameter_shapes(row: Row, x: Shape, dialect: str = "alexeyab") -> dict[str, Shape]:
    """A layer's parameters in the order of the weights file; x is the shape (n, c, h, w) of its input."""
    kind, normalized = row["kind"], row.get("batch_normalize", 0)
    if "share_index" in row:
        return {}
    statistics = ["scales", "rolling_mean", "rolling_variance"]
    if kind == "convolutional":
        filters, size = row.get("filters", 1), row.get("size", 1)
        names = ["biases", *(statistics if normalized else [])]
        return dict.fromkeys(names, (filters,)) | {"weights": (filters, x[1] // row.get("groups", 1), size, size)}
    if kind == "connected":
        outputs = row.get("output", 1)
        shapes: dict[str, Shape] = {"biases": (outputs,), "weights": (outputs, int(np.prod(x[1:])))}
        return shapes | (dict.fromkeys(statistics, (outputs,)) if normalized else {})
    if kind == "batchnorm":
        return dict.fromkeys(statistics if dialect == "pjreddie" else ["biases", *statistics], (x[1],))
    if kind == "deconvolutional":
        filters, size = row.get("filters", 1), row.get("size", 1)
        names = ["biases", *(statistics if normalized else [])]
        return dict.fromkeys(names, (filters,)) | {"weights": (x[1], filters, size, size)}
    if kind == "local":
        filters, size = row.get("filters", 1), row.get("size", 1)
        rows, columns = local_places(x[2:], size, row.get("stride", 1), bool(row.get("pad", 0)))
        return {"biases": (filters * rows * columns,), "weights": (rows * columns, filters, x[1], size, size)}
    if kind in unrolled.KINDS:
        inner = "convolutional" if kind in unrolled.SPATIAL else "connected"
        shapes = {}
        for name, channels, outputs in unrolled.part_sizes(row, x, dialect):
            keys = {**unrolled.part_row(row, name, dialect), "kind": inner, "filters": outputs, "output": outputs}
            plane = x[2:] if inner == "convolutional" else (1, 1)
            inside = parameter_shapes(keys, (x[0], channels, *plane), dialect)
            shapes |= {f"{name}.{key}": shape for key, shape in inside.items()}
        return shapes
    if kind == "implicit":
        return {"weights": (row.get("filters", 128), row.get("atoms", 1))}
    if kind == "shortcut" and row.get("weights_type", "none") != "none":
        terms = 1 + len(numbers(row["from"]))
        return {"weights": (terms, x[1]) if row["weights_type"] == "per_channel" else (terms,)}
    return {}


def parse(text: str) -> list[Row]:
    """Rows of a cfg, without its [net]."""
    rows: list[dict[str, Any]] = []
    for line in (line.partition("#")[0].strip() for line in text.splitlines()):
        if line.startswith("["):
            rows.append({"kind": line[1:-1]})
        elif line:
            key, value = (part.strip() for part in line.split("="))
            rows[-1][key] = literal(value)
    return list(rows[1:])


def literal(value: str) -> int | float | str:
    """An integer or a number where it is one."""
    for convert in (int, float):
        try:
            return convert(value)
        except ValueError:
            continue
    return value
