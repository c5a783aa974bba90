"""The network's part of an evaluation: all pictures through it, and what it finds, as columns of numbers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import UnsupportedError
from ..preprocess import check_channels, detector_input
from .evidence import Collector, Evidence, Floats
from .streaming import stream
from .truth import TruthSet

if TYPE_CHECKING:
    from ..network import Network


def check_detector(net: Network, verb: str) -> None:
    """Refuse networks that find no boxes, with the reason."""
    if net.classes:
        return
    kind = net.layers[net.head_layers[-1]].kind if len(net.head_layers) else net.layers[-1].kind
    raise UnsupportedError(
        f"the network ends in [{kind}], it is a classifier and finds no boxes, which {verb} counts: use valid()"
    )


def collect(
    net: Network,
    truth: TruthSet,
    *,
    floor: float,
    nms: float,
    letterbox: bool | None = None,
) -> tuple[Evidence, bool]:
    """Find the objects of all pictures.

    A picture that cannot be read is left out; it is among the problems of `truth`.

    Parameters
    ----------
    net
        A detector.
    truth
        The pictures.
    floor, nms
        Detections have a score above `floor`; of two boxes of a class that overlap more than `nms`, the better stays.
    letterbox
        Keep the pictures' aspect; None: what the cfg says, else only in dialect pjreddie.

    Returns
    -------
    Evidence
        Of all pictures, or of those before Ctrl-C was pressed.
    bool
        Whether these are all.
    """
    boxed = net._letterboxes if letterbox is None else letterbox
    check_channels(net.channels)
    fit = partial(detector_input, width=net.width, height=net.height, channels=net.channels, letterbox=boxed)
    size, total = net.batch * net.steps, len(truth)
    collector, complete = Collector(), True
    try:
        for group in stream(truth.paths, size, fit, truth.report, total=total, label="pictures"):
            decoded = net.forward_decode(
                np.stack([image.x for _, image in group]),
                [image.size for _, image in group],
                thresh=floor,
                letterbox=boxed,
                relative=True,
                nms=nms,
                unsuppressed=True,
            )
            for (index, image), boxes in zip(group, decoded, strict=True):
                labels = truth[index]
                collector.add(image.size, in_order(*boxes), labels.boxes, labels.difficult, labels.path)
    except KeyboardInterrupt:
        complete = False
    names = net.names[: net.class_count]
    return collector.evidence(names, nms, floor, letterbox=boxed), complete


def in_order(
    boxes: Floats, objectness: Floats, scores: Floats, uncertainty: Floats | None, before: Floats
) -> tuple[NDArray[np.int32], Floats, Floats]:
    """Return class, score and box of every score that is not 0, boxes in the order in which the reference leaves them.

    Its suppression sorts the boxes by their scores (`before` any is set to 0) for one class after the other: the last
    class decides, of equals the one before it.
    """
    del objectness, uncertainty
    alive = np.flatnonzero(scores.any(axis=1))
    keys = before[alive]
    keys = keys[:, keys.any(axis=0)]
    order = alive[np.lexsort(-keys.T)] if keys.size else alive
    row, class_id = np.nonzero(scores[order])
    return class_id.astype(np.int32), scores[order[row], class_id], boxes[order[row]]
