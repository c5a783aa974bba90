"""``pydn export``."""

from __future__ import annotations

from .common import note, open_network
from .options import Command, Flag, Options

EXPORT = Command(
    "export",
    "CFG WEIGHTS OUT",
    "Writes a network for other programs. An ONNX file takes (n, channels, height, width), RGB 0..1, and gives what "
    "enters the detection heads, or what comes out of a classifier.",
    (Flag("format", "what to write; default: as the suffix of OUT says", str, "NAME", ("onnx",)),),
)


def export(options: Options) -> int:
    """Run ``export``."""
    cfg, weights, out = options.words
    net = open_network(options, cfg, weights)
    net.export(out, options.text("format"))
    note(f"Saved {out}")
    return 0
