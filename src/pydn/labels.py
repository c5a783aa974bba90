"""Where an image's label file is, by the rules of each program."""

from __future__ import annotations

import os
import re

_ALEXEYAB = [
    *((f"/images/{part}/", f"/labels/{part}/") for part in ("train2014", "val2014", "train2017", "val2017")),
    ("/JPEGImages/", "/labels/"),
]
_PJREDDIE = [("images", "labels"), ("JPEGImages", "labels"), ("raw", "labels")]
_IMAGE_SUFFIX = re.compile(r"\.(jpe?g|png|bmp|ppm|tiff?|webp)$", re.IGNORECASE)


def label_path(image: str | os.PathLike[str], dialect: str = "alexeyab") -> str:
    """Path of the label file that belongs to an image.

    AlexeyAB looks beside the image, except in the folders of COCO and VOC; pjreddie replaces ``images``, ``JPEGImages``
    and ``raw`` by ``labels`` anywhere in the path.

    Examples
    --------
    >>> label_path("data/obj/car.jpg")
    'data/obj/car.txt'
    >>> label_path("coco/images/val2017/1.jpg")
    'coco/labels/val2017/1.txt'
    """
    path = os.fspath(image).replace("\\", "/")
    for folder, replacement in _PJREDDIE if dialect == "pjreddie" else _ALEXEYAB:
        path = path.replace(folder, replacement, 1)
    return _IMAGE_SUFFIX.sub("", path) + ".txt"
