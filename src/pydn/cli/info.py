"""``pydn info``."""

from __future__ import annotations

from .._core.threads import best_isa, get_num_threads
from ..device import devices
from ..errors import DeviceError
from .common import open_network
from .options import Command, Flag, Options, UsageError

INFO = Command(
    "info",
    "[CFG] [WEIGHTS]",
    "Prints the table of layers, the work for one image, the number of parameters and the memory; or the devices.",
    flags=(Flag("devices", "list what networks can be run on, and why a CUDA device cannot be used"),),
)


def info(options: Options) -> int:
    """Run ``info``."""
    if options.on("devices"):
        print("\n".join(f"{name:<7} {text}" for name, text in device_rows()))
        return 0
    if not options.words:
        raise UsageError("CFG is missing, or -devices", INFO)
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


def device_rows() -> list[tuple[str, str]]:
    """Return the names of all devices, and what is known of each."""
    threads = get_num_threads()
    rows = [("cpu", f"{threads} thread{'s' * (threads != 1)}, {best_isa()}")]
    try:
        found = devices()
    except DeviceError as error:
        return [*rows, ("cuda", f"not usable: {error}")]
    for device in found:
        about = [device.model, "compute capability {}.{}".format(*device.capability), size(device.memory)]
        about.append(f"not usable: {device.problem}" if device.problem else f"{size(device.free)} free")
        rows.append((device.name, ", ".join(about)))
    return rows if found else [*rows, ("cuda", "NVIDIA's driver sees no device")]


def size(count: float) -> str:
    """Return a number of bytes as a person reads it."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
