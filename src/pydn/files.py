"""Writing files so that none is ever half-written."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def write_whole(path: str | os.PathLike[str], contents: bytes) -> None:
    """Write a file, whole or not at all.

    A file of this name is replaced once the new one is safely on disk; a link stays one, what is not a file (a
    terminal, a pipe) is written to as it is.

    Parameters
    ----------
    path
        Where to.
    contents
        What.

    Raises
    ------
    OSError
        With the name that was given.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        Path(path).write_bytes(contents)
        return
    unfinished = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with unfinished.open("xb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
    except OSError as error:  # the temporary name would tell nobody anything
        unfinished.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def link_whole(source: str | os.PathLike[str], path: str | os.PathLike[str]) -> None:
    """Give a file another name, at once; its bytes are not doubled where the disk can do without.

    Parameters
    ----------
    source
        The file.
    path
        The name. A file that has it is replaced. Neither changes when `write_whole` writes the other.

    Raises
    ------
    OSError
        With the name that was given.
    """
    origin = Path(os.path.realpath(source))
    target = Path(path)
    unfinished = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        os.link(origin, unfinished)
    except OSError:  # a disk without links, or another one
        write_whole(path, origin.read_bytes())
        return
    try:
        unfinished.replace(target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    finally:
        unfinished.unlink(missing_ok=True)  # also where both were one file already: then nothing is replaced


class GrowingFile:
    """A file that is written bit by bit under another name, and gets its own when it is finished.

    Parameters
    ----------
    path
        Its own name. What is there and not a file (a terminal, a pipe) is written to as it is.

    Attributes
    ----------
    part
        The file to write to; it exists, and its name ends as `path` does.

    Raises
    ------
    OSError
        With the name that was given.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._given = os.fspath(path)
        self._target = Path(os.path.realpath(path))
        self.part = self._target
        if not self._target.exists() or self._target.is_file():
            self.part = self._target.with_name(f".{secrets.token_hex(4)}.tmp.{self._target.name}")
            self._say(lambda: self.part.open("xb").close())

    def finish(self) -> None:
        """Give the file its name, once what was written is safely on disk."""
        if self.part != self._target:
            self._say(self._move)

    def discard(self) -> None:
        """Remove what was written."""
        if self.part != self._target:
            self.part.unlink(missing_ok=True)

    def _move(self) -> None:
        with self.part.open("rb+") as file:
            os.fsync(file.fileno())
        self.part.replace(self._target)

    def _say(self, work: Callable[[], object]) -> None:
        try:
            work()
        except OSError as error:
            raise OSError(error.errno, error.strerror, self._given) from error
