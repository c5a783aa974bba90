"""What the demos print for a frame, as each dialect's program does."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import groupby

from ..classification import Classification
from ..detections import Detections
from .detector import line

_CLEAR = "\033[2J\033[1;1H"


@dataclass
class Rates:
    """Frames a second.

    Attributes
    ----------
    fps
        A running mean that forgets a tenth with every frame.
    recent
        Of the last three seconds that are over; 0 in the first three.
    frames
        All of them.
    """

    fps: float = 0.0
    recent: float = 0.0
    frames: int = 0
    _start: float = field(default_factory=time.perf_counter)
    _before: float = field(default_factory=time.perf_counter)
    _window_start: float = field(default_factory=time.perf_counter)
    _window_frames: int = 0

    def tick(self) -> None:
        """Count a frame."""
        now = time.perf_counter()
        self.fps = 0.9 * self.fps + 0.1 / max(now - self._before, 1e-9)
        self._before = now
        self.frames += 1
        self._window_frames += 1
        if now - self._window_start >= 3:
            self.recent = self._window_frames / (now - self._window_start)
            self._window_start, self._window_frames = now, 0

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.perf_counter() - self._start

    @property
    def average(self) -> float:
        """Frames a second since the start."""
        return self.frames / max(self.seconds, 1e-9)


def object_lines(found: Detections, extended: bool, pjreddie: bool) -> str:
    """Return the objects of a frame as the dialect's demo prints them.

    AlexeyAB has a line per box with all its classes, each with a space after it; pjreddie one per class.
    """
    if pjreddie:
        return "".join(f"{line(detection, extended=False)}\n" for detection in found)
    lines = []
    for _, same_box in groupby(found, key=lambda detection: detection.xyxy):
        rows = list(same_box)
        classes = ", ".join(f"{line(row, extended=False)} " for row in rows)
        box = line(rows[0], extended=True).partition("\t")[2]
        lines.append(f"{classes}\t{box}\n" if extended else f"{classes}\n")
    return "".join(lines)


def frame_text(objects: str, rates: Rates, *, pjreddie: bool) -> str:
    """Return what the dialect's demo prints for a frame."""
    if pjreddie:
        return f"{_CLEAR}\nFPS:{rates.fps:.1f}\nObjects:\n\n{objects}"
    return f"Objects:\n\n{objects}\nFPS:{rates.fps:.1f} \t AVG_FPS:{rates.recent:.1f}\n"


def class_lines(found: Classification, rates: Rates, *, pjreddie: bool, benchmark: bool) -> str:
    """Return what the dialect's classifier demo prints for a frame."""
    classes = "".join(f"{100 * probability:.1f}%: {label}\n" for label, probability in found)
    if pjreddie:
        return f"{_CLEAR}\nFPS:{rates.fps:.0f}\n{classes}"
    if benchmark:
        return f"{_CLEAR}\rFPS: {rates.fps:.2f} \t AVG_FPS = {rates.recent:.2f} "
    return f"{_CLEAR}\rFPS: {rates.fps:.2f}  (use -benchmark command line flag for correct measurement)\n{classes}\n"
