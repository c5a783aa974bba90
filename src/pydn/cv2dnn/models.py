"""`DetectionModel` and `ClassificationModel`: OpenCV's classes that take a picture and give boxes or a class."""

# Names are OpenCV's.
# ruff: noqa: N802, N803

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import cv2.dnn as _dnn
import numpy as np
from numpy.typing import NDArray

from ..errors import UnsupportedError
from .net import Net
from .parts import scalar
from .reading import readNet

_Floats = NDArray[np.float32]
_Integers = NDArray[np.int32]


class Model:
    """A network and how pictures become its input.

    Parameters
    ----------
    model
        A `Net`, or the path of the weights or the cfg.
    config
        The path of the other file.
    """

    def __init__(self, model: Any, config: Any = "") -> None:
        net = model if isinstance(model, Net) else readNet(model, config)
        if not isinstance(net, Net):
            raise UnsupportedError(f"{model!r} is no darknet network: use the class of cv2.dnn for it")
        self._net = net
        self._names: tuple[str, ...] = net.getUnconnectedOutLayersNames()
        self._size = (net._loaded.width, net._loaded.height)
        self._mean: Any = 0
        self._scale: Any = 1.0
        self._swap = False
        self._crop = False

    def setInputParams(
        self,
        scale: float = 1.0,
        size: Sequence[int] = (0, 0),
        mean: Any = (0, 0, 0),
        swapRB: bool = False,
        crop: bool = False,
    ) -> None:
        """Set everything at once: pictures are resized to `size` (width, height), then ``(value - mean) · scale``."""
        self.setInputSize(size).setInputMean(mean).setInputScale(scale).setInputSwapRB(swapRB).setInputCrop(crop)

    def setInputSize(self, size: Sequence[int] | int, height: int | None = None) -> Self:
        """Set the size of the input: (width, height), or two numbers."""
        width, height = (int(size), height) if isinstance(size, (int, np.integer)) else (int(size[0]), int(size[1]))
        if height is None:
            raise TypeError("setInputSize takes (width, height), or width and height")
        self._size = (width, int(height))
        return self

    def setInputMean(self, mean: Any) -> Self:
        """Set what is subtracted from the channels; a number is for the first one only."""
        self._mean = mean
        return self

    def setInputScale(self, scale: Any) -> Self:
        """Set the factor, one number or one a channel."""
        self._scale = scale
        return self

    def setInputSwapRB(self, swapRB: bool) -> Self:
        """Set whether the first and the last channel change places."""
        self._swap = swapRB
        return self

    def setInputCrop(self, crop: bool) -> Self:
        """Set whether pictures keep their aspect and lose what sticks out."""
        self._crop = crop
        return self

    def setOutputNames(self, outNames: Sequence[str]) -> Self:
        """Set whose outputs `predict` returns."""
        self._names = tuple(outNames)
        return self

    def setPreferableBackend(self, backendId: int) -> Self:
        """Accept any backend."""
        return self

    def setPreferableTarget(self, targetId: int) -> Self:
        """Accept any target."""
        return self

    def enableWinograd(self, useWinograd: bool) -> Self:
        """Accept; values do not depend on it."""
        return self

    def predict(self, frame: Any) -> tuple[_Floats, ...]:
        """Run the network on a picture and return its outputs."""
        if 0 in self._size:
            raise ValueError("the size of the input is not known: call setInputSize(width, height)")
        blob = _dnn.blobFromImage(frame, 1.0, self._size, self._mean, self._swap, self._crop)
        scale = np.atleast_1d(np.asarray(self._scale, dtype=np.float32)).ravel()
        factors = scalar(scale, blob.shape[1]) if np.any(scale[1:]) else np.repeat(scale[:1], blob.shape[1])
        self._net.setInput(blob * factors.reshape(1, -1, 1, 1))
        return self._net.forward(self._names)


