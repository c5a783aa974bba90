"""Writing networks for other programs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import write_whole
from ..loading import load
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
    write_whole(path, writer(_as_computed(net)))


def _as_computed(net: Network) -> Network:
    """Return a network whose weights are what `net` computes with: after training, ternary ones in place of shadows."""
    if not net.weights.shadow:
        return net
    dialect: Any = net.dialect
    new = load(net.plan.text, net.weights.tobytes(), dialect=dialect, files=net.plan.files)
    new.names = net.names if net.named else None
    new.resize(net.width, net.height)
    return new
