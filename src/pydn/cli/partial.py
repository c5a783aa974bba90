"""``pydn partial``."""

from __future__ import annotations

from .common import note, open_network
from .options import Command, Options, UsageError

PARTIAL = Command(
    "partial",
    "CFG WEIGHTS OUT N",
    "Writes a weights file with the first N layers, to start a training from.",
)


def partial(options: Options) -> int:
    """Run ``partial``."""
    cfg, weights, out, count = options.words
    try:
        layers = int(count)
    except ValueError:
        raise UsageError(f"N must be a whole number, not {count!r}", PARTIAL) from None
    if layers < 0:
        raise UsageError(f"N must be 0 or more, not {layers}", PARTIAL)
    net = open_network(options, cfg, weights, layers=layers)
    if layers > len(net.layers):
        raise UsageError(f"N must be 0 to {len(net.layers)}, the number of layers, not {layers}", PARTIAL)
    note(f"Saving weights to {out}")
    net.partial(layers, out)
    return 0
