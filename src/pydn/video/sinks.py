"""Where frames go to: a video file, pictures, a JSON file. Servers are in `servers`."""

from __future__ import annotations

import os
import queue
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from threading import Thread
from typing import Protocol

import cv2

from ..errors import UnsupportedError
from ..files import GrowingFile
from ..image import Pixels
from ..json_array import JsonArray
from .source import quiet
from .stream import VideoFrame

CODECS = {".mp4": "mp4v", ".m4v": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".avi": "MJPG"}
"""What the end of a video file's name stands for; every OpenCV package for pip has these."""
_BEHIND = 4
"""Frames that wait to be written."""


@dataclass(eq=False)
class Shown:
    """A frame as sinks get it.

    Attributes
    ----------
    frame
        Image and objects.
    boxes
        Whether the picture has boxes.
    """

    frame: VideoFrame
    boxes: bool = True

    @cached_property
    def picture(self) -> Pixels:
        """What people see; made once, when it is first asked for, and not to be changed."""
        return self.frame.draw() if self.boxes else self.frame.image


class Sink(Protocol):
    """What takes frames."""

    def write(self, shown: Shown) -> None:
        """Take a frame."""

    def close(self) -> None:
        """Finish what was begun; no frame comes any more."""


class VideoFile:
    """A sink that writes a video, of the size of its first frame.

    The file has its name only once it is complete; it is complete wherever `close` is called.

    Parameters
    ----------
    path
        Ends in .mp4, .m4v, .mov, .mkv (MPEG-4) or .avi (Motion JPEG).
    fps
        Frames a second.

    Raises
    ------
    UnsupportedError
        If the name ends otherwise, or this OpenCV has no such encoder.
    OSError
        If the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], fps: float) -> None:
        self._name, self._fps = os.fspath(path), fps
        suffix = Path(path).suffix.lower()
        if suffix not in CODECS:
            raise UnsupportedError(f"{self._name}: the name of a video must end in {' '.join(CODECS)}")
        self._codec = CODECS[suffix]
        self._file = GrowingFile(path)
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)

    def write(self, shown: Shown) -> None:
        """Add a frame; one of another size is resized."""
        picture = shown.picture
        if self._writer is None:
            self._size = picture.shape[1], picture.shape[0]
            self._writer = self._open()
        if (picture.shape[1], picture.shape[0]) != self._size:
            picture = cv2.resize(picture, self._size)  # type: ignore[assignment]
        self._writer.write(picture)

    def close(self) -> None:
        """Finish the file; without a frame there is none."""
        if self._writer is None:
            self._file.discard()
            return
        self._writer.release()
        self._writer = None
        self._file.finish()

    def _open(self) -> cv2.VideoWriter:
        with quiet():
            writer = cv2.VideoWriter(
                os.fspath(self._file.part), cv2.VideoWriter.fourcc(*self._codec), self._fps, self._size
            )
        if not writer.isOpened():
            width, height = self._size
            raise UnsupportedError(
                f"{self._name}: this OpenCV cannot write {width}x{height} as {self._codec}: try a name in .avi"
            )
        return writer


class JpegFiles:
    """A sink that writes every frame as ``PREFIX_00000001.jpg`` and so on.

    Parameters
    ----------
    prefix
        What the names start with.
    first
        Number of the first.
    """

    def __init__(self, prefix: str, first: int = 1) -> None:
        self._prefix, self._number = prefix, first

    def write(self, shown: Shown) -> None:
        """Write one picture."""
        Path(f"{self._prefix}_{self._number:08d}.jpg").write_bytes(jpeg(shown.picture, 95))
        self._number += 1

    def close(self) -> None:
        """Do nothing."""


class JsonFile:
    """A sink that writes the objects of all frames as one JSON array.

    Frames are numbered from 1, as they are in the source. The file has its name only once it is complete.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._whole = GrowingFile(path)
        self._file = self._whole.part.open("w", encoding="utf-8")
        self._array = JsonArray(self._file)

    def write(self, shown: Shown) -> None:
        """Add the objects of a frame."""
        self._array.add(frame_json(shown.frame))

    def close(self) -> None:
        """Finish the file."""
        if not self._file.closed:
            with self._file:
                self._array.close()
            self._whole.finish()


class Outputs:
    """Sinks behind a thread, which draws and writes while the network computes the next frame.

    `write` waits while the thread is some frames behind. What a sink raises is raised by the next `write` or by
    `close`, once; all sinks are closed in any case.
    """

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = sinks
        self._error: BaseException | None = None
        self._failed = False
        self._frames: queue.Queue[Shown | None] = queue.Queue(_BEHIND)
        self._thread = Thread(target=self._run, name="pydn-outputs", daemon=True)
        self._thread.start()

    def write(self, shown: Shown) -> None:
        """Hand a frame on."""
        self._raise()
        self._frames.put(shown)

    def close(self) -> None:
        """Write what waits, and close the sinks."""
        self._frames.put(None)
        self._thread.join()
        self._raise()

    def _run(self) -> None:
        while (shown := self._frames.get()) is not None:
            for sink in self._sinks:
                if not self._failed:
                    self._try(partial(sink.write, shown))
        for sink in self._sinks:
            self._try(sink.close)

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # it is raised where the frames come from
            self._error = self._error or error
            self._failed = True

    def _raise(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error


def frame_json(frame: VideoFrame) -> str:
    """Return a frame's object of darknet's ``-json_file_output``."""
    return frame.detections.to_json(frame_id=frame.index + 1)


def jpeg(picture: Pixels, quality: int) -> bytes:
    """Encode a picture."""
    return cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, quality))[1].tobytes()
