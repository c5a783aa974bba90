"""Files that grow while a long work goes on, and get their names only when it is done."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from types import TracebackType

_AT_ONCE = 1 << 22
"""Characters that are kept before they are written."""


class GrowingFiles:
    """Text files in a folder; used in a ``with`` statement.

    What is added is written under other names, which are replaced at the end, so that no file is ever half-written.
    After an exception there are only the files that were there before. Few files are open at a time, however many
    there are.

    Parameters
    ----------
    folder
        Where; it is made if it is not there.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._mark = secrets.token_hex(4)
        self._waiting: dict[str, list[str]] = {}
        self._size = 0

    @property
    def paths(self) -> list[Path]:
        """The files, in the order in which they were first added to."""
        return [self.folder / name for name in self._waiting]

    def add(self, name: str, text: str) -> None:
        """Add text to the file of a name, which may be in a folder of its own; no text makes an empty file."""
        self._waiting.setdefault(name, []).append(text)
        self._size += len(text)
        if self._size > _AT_ONCE:
            self._flush()

    def __enter__(self) -> GrowingFiles:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None:
            self._flush()
            for name in self._waiting:
                self._unfinished(name).replace(self.folder / name)
        else:
            for name in self._waiting:
                self._unfinished(name).unlink(missing_ok=True)

    def _flush(self) -> None:
        for name, texts in self._waiting.items():
            path = self._unfinished(name)
            if texts or not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("ab") as file:
                    file.write("".join(texts).encode("utf-8", errors="surrogateescape"))
                texts.clear()
        self._size = 0

    def _unfinished(self, name: str) -> Path:
        path = self.folder / name
        return path.with_name(f".{path.name}.{self._mark}.tmp")


def safe_name(text: str) -> str:
    """Make a text a file's name: what would lead into another folder, or no system allows, becomes "_"."""
    return re.sub(r'[\x00-\x1f/\\:*?"<>|]', "_", text) or "_"
