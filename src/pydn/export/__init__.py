"""Writing networks for other programs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import write_whole
from .onnx import onnx_bytes

if TYPE_CHECKING:
    from ..network import Network

__all__ = ["export"]

_WRITERS = {"onnx": onnx_bytes}


def export(net: Network, path: str | os.PathLike[str], format: str | None = None) -> None:
    """Write a network in another format: see `Network.export`."""
    wanted = Path(path).suffix.removeprefix(".").lower() if format is None else format
    writer = _WRITERS.get(wanted)
    if writer is None:
        source = f"of {os.fspath(path)!r}" if format is None else "asked for"
        raise ValueError(f"the format {wanted!r} {source} is not known; there is: {', '.join(_WRITERS)}")
    write_whole(path, writer(net))
