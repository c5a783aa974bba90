"""Writing files so that none is ever half-written."""

from __future__ import annotations

import os
import secrets
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
