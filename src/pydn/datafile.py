"""Darknet's .data files: where a task's lists, names and results are."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import DataError


@dataclass(frozen=True, slots=True)
class _Entry:
    value: str
    line: int


class DataFile(Mapping[str, str]):
    """The options of a .data file.

    A mapping from key to value. When a key stands twice the first one holds, as in darknet.

    Parameters
    ----------
    text
        Content of the file.
    path
        Where it was read; paths inside are looked up beside it, and messages name it.

    Raises
    ------
    DataError
        With ``file`` and ``line``, where a line is neither blank, a comment nor ``key = value``.
    """

    def __init__(self, text: str, path: str | os.PathLike[str] | None = None) -> None:
        self.path = None if path is None else Path(path)
        self._entries: dict[str, _Entry] = {}
        for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
            content = line.strip(" \t\0\x1a\ufeff")
            if not content or content[0] in "#;":
                continue
            key, equals, value = content.partition("=")
            if re.search("[\0-\x08\x0e-\x1f]", content):
                raise self._error("binary data: this is not a .data file; give the text file with names = FILE", number)
            if not equals or not key.strip():
                shown = content[:60].encode("ascii", "replace").decode()
                raise self._error(f"{shown!r} is not of the form key = value: correct the line or remove it", number)
            self._entries.setdefault(key.strip(), _Entry(value.strip(), number))

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> DataFile:
        """Read a .data file.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        DataError
            If a line is not of the form ``key = value``.
        """
        return cls(Path(path).read_bytes().decode("utf-8", errors="surrogateescape"), path)

    def __getitem__(self, key: str) -> str:
        return self._entries[key].value

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"DataFile({str(self.path)!r}, {dict(self)!r})"

    def integer(self, key: str, default: int) -> int:
        """Value of a key that must be a whole number, or `default` where the key is missing.

        Raises
        ------
        DataError
            If the value is no whole number.
        """
        entry = self._entries.get(key)
        if entry is None:
            return default
        try:
            return int(entry.value)
        except ValueError:
            raise self._error(f"{key}={entry.value!r} must be a whole number", entry.line) from None

    def file(self, key: str, default: str | None = None) -> Path:
        """Path of an existing file that the .data file refers to.

        Looked up from the working folder, as darknet does, then beside the .data file, then one folder above it
        (darknet's own files stand in ``cfg/`` and say ``data/coco.names``).

        Raises
        ------
        DataError
            If the key is missing and has no default.
        FileNotFoundError
            If the file is in none of these places.
        """
        entry = self._entries.get(key)
        value = default if entry is None else entry.value
        if not value:
            raise self._error(f"{key}= is missing: add a line '{key} = FILE'", 0 if entry is None else entry.line)
        found = next((place for place in self._places(value) if place.is_file()), None)
        if found is None:
            where = f"{self.path}:{entry.line}: " if self.path is not None and entry is not None else ""
            raise FileNotFoundError(2, f"{where}{key}= names a file that does not exist: correct the path", value)
        return found

    def _places(self, value: str) -> Iterator[Path]:
        yield Path(value)
        if self.path is not None:
            yield self.path.parent / value
            yield self.path.parent.parent / value

    def _error(self, message: str, line: int) -> DataError:
        return DataError(message, file="" if self.path is None else str(self.path), line=line)
