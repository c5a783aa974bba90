"""Many images from one word: a folder, a pattern, a list file."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from pathlib import Path

from .errors import DataError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp", ".jp2")
"""Ends of the names that are taken for images in a folder, in any case."""


def image_paths(source: str | os.PathLike[str]) -> list[str] | None:
    """Paths of the images that a word stands for.

    Parameters
    ----------
    source
        A folder: its images, not those of folders inside. A pattern such as ``frames/*.jpg`` (``**`` enters folders):
        the files that match. A ``.txt``: the paths in it, one a line, as darknet writes them.

    Returns
    -------
    list of str
        In order of the names, in which ``2.jpg`` comes before ``10.jpg``; of a ``.txt``, in its own order. None where
        the word is the path of a single image.

    Raises
    ------
    FileNotFoundError
        If there is no such list.
    DataError
        If a folder has no image, nothing matches a pattern, or a list names none.
    """
    path = os.fspath(source)
    if Path(path).is_dir() and path:
        names = (entry for entry in Path(path).iterdir() if entry.suffix.lower() in IMAGE_SUFFIXES and entry.is_file())
        return _sorted(map(str, names), f"no image in this folder (looked for {' '.join(IMAGE_SUFFIXES)})", path)
    if path.lower().endswith(".txt"):
        return read_list(path)
    if any(mark in path for mark in "*?[") and not Path(path).exists():
        found = (name for name in glob.iglob(path, recursive=True) if Path(name).is_file())  # noqa: PTH207 (keeps "./")
        return _sorted(found, "no file matches this pattern", path)
    return None


def read_list(path: str | os.PathLike[str]) -> list[str]:
    """Read a list of images as darknet has them: a path a line.

    Raises
    ------
    FileNotFoundError
        If there is no such list.
    DataError
        If it is binary data, or names no image.
    """
    return [name for _, name in read_numbered_list(path)]


def read_numbered_list(path: str | os.PathLike[str]) -> list[tuple[int, str]]:
    """`read_list` with the number of each path's line, from 1."""
    path = os.fspath(path)
    content = Path(path).read_bytes()
    lines = re.split(b"\r\n|\r|\n", content.removeprefix(b"\xef\xbb\xbf"))
    paths = [(number, os.fsdecode(line.strip())) for number, line in enumerate(lines, 1) if line.strip()]
    if b"\0" in content:
        raise DataError("binary data: a list of images is a text with one path a line", file=path)
    if not paths:
        raise DataError("the list names no image: write one path a line", file=path)
    return paths


def _sorted(paths: Iterable[str], nothing: str, place: str) -> list[str]:
    found = sorted(paths, key=_natural)
    if not found:
        raise DataError(f"{nothing}: check the path", file=place)
    return found


def _natural(path: str) -> list[tuple[int, int, str]]:
    """Compare digits as numbers."""
    parts = re.split(r"([0-9]+)", path)
    return [(1, int(part), part) if part.isdigit() and part.isascii() else (0, 0, part) for part in parts]
