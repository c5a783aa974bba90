"""The .data file of verbs whose data darknet has at places of its author's machine."""

from __future__ import annotations

from pathlib import Path

from ..datafile import DataFile
from .options import Flag, Options, UsageError


def data_flag(default: str) -> Flag:
    """Return the flag that names the .data file."""
    return Flag("data", f"the data's .data file (default {default}); darknet has its paths in the program", str, "FILE")


def card(options: Options, default: str) -> DataFile:
    """Read the .data file that the flag names, or the usual one.

    Raises
    ------
    UsageError
        If there is neither.
    """
    given = options.text("data")
    if given is None and not Path(default).is_file():
        raise UsageError(f"there is no {default}: name the .data file by -data FILE")
    return DataFile.read(given or default)
