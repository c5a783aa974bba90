"""darkflow's own way from an image to objects: its resizing, threshold, suppression, labels and layer table.

For the same weights it finds other objects than darknet does; `pydn flow` is for those who want darkflow's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ._core import vision
from ._core.layer import Layer
from .class_names import COCO_NAMES_FILE, VOC_NAMES
from .detections import Detections
from .errors import DataError
from .image import DeepPixels, Pixels
from .names import read_names
from .network import Network
from .preprocess import detector_input
from .summary import elements

OVERLAP = 0.4
"""Of two boxes of a class whose overlap is as large, one goes."""
SUFFIXES = (".jpg", ".jpeg", ".png")
_VOC_MODELS = "yolo-full yolo-tiny yolo-small yolov1 tiny-yolov1 tiny-yolo-voc yolo-voc".split()
_COCO_MODELS = "tiny-coco yolo-coco yolo tiny-yolo".split()
_END_OF_LABELS = "----"


def labels_of(model: str, labels: str, config: str, classes: int) -> list[str]:
    """Names of the classes: built in for models of some names, else the lines of a file up to ``----``.

    Parameters
    ----------
    model
        Path of the cfg.
    labels
        The file.
    config
        The folder of cfgs, in which ``coco.names`` and ``9k.names`` are looked for.
    classes
        How many there must be.

    Raises
    ------
    FileNotFoundError, DataError
        If there is no such file, or it has another number of names.
    """
    stem = Path(model).stem
    file = Path(labels)
    names: Sequence[str] = ()
    if stem in _VOC_MODELS:
        names = VOC_NAMES
    elif stem in _COCO_MODELS:
        file = Path(config, "coco.names")
        names = () if file.is_file() else COCO_NAMES_FILE
    elif stem == "yolo9000":
        file = Path(config, "9k.names")
    if not names:
        lines = read_names(file)
        names = lines[: lines.index(_END_OF_LABELS)] if _END_OF_LABELS in lines else lines
    if len(names) != classes:
        where = "the built-in labels have" if stem in _VOC_MODELS else f"{file} has"
        raise DataError(f"{where} {len(names)} names and {model} {classes} classes: they must be as many")
    return list(names)


def network_input(pixels: Pixels | DeepPixels, width: int, height: int, channels: int) -> NDArray[np.float32]:
    """Stretch an image, as OpenCV does, and scale it to 0..1; never letterboxed."""
    stretched: Any = cv2.resize(pixels, (width, height))
    return detector_input(stretched, width, height, channels)


def threshold_of(net: Network, given: float | None) -> float:
    """Lowest confidence: what was given if it is above 0, else thresh= of the cfg's last section, else 0.25."""
    if given is not None and given > 0:
        return given
    return float(net.facts(net.head_layers[-1]).get("thresh", 0.25))


def objects(net: Network, index: int, size: tuple[int, int], threshold: float, path: str = "") -> Detections:
    """Find the objects in an image of the forward just done.

    Parameters
    ----------
    net
        The network.
    index
        Number of the image in the batch.
    size
        (width, height) of the image.
    threshold
        Lowest confidence.
    path
        Of the image.
    """
    boxes, objectness, scores = net.decode(index, thresh=threshold, image_size=size, relative=True, nms=None)[:3]
    scores = scores.copy()
    order = suppress(boxes, scores)
    best = scores[order].argmax(axis=1) if len(order) else np.empty(0, np.intp)
    confidence = scores[order, best]
    sure = confidence > threshold
    centres, halves = boxes[order][sure, :2], boxes[order][sure, 2:4] / 2
    with np.errstate(over="ignore"):  # an exponential may be near the largest number
        corners = np.hstack([centres - halves, centres + halves]) * np.array(size * 2, np.float32)
    class_id = best[sure]
    labels = [net.names[number] for number in class_id]
    return Detections(
        np.asarray(corners, np.float32),
        confidence[sure],
        class_id.astype(np.int64),
        objectness[order][sure],
        np.array(labels, np.str_),
        size,
        path=path,
    )


def suppress(boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> list[int]:
    """Set the scores of boxes that overlap better ones to 0, class by class; return the boxes in order of discovery.

    A box is compared with those after it, and ends the comparison when it meets a better one: in chains of boxes more
    may stay than where the best is taken first.
    """
    order: dict[int, None] = {}
    for column in scores.T:
        (candidates,) = np.nonzero(column)
        for place, row in enumerate(candidates):
            if column[row] == 0:
                continue
            order[int(row)] = None
            others = candidates[place + 1 :]
            near = others[_overlaps(boxes[row], boxes[others])]
            for other in near[column[near] > 0]:
                if column[other] > column[row]:
                    column[row] = 0
                    break
                column[other] = 0
    return list(order)


def _overlaps(box: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.bool_]:
    if not len(others):
        return np.zeros(0, np.bool_)
    return np.asarray(vision.box_iou(np.broadcast_to(box, others.shape).copy(), others) >= OVERLAP)


# ---- the table of layers

_ROW = "{:>6} | {:>6} | {:<32} | {}"
_LINE = "+".join("-" * width for width in (7, 8, 34, 15))


def table(net: Network, *, loaded: bool = True) -> Iterator[str]:
    """Yield the lines of darkflow's table of layers; `loaded`: the weights are a file's."""
    source = "Load " if loaded else "Init "
    yield _ROW.format("Source", "Train?", "Layer description", "Output size")
    yield _LINE
    yield _ROW.format("", "", "input", _shape((1, net.channels, net.height, net.width)))
    for layer in net.layers:
        if layer.index not in net.head_layers:
            text = _DESCRIPTIONS.get(layer.kind, _plain)(layer)
            yield _ROW.format(source if layer.parameters else "Load ", "Yep! ", text, _shape(layer.output_shape))
    yield _LINE


def _shape(shape: Sequence[int]) -> str:
    """Write (n, c, h, w) as TensorFlow does: the channels last."""
    sizes = (shape[2], shape[3], shape[1]) if len(shape) == 4 else tuple(shape[1:])
    return f"(?, {', '.join(map(str, sizes))})" if sizes else "(?,)"


def _convolutional(layer: Layer) -> str:
    facts = layer.facts
    norm = "+bnorm" if facts["batch_normalize"] else ""
    return f"conv {facts['size']}x{facts['size']}p{facts['padding']}_{facts['stride_x']}  {norm}  {layer.activation}"


def _maxpool(layer: Layer) -> str:
    size = layer.facts["size"]
    padding = layer.options.get("padding", (size - 1) // 2)
    return f"maxp {size}x{size}p{padding}_{layer.facts['stride_x']}"


def _connected(layer: Layer) -> str:
    return f"full {elements(layer.input_shape)} x {elements(layer.output_shape)}  {layer.activation}"


def _reorg(layer: Layer) -> str:
    return "local flatten {0}x{0}".format(layer.options.get("stride", "1"))


def _route(layer: Layer) -> str:
    sources = layer.facts["layers"]
    return f"concat {list(sources) if isinstance(sources, tuple) else [sources]}"


def _plain(layer: Layer) -> str:
    return layer.kind


_DESCRIPTIONS: dict[str, Callable[[Layer], str]] = {
    "convolutional": _convolutional,
    "maxpool": _maxpool,
    "connected": _connected,
    "reorg": _reorg,
    "route": _route,
    "dropout": lambda layer: "drop",
    "avgpool": lambda layer: "avgpool()",
    "softmax": lambda layer: "softmax()",
}
