"""A JSON array that is written piece by piece."""

from __future__ import annotations

from typing import TextIO

BEGIN, BETWEEN, END = "[\n", ", \n", "\n]"
"""Around and between the objects, as darknet writes them."""


class JsonArray:
    """An array in an open file; `close` makes it valid JSON and leaves the file open."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._before = BEGIN

    def add(self, text: str) -> None:
        """Append an object."""
        self._file.write(self._before + text)
        self._before = BETWEEN

    def close(self) -> None:
        """End the array."""
        self._file.write(BEGIN + END if self._before == BEGIN else END)
