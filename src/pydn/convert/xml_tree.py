"""Read an XML file of a stranger: no document types, no entities of one's own, nothing from elsewhere, limits."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from ..errors import DataError

_MOST_BYTES = 16 * 2**20
_DEEPEST = 32


def read_xml(path: str | os.PathLike[str]) -> Element:
    """Return the root of a file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DataError
        With file and line, if it is not well-formed, has a document type (and with it perhaps entities), or is larger
        or deeper than annotations are.
    """
    file = os.fspath(path)
    size = Path(path).stat().st_size
    if size > _MOST_BYTES:
        raise DataError(f"{size} bytes are too many for one picture's annotation", file=file)
    return _Reader(file).read(Path(path).read_bytes())


class _Reader:
    def __init__(self, file: str) -> None:
        self._file, self._depth = file, 0
        self._tree = TreeBuilder()
        self._parser = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._tree.data
        parser.StartDoctypeDeclHandler = self._doctype

    def read(self, data: bytes) -> Element:
        try:
            self._parser.Parse(data, True)
        except expat.ExpatError as error:
            raise DataError(
                f"no well-formed XML: {expat.ErrorString(error.code)}", file=self._file, line=error.lineno
            ) from None
        except (ValueError, LookupError) as error:  # an encoding that nobody knows
            raise DataError(f"no readable XML: {error}", file=self._file) from None
        return self._tree.close()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            self._refuse(f"elements inside each other {self._depth} deep")
        self._tree.start(name, attributes)

    def _end(self, name: str) -> None:
        self._depth -= 1
        self._tree.end(name)

    def _doctype(self, name: str, system: str | None, public: str | None, internal: bool) -> None:
        self._refuse("a document type declaration, which annotations do not need")

    def _refuse(self, what: str) -> NoReturn:
        raise DataError(what, file=self._file, line=self._parser.CurrentLineNumber)
