"""Class names: one name a line, the line's number is the class."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable
from pathlib import Path

from .errors import DataError

_log = logging.getLogger("pydn")

HIDDEN_PREFIX = "dont_show"
"""Classes whose name starts so are neither printed nor drawn, as in darknet."""


def parse_names(data: bytes, file: str = "") -> list[str]:
    """Split the content of a names file.

    Blank lines at the end are dropped; one in the middle is a class without a name, since the line's number counts.
    UTF-8 with or without a byte order mark is understood; what is not UTF-8 is read as Windows-1252, in which such
    files are usually written.

    Parameters
    ----------
    data
        Bytes of the file; lines end in LF, CRLF or CR.
    file
        What messages call it.

    Returns
    -------
    list of str
        The names, without the blanks around them.

    Raises
    ------
    DataError
        With ``file`` and ``line``, where the content is not text.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    names = [line.strip(" \t\0\x1a") for line in lines]  # 1A: the end of a file of DOS
    for number, name in enumerate(names, 1):
        if re.search("[\0-\x08\x0e-\x1f]", name):
            raise DataError(
                "binary data: this is not a list of names; give a text file in UTF-8 with one name a line",
                file=file,
                line=number,
            )
    while names and not names[-1]:
        names.pop()
    return names


def read_names(path: str | os.PathLike[str]) -> list[str]:
    """Read a names file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DataError
        If it is not text.
    """
    return parse_names(Path(path).read_bytes(), os.fspath(path))


def fill_names(names: Iterable[str] | None, classes: int) -> list[str]:
    """Give every class a name; one without is called ``class 17``.

    Parameters
    ----------
    names
        Names in the order of the classes, or None.
    classes
        Number of classes of the network.

    Returns
    -------
    list of str
        As many names as there are classes, or more if more were given.
    """
    given = [] if names is None else list(names)
    given += [""] * (classes - len(given))
    return [name or f"class {number}" for number, name in enumerate(given)]


def fit_names(names: Iterable[str], classes: int, *, exact: bool = True) -> list[str]:
    """`fill_names` that warns, through logging, about too few names and, if `exact`, about too many."""
    given = list(names)
    if len(given) < classes or (exact and len(given) > classes):
        _log.warning("%d names for %d classes: check that names and cfg belong together", len(given), classes)
    return fill_names(given, classes)
