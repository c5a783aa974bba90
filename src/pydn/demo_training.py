"""A set of drawn pictures with labels, and a small detector that learns it from scratch in about a minute."""

from __future__ import annotations

import os
from pathlib import Path

import cv2

from .demo import HEIGHT, NAMES, WIDTH, picture

ITERATIONS = 700
"""After so many it finds nearly everything."""
_NET = """[net]
batch=16
width=160
height=128
channels=3
learning_rate=0.005
burn_in=30
momentum=0.9
decay=0.0005
max_batches={end}
policy=steps
steps={first},{second}
scales=0.1,0.1
hue=0.02
saturation=1.1
exposure=1.1
"""
_BLOCK = """
[convolutional]
batch_normalize=1
filters={filters}
size=3
stride={stride}
pad=1
activation=leaky
"""
_STEPS = ((16, 2), (32, 2), (64, 2), (64, 1), (128, 2), (128, 1))
"""Filters and strides: cells of 16 pixels."""
_HEAD = f"""
[convolutional]
filters={3 * (5 + len(NAMES))}
size=1
activation=linear

[yolo]
mask=0,1,2
anchors=18,18, 24,24, 32,32
classes={len(NAMES)}
num=3
jitter=0.1
ignore_thresh=0.7
scale_x_y=1.1
iou_loss=ciou
iou_normalizer=0.2
max_delta=5
"""


def cfg(iterations: int = ITERATIONS) -> bytes:
    """Return the cfg of the detector, made for so many iterations."""
    net = _NET.format(end=iterations, first=iterations * 7 // 10, second=iterations * 9 // 10)
    blocks = (_BLOCK.format(filters=filters, stride=stride) for filters, stride in _STEPS)
    return "".join((net, *blocks, _HEAD)).encode()


def draw_set(folder: str | os.PathLike[str], train: int = 200, valid: int = 50) -> Path:
    """Draw pictures of coloured shapes with their label files.

    Parameters
    ----------
    folder
        Where to.
    train, valid
        How many pictures.

    Returns
    -------
    Path
        The .data file.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    for key, count, first in (("train", train, 0), ("valid", valid, 1_000_000)):
        names = [_draw(place, f"{key}{number:04}", first + number) for number in range(count)]
        (place / f"{key}.txt").write_text("".join(f"{name}\n" for name in names))
    (place / "shapes.names").write_text("\n".join(NAMES))
    data = place / "shapes.data"
    data.write_text(
        f"classes={len(NAMES)}\ntrain=train.txt\nvalid=valid.txt\nnames=shapes.names\nbackup={place / 'backup'}\n"
    )
    return data


def _draw(place: Path, stem: str, seed: int) -> str:
    pixels, shapes = picture(seed)
    cv2.imwrite(str(place / f"{stem}.png"), cv2.resize(pixels, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA))
    lines = []
    for shape in shapes:
        left, top, right, bottom = shape.xyxy
        box = ((left + right) / 2 / WIDTH, (top + bottom) / 2 / HEIGHT, (right - left) / WIDTH, (bottom - top) / HEIGHT)
        lines.append(" ".join(map(str, (NAMES.index(shape.name), *box))))
    (place / f"{stem}.txt").write_text("\n".join(lines))
    return f"{stem}.png"
