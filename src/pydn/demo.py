"""A detector whose weights are written by hand, and pictures for it to look at.

Needs no file: it shows what a cfg, weights and a head are, and that an installation works. The pictures show coloured
discs, squares, triangles and crosses on grey texture. The network finds them in five steps, each a convolution:

0.  *Colour opponents*, 1×1: R−G, G−R, G−B, B−G, R−B, B−R, each kept where positive. Their sum is twice the chroma
    max(R,G,B) − min(R,G,B): 0 for the grey texture, large for paint of any colour.
1.  *Two steps*, 1×1: relu(k·chroma − a) and relu(k·chroma − a − 1). Their difference is 0 for grey, 1 for paint.
2.  *Mask*, 4×4 with stride 4: averages that difference, so that a cell of 4×4 pixels says how much of it is painted.
3.  *Templates*, one per shape and size: positive along the inside of the outline, negative along its outside and in
    the places that only other shapes fill, so that a shape of the right form and size at the right place answers with
    nearly 1 and every other with clearly less. What exceeds a half and a little is evidence.
4.  *Head*, 1×1: the evidence of a size becomes the objectness of that size's anchor; the evidence of a shape speaks
    for its class and against the others. Box offsets are 0: the middle of the cell, the size of the anchor.

The ``[yolo]`` layer and non-maximum suppression do the rest.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from .detections import Detections
from .image import Pixels
from .loading import load
from .network import Network

WIDTH, HEIGHT = 640, 480
"""Size of the pictures; the network looks at them at half the size."""
NAMES = ("disc", "square", "triangle", "cross")

_SCALE = 2  # pixels of the picture per pixel of the input
_CELL = 4  # pixels of the input per cell of the mask
_SIZES = tuple(round(36 * 1.09**i) for i in range(8))  # anchors, in pixels of the input
_KERNEL = 25  # cells
_ARM = 1 / 6  # half the width of a cross's arms, in sizes
_GAIN, _CHROMA = 8.0, 1.2  # paint has a chroma above 0.3: 8·2·0.3 − 1.2 is well over 1; texture stays under 0.07

_CFG = f"""[net]
width={WIDTH // _SCALE}
height={HEIGHT // _SCALE}
channels=3

# 0: colour opponents
[convolutional]
filters=6
size=1
activation=relu

# 1: two steps
[convolutional]
filters=2
size=1
activation=relu

# 2: mask
[convolutional]
filters=1
size={_CELL}
stride={_CELL}
activation=linear

# 3: templates
[convolutional]
filters={len(NAMES) * len(_SIZES)}
size={_KERNEL}
pad=1
activation=relu

# 4: head
[convolutional]
filters={len(_SIZES) * (5 + len(NAMES))}
size=1
activation=linear

[yolo]
mask={",".join(str(i) for i in range(len(_SIZES)))}
anchors={", ".join(f"{size},{size}" for size in _SIZES)}
classes={len(NAMES)}
num={len(_SIZES)}
"""


@dataclass(frozen=True, slots=True)
class Shape:
    """One drawn object.

    Attributes
    ----------
    name
        One of `NAMES`.
    color
        BGR.
    xyxy
        Left, top, right, bottom in pixels.
    """

    name: str
    color: tuple[int, int, int]
    xyxy: tuple[float, float, float, float]


def network(device: str = "cpu", outputs: Literal["heads", "all"] = "heads") -> Network:
    """Return the detector, from a cfg and weights made in memory."""
    return load(cfg(), weights(), names=list(NAMES), device=device, outputs=outputs)


def cfg() -> bytes:
    """Return the content of its .cfg file."""
    return _CFG.encode()


def weights() -> bytes:
    """Return the content of its .weights file: header, then biases and weights of each convolution."""
    opponents = np.array([[1, -1, 0], [-1, 1, 0], [0, 1, -1], [0, -1, 1], [1, 0, -1], [-1, 0, 1]])
    steps = np.full((2, 6), _GAIN)
    mask = np.stack([np.full((_CELL, _CELL), 1.0), np.full((_CELL, _CELL), -1.0)]) / _CELL**2
    layers: list[tuple[Any, Any]] = [
        (np.zeros(6), opponents),
        ([-_CHROMA, -_CHROMA - 1], steps),
        ([0], mask),
        (np.full(len(NAMES) * len(_SIZES), -_EVIDENCE), templates()),
        _head(),
    ]
    header = struct.pack("<iiiQ", 0, 2, 5, 0)
    return header + b"".join(np.asarray(part, "<f4").tobytes() for layer in layers for part in layer)


_EVIDENCE = 0.55  # templates answer with 0.6 and more to their own shape, with 0.53 and less to any other
_BAND = 0.12  # width of the bands along the outline, in sizes
_OUTSIDE, _EMPTY, _CORNERS = 1.3, 3.0, 0.4  # weights of a template's parts; the inside has 1


def templates() -> NDArray[np.float32]:
    """(sizes · shapes, kernel, kernel): weights of layer 3, sizes outermost."""
    return np.array([_template(name, size) for size in _SIZES for name in NAMES], np.float32)


def _template(name: str, size: int) -> NDArray[np.float32]:
    """Mean over the inner band, minus weighted means over the outer band and over what must be empty.

    Its answer to its own shape, covered exactly, is 1. A square's inside counts more in the corners.
    """
    fine = 8  # drawn this much finer, then averaged to cells
    side = _KERNEL * _CELL * fine
    inside = np.zeros((side, side), np.uint8)
    _paint(inside, name, (side / 2, side / 2), size * fine, 1)
    band = np.ones((2 * round(size * fine * _BAND) + 1,) * 2, np.uint8)
    template = _mean(inside - cv2.erode(inside, band)) - _OUTSIDE * _mean(cv2.dilate(inside, band) - inside)

    place = (np.arange(side) + 0.5 - side / 2) / (size * fine)  # in sizes, from the middle
    x, y = np.meshgrid(np.abs(place), place)
    near, far = np.minimum(x, np.abs(y)), np.maximum(x, np.abs(y))
    if name == "disc":
        template -= _EMPTY * _mean((np.hypot(x, y) > 0.56) & (far < 0.54))
    elif name == "triangle":
        template -= _EMPTY * _mean((np.abs(y + 0.275) < 0.225) & (x > 0.08 + (y + 0.5) / 2) & (x < 0.5))
    elif name == "cross":
        template -= _EMPTY * _mean((near > _ARM + 0.06) & (far < 0.5))
    else:
        template[template > 0] *= 1 - _CORNERS
        template += _CORNERS * _mean((near > 0.3) & (far < 0.47))
    return template


def _mean(region: NDArray[Any]) -> NDArray[np.float32]:
    """Weights, one per cell, that take the mean over a region."""
    cells = cv2.resize(region.astype(np.float32), (_KERNEL, _KERNEL), interpolation=cv2.INTER_AREA)
    return np.asarray(cells / cells.sum(), dtype=np.float32)


def _head() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Biases (filters,) and weights (filters, templates) of layer 4.

    Per anchor the rows are x, y, w, h, objectness and the classes, as [yolo] wants them.
    """
    sizes, count = len(_SIZES), len(NAMES)
    biases = np.zeros((sizes, 5 + count), np.float32)
    weight = np.zeros((sizes, 5 + count, sizes, count), np.float32)
    for size in range(sizes):
        biases[size, 4] = -2
        weight[size, 4, size] = 100
        for name in range(count):
            weight[size, 5 + name, size] = -100
            weight[size, 5 + name, size, name] = 100
    return biases.reshape(-1), weight.reshape(biases.size, -1)


def picture(seed: int = 0, count: int = 6) -> tuple[Pixels, list[Shape]]:
    """Draw a picture.

    Parameters
    ----------
    seed
        Another one for every number.
    count
        Shapes to draw, as far as there is room.

    Returns
    -------
    tuple
        (HEIGHT, WIDTH, 3) uint8 BGR, and what was drawn.
    """
    random = np.random.default_rng(seed)
    coarse = random.normal(0, 22, (HEIGHT // 16, WIDTH // 16))
    grey = (
        128 + cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) + random.normal(0, 8, (HEIGHT, WIDTH))
    )
    canvas = np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
    shapes: list[Shape] = []
    for _ in range(200):
        if len(shapes) == count:
            break
        size = random.uniform(_SIZES[2], _SIZES[-1]) * _SCALE  # small ones are too coarse for the mask
        x = random.uniform(size * 0.6, WIDTH - size * 0.6)
        y = random.uniform(size * 0.6, HEIGHT - size * 0.6)
        box = (x - size / 2, y - size / 2, x + size / 2, y + size / 2)
        if any(_near(box, shape.xyxy, 0.35 * size) for shape in shapes):
            continue
        hue = random.integers(0, 180)
        color = cv2.cvtColor(np.array([[[hue, 210, 230]]], np.uint8), cv2.COLOR_HSV2BGR)[0, 0]
        blue, green, red = (int(value) for value in color)
        shape = Shape(NAMES[len(shapes) % len(NAMES)], (blue, green, red), box)
        _paint(canvas, shape.name, (x, y), size, shape.color)
        shapes.append(shape)
    return canvas, shapes


def _near(a: tuple[float, ...], b: tuple[float, ...], gap: float) -> bool:
    return a[0] - gap < b[2] and b[0] - gap < a[2] and a[1] - gap < b[3] and b[1] - gap < a[3]


def _paint(canvas: Pixels, name: str, centre: tuple[float, float], size: float, color: Any) -> None:
    """Fill a shape whose box is size × size around `centre`."""
    unit = np.array(
        {
            "disc": [(np.cos(a) / 2, np.sin(a) / 2) for a in np.linspace(0, 2 * np.pi, 72, endpoint=False)],
            "square": [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)],
            "triangle": [(0, -0.5), (0.5, 0.5), (-0.5, 0.5)],
            "cross": _CROSS,
        }[name]
    )
    shift = 4  # binary digits after the point
    points = np.rint((unit * size + centre - 0.5) * 2**shift).astype(np.int32)
    cv2.fillPoly(canvas, [points], color, cv2.LINE_8, shift)


_CROSS = [
    *[(-_ARM, -0.5), (_ARM, -0.5), (_ARM, -_ARM), (0.5, -_ARM), (0.5, _ARM), (_ARM, _ARM)],
    *[(_ARM, 0.5), (-_ARM, 0.5), (-_ARM, _ARM), (-0.5, _ARM), (-0.5, -_ARM), (-_ARM, -_ARM)],
]


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Intersection over union of two boxes, left, top, right, bottom."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / union if union else 0.0


def report(shapes: list[Shape], found: Detections) -> str:
    """Return a table: what was drawn, what was found there."""
    lines = [f"{'drawn':<10}{'at (left top right bottom)':<30}{'found':<10}{'confidence':<12}overlap"]
    for shape in shapes:
        best = max(found, key=lambda detection: overlap(shape.xyxy, detection.xyxy), default=None)
        place = " ".join(f"{value:4.0f}" for value in shape.xyxy)
        iou = overlap(shape.xyxy, best.xyxy) if best else 0.0
        seen = f"{best.label:<10}{100 * best.confidence:<12.0f}{iou:.2f}" if best and iou else "nothing"
        lines.append(f"{shape.name:<10}{place:<30}{seen}")
    return "\n".join(lines)


def matches(shapes: list[Shape], found: Detections) -> int:
    """How many shapes have a detection of their class with an overlap of at least a half."""
    return sum(any(d.label == shape.name and overlap(shape.xyxy, d.xyxy) >= 0.5 for d in found) for shape in shapes)
