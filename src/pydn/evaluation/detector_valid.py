"""All pictures of a data set through a detector, and what it finds into files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from ..batches import Ready
from ..preprocess import Dialect, check_channels, detector_input
from .detecting import check_detector, in_order
from .flipping import flipped_average
from .growing import GrowingFiles
from .listing import DataSource, Problem
from .mapped import mapped_search, read_map
from .streaming import stream
from .truth import TruthSet
from .writers import Found, Kind, Writer

if TYPE_CHECKING:
    from ..network import Network

Rows = tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]
"""Class, score and box of everything found in a picture."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes
    ----------
    paths
        The files.
    count
        Pictures that were searched.
    total
        Pictures of the data set.
    found
        Boxes with a class that were written.
    unnumbered
        Pictures without a number in their name, all of which are 0 in COCO's form.
    problems
        What is wrong with the data; a picture that cannot be read is left out.
    complete
        Whether all pictures were gone through; False after ``Ctrl-C``.
    """

    paths: list[Path]
    count: int
    total: int
    found: int
    unnumbered: int
    problems: list[Problem]
    complete: bool


def write_detections(
    net: Network,
    data: DataSource,
    kind: Kind = "voc",
    folder: str | os.PathLike[str] = "results",
    *,
    name: str | None = None,
    thresh: float | None = None,
    nms: float | None = None,
    letterbox: bool | None = None,
    flip: bool = False,
    class_map: str | os.PathLike[str] | None = None,
    strict: bool = False,
) -> Written:
    """Write what a detector finds in a data set, in the form of ``detector valid``.

    The files appear when all pictures are done, or after ``Ctrl-C`` with those that are.

    Parameters
    ----------
    net
        A detector.
    data
        A .data file or `DataFile` with ``valid=``, a list file, a folder, a pattern or paths.
    kind
        ``"voc"``: a text file a class. ``"coco"``, ``"bdd"``: a JSON file. ``"imagenet"``: a text file. ``"kitti"``: a
        text file a picture. ``"darkflow"``: a JSON file a picture, with the best class of each box.
    folder
        Where; it is made if it is not there.
    name
        What the files are called, without the suffix; None: see `writers.NAMES`.
    thresh, nms
        Lowest score and largest overlap; None: 0.001 and 0.6, in dialect pjreddie 0.005 and 0.45.
    letterbox
        Keep the pictures' aspect; None: what the cfg says, else only in dialect pjreddie.
    flip
        Take the mean over each picture and its mirror image, as ``detector valid2``.
    class_map
        For a [region] with a tree of classes: a file with a node of the tree a line, that of class 0, 1, …, as
        ``map=`` of a .data file. The first names are those of these classes.
    strict
        Raise if a picture cannot be read.

    Returns
    -------
    Written

    Raises
    ------
    FileNotFoundError, DataError
        If a file of the data set is missing or wrong.
    UnsupportedError
        If the network is a classifier.
    OSError
        If the files cannot be written.
    """
    check_detector(net, "detector valid")
    check_channels(net.channels)
    floor, overlap = (0.005, 0.45) if net.dialect == "pjreddie" else (0.001, 0.6)
    floor, overlap = floor if thresh is None else thresh, overlap if nms is None else nms
    boxed = net._letterboxes if letterbox is None else letterbox
    pictures = TruthSet(data, dialect=cast("Dialect", net.dialect), strict=strict)
    nodes = None if class_map is None else read_map(class_map, net.class_count)
    search: Callable[[list[Ready]], Iterable[Rows]] = partial(
        flipped_average if flip else _plain, net, thresh=floor, nms=overlap, letterbox=boxed
    )
    if nodes is not None:
        if flip:
            raise ValueError("flip and class_map exclude each other: leave one out")
        search = partial(mapped_search, net, nodes=nodes, thresh=floor, nms=overlap, letterbox=boxed)
    fit = partial(detector_input, width=net.width, height=net.height, channels=net.channels, letterbox=boxed)
    count, found, complete = 0, 0, True
    with GrowingFiles(folder) as files:
        writer = Writer(files, kind, net.names[: net.class_count if nodes is None else len(nodes)], name)
        try:
            for group in stream(
                pictures.paths, net.batch * net.steps, fit, pictures.report, total=len(pictures), label="searched"
            ):
                rows = search([image for _, image in group])
                for (index, image), (class_id, score, boxes) in zip(group, rows, strict=True):
                    path = pictures.listing.names[index]
                    writer.add(Found(index, path, image.size, boxes, class_id, score))
                    count, found = count + 1, found + len(score)
        except KeyboardInterrupt:
            complete = False
        writer.end()
    return Written(files.paths, count, len(pictures), found, writer.unnumbered, pictures.problems, complete)


def _plain(net: Network, images: list[Ready], *, thresh: float, nms: float, letterbox: bool) -> Iterable[Rows]:
    x, sizes = np.stack([image.x for image in images]), [image.size for image in images]
    decoded = net.forward_decode(x, sizes, thresh=thresh, letterbox=letterbox, nms=nms, unsuppressed=True)
    return [in_order(*boxes) for boxes in decoded]
