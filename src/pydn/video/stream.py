"""A network over the frames of a video, decoded and resized ahead in a thread."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..batches import Fit, Ready, make_ready
from ..classification import Classification
from ..detections import Detections
from ..image import Pixels
from ..preprocess import detector_input
from .ahead import Ahead
from .source import Picture, Video

if TYPE_CHECKING:
    from ..network import Network

Source: TypeAlias = str | os.PathLike[str] | int | Video

_Frame = TypeVar("_Frame", bound=Picture)
_ROOM = 4
"""Frames that wait for the network: enough to even out frames that are slow to decode."""


@dataclass(frozen=True, slots=True, eq=False)
class VideoFrame(Picture):
    """A frame and the objects in it.

    Attributes
    ----------
    detections
        In pixels of `image`.
    """

    detections: Detections

    def draw(self) -> Pixels:
        """Draw boxes and labels on a copy of the image."""
        return self.detections.draw(self.image)


@dataclass(frozen=True, slots=True, eq=False)
class ClassifiedFrame(Picture):
    """A frame and its classes.

    Attributes
    ----------
    classification
        The best ones.
    """

    classification: Classification


class HeadAverage:
    """Mean of the heads' outputs over the last frames: objects flicker less, and fast ones fade.

    Parameters
    ----------
    frames
        How many. At the start of a video there are fewer, and the mean is over those.
    """

    def __init__(self, frames: int) -> None:
        self._last: deque[list[NDArray[np.float32]]] = deque(maxlen=frames)

    def __call__(self, heads: Sequence[NDArray[np.float32]]) -> None:
        """Take the outputs of a frame and put the means in their place."""
        self._last.append([head.copy() for head in heads])
        for number, head in enumerate(heads):
            np.mean([outputs[number] for outputs in self._last], axis=0, out=head)


def detect_video(
    net: Network,
    source: Source,
    thresh: float | None = None,
    nms: float | None = 0.45,
    letterbox: bool | None = None,
    hier: float = 0.5,
    *,
    average: int = 1,
    skip: int = 0,
) -> Generator[VideoFrame]:
    """Find the objects in every frame of a video: see `Network.detect_video`."""
    if average < 1:
        raise ValueError(f"average must be 1 or more frames, not {average}")
    smooth = HeadAverage(average) if average > 1 else None
    fit, run = net._detector(thresh, nms, letterbox, hier, smooth)
    return _each(
        _video(source, skip),
        skip,
        fit,
        lambda picture, x: VideoFrame(picture.image, picture.index, picture.seconds, run([x])[0]),
    )


def predict_video(
    net: Network, source: Source, top: int = 5, *, skip: int = 0, stretch: bool = False
) -> Generator[ClassifiedFrame]:
    """Classify every frame of a video: see `Network.predict_video`.

    `stretch`: resize frames whatever their aspect, as AlexeyAB's demo does, unlike its other verbs.
    """
    fit, run = net._classifier(top)
    if stretch:
        fit = partial(detector_input, width=net.width, height=net.height, channels=net.channels)
    return _each(
        _video(source, skip),
        skip,
        fit,
        lambda picture, x: ClassifiedFrame(picture.image, picture.index, picture.seconds, run([x])[0]),
    )


def _video(source: Source, skip: int) -> Video:
    if skip < 0:
        raise ValueError(f"skip must be 0 or more frames, not {skip}")
    return source if isinstance(source, Video) else Video(source)


def _each(video: Video, skip: int, fit: Fit, compute: Callable[[Picture, Ready], _Frame]) -> Generator[_Frame]:
    def ready() -> Generator[tuple[Picture, Ready]]:
        for picture in video.pictures(skip):
            yield picture, make_ready(picture.image, fit)

    frames = Ahead(ready(), 1 if video.live else _ROOM, newest=video.live)
    try:
        for picture, x in frames:
            yield compute(picture, x)
    finally:
        frames.close()