class ClassificationModel(Model):
    """A classifier."""

    def __init__(self, model: Any, config: Any = "") -> None:
        super().__init__(model, config)
        self._softmax = False

    def setEnableSoftmaxPostProcessing(self, enable: bool) -> Self:
        """Set whether `classify` applies softmax to what the network gives."""
        self._softmax = enable
        return self

    def getEnableSoftmaxPostProcessing(self) -> bool:
        """Whether `classify` applies softmax."""
        return self._softmax

    def classify(self, frame: Any) -> tuple[int, float]:
        """Return the best class and its score."""
        outputs = self.predict(frame)
        if len(outputs) != 1:
            raise UnsupportedError(f"a classifier has one output, the network has {len(outputs)}: {self._names}")
        scores = outputs[0].ravel()
        if self._softmax:
            scores = np.exp(scores - scores.max())
            scores /= scores.sum()
        best = int(scores.argmax())
        return best, float(scores[best])


class DetectionModel(Model):
    """A detector. The suppression inside its ``[region]`` layers is switched off, as OpenCV does."""

    def __init__(self, model: Any, config: Any = "") -> None:
        super().__init__(model, config)
        self._across = False
        self._net._without_suppression()

    def setNmsAcrossClasses(self, value: bool) -> Self:
        """Set whether boxes of different classes suppress each other."""
        self._across = value
        return self

    def getNmsAcrossClasses(self) -> bool:
        """Whether boxes of different classes suppress each other."""
        return self._across

    def detect(
        self, frame: Any, confThreshold: float = 0.5, nmsThreshold: float = 0.0
    ) -> tuple[_Integers | tuple[()], _Floats | tuple[()], _Integers | tuple[()]]:
        """Find objects.

        Parameters
        ----------
        frame
            The picture.
        confThreshold
            Lowest score.
        nmsThreshold
            Of two boxes whose overlap is larger, the better one stays; 0: all stay.

        Returns
        -------
        classes, scores, boxes
            (n,) int32, (n,) float32, (n, 4) int32: left, top, width, height in pixels, clipped to the picture. Three
            empty tuples where nothing is found, as in OpenCV.
        """
        rows = np.concatenate(self.predict(frame))
        classes = rows[:, 5:].argmax(axis=1)
        scores = rows[np.arange(len(rows)), 5 + classes]
        sure = scores >= np.float32(confThreshold)
        classes, scores = classes[sure].astype(np.int32), scores[sure]
        boxes = _pixels(rows[sure, :4], frame.shape[1], frame.shape[0])
        kept = self._kept(classes, scores, boxes, confThreshold, nmsThreshold) if nmsThreshold else range(len(scores))
        if len(kept) == 0:
            return (), (), ()
        order = np.array(kept, dtype=np.intp)
        return classes[order], scores[order], boxes[order]

    def _kept(
        self, classes: _Integers, scores: _Floats, boxes: _Integers, thresh: float, overlap: float
    ) -> Sequence[int]:
        """Return indices of what suppression leaves, class by class, best first."""
        groups = (
            [np.arange(len(classes))] if self._across else [np.flatnonzero(classes == c) for c in np.unique(classes)]
        )
        kept: list[int] = []
        for group in groups:
            if len(group):
                best = _dnn.NMSBoxes(boxes[group].tolist(), scores[group].tolist(), thresh, overlap)
                kept += group[np.asarray(best, dtype=np.intp).ravel()].tolist()
        return kept


def _pixels(boxes: _Floats, width: int, height: int) -> _Integers:
    """Left, top, width, height from relative centre and size; every step rounds towards zero, as OpenCV's does."""
    unit = np.array([width, height], dtype=np.float32)
    with np.errstate(invalid="ignore"):  # untrained networks give boxes of any size
        centre, size = (boxes[:, :2] * unit).astype(np.int32), (boxes[:, 2:] * unit).astype(np.int32)
    limit = np.array([width, height], dtype=np.int32)
    corner = np.clip(centre - size // 2, 0, limit - 1)
    return np.hstack([corner, np.maximum(1, np.minimum(size, limit - corner))])
