"""Edges of boxes in pixels to the relative numbers of a label file, and back without loss.

Along one side of a picture of s pixels, with edges at a and b pixels from its beginning:

    centre = (a + b) / 2 / s        size = (b - a) / s

A label file has six decimals of both. Back, the edges get as few decimals as give the same six.
"""

from __future__ import annotations

import math

_MOST_DECIMALS = 12
_NEAR = 4.9e-7
"""Nearer to six decimals than to the next ones, whatever the last bits of a sum are."""


def edges_inside(first: float, second: float, side: int) -> tuple[float, float] | None:
    """Order two edges and cut them to the picture; None where nothing is left between them."""
    if not (math.isfinite(first) and math.isfinite(second)):
        return None
    low, high = (min(max(edge, 0.0), float(side)) for edge in sorted((first, second)))
    return (low, high) if high > low else None


def relative(low: float, high: float, side: int) -> tuple[str, str]:
    """Centre and size as a label file has them."""
    return f"{(low + high) / 2 / side:.6f}", f"{(high - low) / side:.6f}"


def edges(centre: float, size: float, side: int, shift: tuple[int, int] = (0, 0)) -> tuple[str, str]:
    """Edges in pixels, of as few decimals as give the same label again.

    Parameters
    ----------
    centre, size
        Of a label.
    side
        Pixels of the picture.
    shift
        What is added to the edges.
    """
    wanted = f"{centre:.6f}", f"{size:.6f}"
    low, high = (centre - size / 2) * side, (centre + size / 2) * side
    for decimals in range(_MOST_DECIMALS + 1):
        first, second = (min(max(round(edge, decimals), 0), side) for edge in (low, high))
        same = _near(first, second, side, wanted) if decimals else relative(first, second, side) == wanted
        if same:
            return f"{first + shift[0]:.{decimals}f}", f"{second + shift[1]:.{decimals}f}"
    return f"{low + shift[0]:.6f}", f"{high + shift[1]:.6f}"


def _near(low: float, high: float, side: int, wanted: tuple[str, str]) -> bool:
    found = (low + high) / 2 / side, (high - low) / side
    return all(abs(value - float(text)) < _NEAR for value, text in zip(found, wanted, strict=True))
