"""One object that a detector found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Detection:
    """One object.

    Attributes
    ----------
    label, class_id
        Name and number of the class.
    confidence
        Objectness times probability of the class, 0..1.
    objectness
        0..1; region layers report 1.
    xyxy
        Left, top, right, bottom in pixels of the image; may lie outside of it.
    """

    label: str
    confidence: float
    xyxy: tuple[float, float, float, float]
    class_id: int
    objectness: float

    @property
    def xywh(self) -> tuple[float, float, float, float]:
        """Left, top, width, height in pixels."""
        left, top, right, bottom = self.xyxy
        return left, top, right - left, bottom - top
