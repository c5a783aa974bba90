"""``pydn info``."""

from __future__ import annotations

from .common import open_network
from .options import Command, Options

INFO = Command(
    "info",
    "CFG [WEIGHTS]",
    "Prints the table of layers, the work for one image, the number of parameters and the memory.",
)


def info(options: Options) -> int:
    """Run ``info``."""
    net = open_network(options, options.words[0], options.word(1), quiet=True)
    print(net.summary())
    rows = {
        "input": f"{net.width} x {net.height} x {net.channels}",
        "classes": str(net.class_count),
        "parameters": f"{net.parameters:,}",
        "weights": f"{size(net.weights.nbytes)} as float32",
        "memory": f"{size(net.nbytes)} for batch {net.batch}, besides the weights",
    }
    report = net.report
    if report is not None:
        header = report.header
        rows["weights file"] = (
            f"version {header.major}.{header.minor}.{header.revision}, {header.seen:,} images seen, "
            f"{report.layers_loaded} of {len(net.layers)} layers"
        )
    for section, key, value, line in net.unused_options:
        rows[f"unused, line {line}"] = f"{key}={value} in [{section}]"
    width = max(len(name) for name in rows)
    print("\n".join(f"{name:<{width}}  {text}" for name, text in rows.items()))
    return 0


def size(count: float) -> str:
    """Return a number of bytes as a person reads it."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
