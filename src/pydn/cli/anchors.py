"""``pydn detector calc_anchors``."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from ..anchors import Anchors, classes_of, fit_anchors, nearest, read_boxes, usable_sizes
from ..datafile import DataFile
from ..draw import class_color
from ..evaluation.listing import Listing, Problem
from ..evaluation.truth import Boxes
from ..files import write_whole
from ..image import Pixels
from ..progress import Progress
from .common import dialect_of, note, show_window
from .options import Command, Flag, Options, UsageError

CALC_ANCHORS = Command(
    "detector calc_anchors",
    "DATA",
    "Finds the anchors that fit the boxes of DATA's train= best. They are in pixels of a network of -width and "
    "-height, which must be given; for a [region] head these are its cells, such as 13 and 13. Writes anchors.txt and, "
    "for the key of that name, counters_per_class.txt.",
    (
        Flag("num_of_clusters", "number of anchors (default 5)", int, "N"),
        Flag("width", "of the network", int, "N"),
        Flag("height", "of the network", int, "N"),
        Flag("show", "save a picture of the boxes as cloud.png and open a window with it"),
        Flag("seed", "other random starts for every number", int, "N"),
    ),
    {"dont_show": bool, "letter_box": bool, "thresh": float, "iou_thresh": float, "points": int},
)
_LISTED = 10
"""Problems that are printed."""
_SIDE = 700
"""Pixels of the picture; darknet's."""


def calc_anchors(options: Options) -> int:
    """Run ``detector calc_anchors``."""
    clusters, seed = options.integer("num_of_clusters"), options.integer("seed") or 0
    count = 5 if clusters is None else clusters
    width, height = options.integer("width"), options.integer("height")
    if width is None or height is None:
        raise UsageError("-width and -height of the network are missing", CALC_ANCHORS)
    if count < 1 or width < 1 or height < 1 or seed < 0:
        raise UsageError("-num_of_clusters, -width and -height must be 1 or more, -seed 0 or more", CALC_ANCHORS)
    print(f"\n num_of_clusters = {count}, width = {width}, height = {height} ")
    listing = Listing(DataFile.read(options.words[0]), "train")
    print(f" read labels from {len(listing)} images ", flush=True)
    with Progress(len(listing), "labels") as bar:
        boxes, problems = read_boxes(listing, dialect_of(options), bar.advance)
    print(f"\r loaded \t image: {len(listing)} \t box: {len(boxes)}\n all loaded. ")
    _report(problems)
    print("\n calculating k-means++ ...", flush=True)
    found = fit_anchors(boxes, count, width, height, classes=classes_of(listing), seed=seed, problems=problems)
    _write(found)
    if options.on("show"):
        picture = cloud(boxes, found)
        write_whole("cloud.png", cv2.imencode(".png", picture)[1].tobytes())
        show_window("clusters", picture)
    return 0


def _report(problems: list[Problem]) -> None:
    for problem in problems[:_LISTED]:
        note(f"pydn: warning: {problem}")
    if len(problems) > _LISTED:
        note(f"pydn: warning: and {len(problems) - _LISTED} more like these")


def _write(found: Anchors) -> None:
    counters = f"counters_per_class = {', '.join(map(str, found.counters_per_class))}"
    write_whole("counters_per_class.txt", counters.encode("ascii"))
    print(f"\n\n{counters}\n\n avg IoU = {100 * found.average_iou:2.2f} % ")
    write_whole("anchors.txt", str(found).encode("ascii"))
    print(f"\nSaving anchors to the file: anchors.txt \nanchors = {found}")


def cloud(boxes: Boxes, found: Anchors) -> Pixels:
    """Draw a dot for every box, with its size as the place, in the colour of its anchor, and the anchors in white."""
    picture = np.zeros((_SIDE, _SIDE, 3), np.uint8)
    scale = (_SIDE / found.width, _SIDE / found.height)
    sizes = usable_sizes(boxes)
    index, _ = nearest(sizes * (found.width, found.height), found.anchors.astype(np.float64))
    for number, place in zip(index.tolist(), (sizes * _SIDE).astype(int).tolist(), strict=True):
        cv2.circle(picture, place, 1, class_color(number), cv2.FILLED)
    for corner in (found.anchors * scale).astype(int).tolist():
        cv2.rectangle(picture, (0, 0), corner, (255, 255, 255))
    return picture


VERBS: tuple[tuple[Command, Callable[[Options], int]], ...] = ((CALC_ANCHORS, calc_anchors),)
