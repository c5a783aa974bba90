"""Rows of boxes as OpenCV's region layer makes them from the output of ``[yolo]`` and ``[region]``.

A row is x, y, w, h relative to the input, objectness, and for each class its score: objectness · class probability, 0
where that is not above the layer's threshold. Rows run over the cells from left to right, then down, anchors innermost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import cv2.dnn as _dnn
import numpy as np
from numpy.typing import NDArray

from .._core.layer import Layer as DarknetLayer
from ..errors import UnsupportedError

_Floats = NDArray[np.float32]


@dataclass(slots=True)
class Head:
    """What OpenCV knows of a head.

    Attributes
    ----------
    anchors
        (anchors, 2), in pixels of the input for ``[yolo]``, in cells for ``[region]``.
    pixels
        Whether anchors are in pixels.
    new_coords
        Whether sizes are (2w)² rather than e^w.
    only_sure
        Whether an objectness below a half counts as 0 (``classfix=-1``).
    thresh
        Scores that are not above it become 0.
    nms
        Of two boxes of a class whose overlap is larger, the worse one's score becomes 0; 0: all stay.
    """

    anchors: _Floats
    classes: int
    pixels: bool
    new_coords: bool
    only_sure: bool
    thresh: float
    nms: float

    @classmethod
    def of(cls, layer: DarknetLayer, options: Mapping[str, str]) -> Head:
        """Read a ``[yolo]`` or ``[region]`` layer and its keys; defaults are those of OpenCV's importer."""
        facts = layer.facts
        anchors: _Floats = np.array(facts["anchors"], dtype=np.float32).reshape(-1, 2)
        pixels = layer.kind == "yolo"
        if pixels:
            anchors = anchors[np.atleast_1d(facts["mask"])]
        elif not facts["softmax"] or "tree" in options:
            what = "trees of classes" if "tree" in options else "softmax=0"
            raise UnsupportedError(
                f"OpenCV's importer has no [region] with {what}: load the network with pydn.load", layer=layer.index
            )
        else:
            anchors = anchors[: facts["num"]]
        return cls(
            anchors,
            int(facts["classes"]),
            pixels,
            new_coords=bool(facts.get("new_coords")),
            only_sure=not pixels and _number(options, "classfix", 0) == -1,
            thresh=_number(options, "thresh", 0.2 if pixels else 0.001),
            nms=_number(options, "nms_threshold", 0) if pixels else 0.4,
        )

    def rows(self, output: _Floats, width: int, height: int) -> _Floats:
        """Make the rows.

        Parameters
        ----------
        output
            (n, anchors · (5 + classes), rows, columns) of the layer.
        width, height
            Of the network's input.

        Returns
        -------
        numpy.ndarray
            (rows, 5 + classes), for several images (n, rows, 5 + classes).
        """
        images, _, lines, columns = output.shape
        count = len(self.anchors)
        entries = 5 + self.classes
        if self.pixels:
            cells = output.reshape(images, count, entries, lines, columns).transpose(0, 3, 4, 1, 2)
        else:  # [region] lies cell by cell, whatever the shape says, and leaves x and y as they are
            cells = output.reshape(images, lines, columns, count, entries)
        rows = np.array(cells, order="C")
        self._place(rows, width, height)
        self._score(rows)
        rows = rows.reshape(images, -1, entries)
        if self.nms > 0:
            for image in rows:
                self._suppress(image)
        return rows[0] if images == 1 else rows

    def _place(self, rows: _Floats, width: int, height: int) -> None:
        lines, columns = rows.shape[1:3]
        with np.errstate(over="ignore"):  # infinite, as in OpenCV
            if not self.pixels:
                rows[..., :2] = 1 / (1 + np.exp(-rows[..., :2]))
            size = rows[..., 2:4]
            size[...] = size * size * 4 if self.new_coords else np.exp(size)
            size *= self.anchors
        size /= np.array((width, height) if self.pixels else (columns, lines), dtype=np.float32)
        rows[..., 0] = (rows[..., 0] + np.arange(columns, dtype=np.float32)[:, None]) / np.float32(columns)
        rows[..., 1] = (rows[..., 1] + np.arange(lines, dtype=np.float32)[:, None, None]) / np.float32(lines)

    def _score(self, rows: _Floats) -> None:
        objectness = rows[..., 4:5]
        if self.only_sure:
            objectness = np.where(objectness < 0.5, np.float32(0), objectness)
        scores = rows[..., 5:]
        scores *= objectness
        scores[~(scores > np.float32(self.thresh))] = 0

    def _suppress(self, rows: _Floats) -> None:
        boxes = rows[:, :4].astype(np.float64)
        boxes[:, :2] -= boxes[:, 2:] / 2
        for scores in rows[:, 5:].T:
            candidates = np.flatnonzero(scores)
            if len(candidates) < 2:
                continue
            kept = _dnn.NMSBoxes(boxes[candidates].tolist(), scores[candidates].tolist(), self.thresh, self.nms)
            losers = np.ones(len(candidates), dtype=bool)
            losers[np.asarray(kept, dtype=np.intp).ravel()] = False
            scores[candidates[losers]] = 0


def _number(options: Mapping[str, str], key: str, default: float) -> float:
    match = re.match(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", options.get(key, ""))
    return float(match.group()) if match else default
