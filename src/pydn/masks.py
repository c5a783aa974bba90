"""Masks: which class each pixel of a picture has, from PASCAL VOC's palette pictures or darknet's runs of pixels."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import DataError
from .image import decode_image

Mask = NDArray[np.uint8]
"""(height, width): 0 background, 255 unknown, else 1 and the class."""

UNKNOWN = 255
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PALETTE = 3
_DIGITS = 9
"""Of a number of pixels, at most."""
_PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG")


def read_mask(path: str | os.PathLike[str], size: tuple[int, int]) -> Mask:
    """Read a mask.

    Parameters
    ----------
    path
        A PNG with a palette, whose numbers count, not its colours; a grey PNG, whose values do; or a text of lines
        ``class runs``: how many pixels, row by row, are outside, inside, outside, … of what is of the class, with
        commas between.
    size
        (width, height) of the picture.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DataError
        If it is no mask, or that of a picture of another size.
    """
    data, file = Path(path).read_bytes(), os.fspath(path)
    if file.endswith(".txt"):
        return _from_runs(data.decode("ascii", "replace"), size, file)
    mask = _pixels(data, file)
    if mask.shape != (size[1], size[0]):
        raise DataError(f"a mask of {mask.shape[1]}x{mask.shape[0]} for a picture of {size[0]}x{size[1]}", file=file)
    return mask


def _pixels(data: bytes, file: str) -> Mask:
    pixels = decode_image(_numbers_as_colours(data), file)
    if pixels.dtype != np.uint8 or not data.startswith(_SIGNATURE):
        raise DataError("this is no mask: a PNG of 8 bits with a palette, or a grey one, was expected", file=file)
    if (pixels[..., 0] != pixels[..., 2]).any():
        raise DataError("the mask is in colours: save it with a palette, or the classes as values of grey", file=file)
    return np.ascontiguousarray(pixels[..., 0], np.uint8)


def _numbers_as_colours(data: bytes) -> bytes:
    """Replace the palette of a PNG by one of greys, each of which is its own number; other files stay as they are."""
    if not data.startswith(_SIGNATURE) or data[25:26] != bytes([_PALETTE]) or data[24] not in (1, 2, 4, 8):
        return data
    greys = bytes(np.repeat(np.arange(2 ** data[24], dtype=np.uint8), 3))
    parts, at = [_SIGNATURE], len(_SIGNATURE)
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, end = data[at + 4 : at + 8], at + 12 + length
        if kind == b"PLTE":
            parts.append(struct.pack(">I", len(greys)) + kind + greys + struct.pack(">I", zlib.crc32(kind + greys)))
        elif kind != b"tRNS":
            parts.append(data[at:end])
        at = end
    return b"".join(parts)


def _from_runs(text: str, size: tuple[int, int], file: str) -> Mask:
    mask = np.zeros(size[0] * size[1], np.uint8)
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        words = line.replace(",", " ").split()
        if not all(word.isdecimal() and len(word) <= _DIGITS for word in words) or int(words[0]) >= UNKNOWN - 1:
            raise DataError(f"{line[:40]!r} is not a class and its runs of pixels", file=file, line=number)
        runs = np.array(words[1:], np.int64)
        if runs.sum() > mask.size:
            raise DataError(f"the runs are of {runs.sum()} pixels, the picture has {mask.size}", file=file, line=number)
        ends = np.append(runs.cumsum(), mask.size)
        for start, end in zip(ends[0::2], ends[1::2], strict=False):
            mask[start:end] = int(words[0]) + 1
    return mask.reshape(size[1], size[0])


def picture_and_mask(path: str) -> tuple[str, str]:
    """Return the paths of a picture and its mask, from the path of either.

    ``SegmentationClass/x.png`` belongs to ``JPEGImages/x.jpg``; without such folders, ``mask/x.png`` or ``mask/x.txt``
    to ``images/x.jpg``.
    """
    stem = path.rpartition(".")[0]
    for ours, theirs in (("SegmentationClass", "JPEGImages"), ("masks", "images"), ("mask", "images")):
        if ours in path:
            return _first(stem.replace(ours, theirs, 1), _PICTURE_SUFFIXES), path
    places = (("JPEGImages", "SegmentationClass"), ("images", "masks"), ("images", "mask"), ("JPEGImages", "mask"))
    stems = [stem.replace(*place, 1) for place in places if place[0] in stem]
    found = (one + suffix for one in stems for suffix in (".png", ".txt") if Path(one + suffix).is_file())
    return path, next(found, f"{(stems or [stem])[0]}.png")


def _first(stem: str, suffixes: tuple[str, ...]) -> str:
    return next((stem + suffix for suffix in suffixes if Path(stem + suffix).is_file()), stem + suffixes[0])
