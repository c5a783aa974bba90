"""Where frames come from: video files, cameras and streams, through OpenCV."""

from __future__ import annotations

import errno
import math
import os
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import cv2

from ..errors import DataError
from ..image import Pixels

_USUAL_RATE = 25.0
"""Frames a second where the source does not say; so do the reference's programs."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A frame as it was read.

    Attributes
    ----------
    image
        H×W×3 uint8, BGR.
    index
        Its number in the source, from 0.
    seconds
        When it is shown, from the start of a file; when it was read, from the first frame of what is live.
    """

    image: Pixels
    index: int
    seconds: float


class Video:
    """An open video file, camera or stream.

    Attributes
    ----------
    name
        What messages call it.
    live
        Frames come whether somebody waits for them or not: a camera, or a stream.
    fps
        Frames a second; 25 where the source does not say.
    size
        (width, height) as announced; (0, 0) where that is unknown.
    frame_count
        As announced, which may be wrong; 0 where that is unknown.

    Parameters
    ----------
    source
        A path, a URL (``rtsp://…``), a pattern of numbered pictures (``frames/%05d.jpg``), or the number of a camera.
    repeat
        Give the first frame again and again, without end.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file or camera.
    DataError
        If OpenCV cannot read it.
    """

    def __init__(self, source: str | os.PathLike[str] | int, *, repeat: bool = False) -> None:
        place = source if isinstance(source, int) else os.fspath(source)
        self.live = isinstance(place, int) or ("://" in place and not place.startswith("file:"))
        self.name = f"camera {place}" if isinstance(place, int) else place
        self.repeat = repeat
        self._capture = _open(place, self.name)
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = rate if math.isfinite(rate) and 0 < rate <= 1000 else _USUAL_RATE
        width, height, frames = (
            max(0, round(self._capture.get(what)))
            for what in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_COUNT)
        )
        self.size = width, height
        self.frame_count = 0 if self.live else frames

    def pictures(self, skip: int = 0) -> Generator[Picture]:
        """Yield the frames, then close the source.

        Parameters
        ----------
        skip
            After each frame pass over as many.

        Raises
        ------
        DataError
            If not a single frame can be read.
        """
        try:
            frames = self._frames(skip)
            first = next(frames, None)
            if first is None:
                raise DataError("not a single frame of the video can be read: it is empty or damaged", file=self.name)
            yield first
            yield from (Picture(first.image, index, index / self.fps) for index in count(1)) if self.repeat else frames
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the file or camera; not while another thread reads."""
        self._capture.release()

    def _frames(self, skip: int) -> Iterator[Picture]:
        start: float | None = None
        for index in count(0, skip + 1):
            good, image = self._capture.read()
            if not good:
                return
            now = time.monotonic()
            start = now if start is None else start
            yield Picture(image, index, now - start if self.live else self._position(index))  # type: ignore[arg-type]
            if not all(self._capture.grab() for _ in range(skip)):
                return

    def _position(self, index: int) -> float:
        """Return the time that the file gives the frame just read, or what its number says."""
        milliseconds = self._capture.get(cv2.CAP_PROP_POS_MSEC)
        known = math.isfinite(milliseconds) and (milliseconds > 0 or index == 0)
        return milliseconds / 1000 if known else index / self.fps


def _open(place: str | int, name: str) -> cv2.VideoCapture:
    if isinstance(place, str) and "://" not in place and "%" not in place:
        with Path(place).open("rb"):  # says what is wrong better than OpenCV
            pass
    with quiet():
        capture = cv2.VideoCapture(place)
    if capture.isOpened():
        return capture
    if isinstance(place, int):
        raise OSError(errno.ENODEV, "OpenCV finds no such camera, or another program has it: try another number", name)
    if "://" in place:
        raise DataError("the stream cannot be opened: check the address, and that it is being sent", file=name)
    raise DataError("not a video that OpenCV can read: it is damaged, or needs converting to H.264 in .mp4", file=name)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep OpenCV from printing what an exception says better."""
    log: Any = getattr(cv2.utils, "logging", cv2)  # where OpenCV 5 has it; 4 has it in cv2 itself
    level = log.getLogLevel()
    log.setLogLevel(0)
    try:
        yield
    finally:
        log.setLogLevel(level)
