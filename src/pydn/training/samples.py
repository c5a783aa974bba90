"""What a network that is being trained finds in a few pictures, to look at while it learns."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from ..errors import DataError, Error
from ..evaluation.listing import DataSource, Listing
from ..image import Pixels, eight_bits, read_image

if TYPE_CHECKING:
    from ..network import Network

_COUNT = 6
_SIDE = 480
"""Pixels of the longer side at most."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture as it is shown.

    Attributes
    ----------
    text
        Below it.
    jpeg
        The picture, with boxes where the network finds any.
    """

    text: str
    jpeg: bytes


class Samples:
    """Pictures of a data set with what the network says of them now.

    Parameters
    ----------
    net
        Whose weights are trained.
    data
        Its ``valid=`` pictures are shown, or what it has.
    """

    def __init__(self, net: Network, data: DataSource) -> None:
        self._net, self._paths = net, _some(data)

    def __call__(self) -> list[Sample]:
        """Look at the pictures; those that cannot be read or understood are left out."""
        found = []
        for path in self._paths:
            try:
                found.append(self._one(path))
            except (Error, OSError, cv2.error):
                continue
        return found

    def _one(self, path: str) -> Sample:
        name, picture = Path(path).name, read_image(path)
        if self._net.classes:
            detections = self._net.detect(picture)
            return Sample(f"{name}: {len(detections)} found", _small_jpeg(detections.draw(picture)))
        best = self._net.predict(picture, 1)
        return Sample(f"{name}: {best.label} {100 * best.confidence:.0f}%", _small_jpeg(eight_bits(picture)))


def _some(data: DataSource) -> list[str]:
    for key in ("valid", "train"):
        try:
            listing = Listing(data, key)
        except (DataError, OSError):
            continue
        return [listed.path for listed in islice(listing, 0, None, max(1, len(listing) // _COUNT))][:_COUNT]
    return []


def _small_jpeg(picture: Pixels) -> bytes:
    scale = _SIDE / max(picture.shape[:2])
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, 80))[1].tobytes()
