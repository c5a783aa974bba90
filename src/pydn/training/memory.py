"""Whether a training fits into memory, said before it starts: planned, nothing of it is allocated."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from .._core.plan import Plan
from .._core.training import measure
from ..device import free_memory
from ..errors import OutOfMemoryError
from ..memory import available_memory, shown
from .sampling import SizeOf
from .session import training_precision

if TYPE_CHECKING:
    from ..network import Network

_log = logging.getLogger("pydn")
_BATCHES = 3
"""In memory at a time: one in use, two ahead."""
_CHANGES = 100
_EVERY = 10


def fitting_subdivisions(
    net: Network,
    batch: int,
    subdivisions: int | Literal["auto"] | None,
    sizes: SizeOf,
    *,
    saves: bool = True,
    limit: int | None = None,
) -> int:
    """Return the subdivisions to train with.

    Parameters
    ----------
    net
        The network.
    batch
        Images an update.
    subdivisions
        What is asked for; None: the cfg's; ``"auto"``: the cfg's, or if these need more memory than there is, the
        next divisor of `batch` that does not. On a CUDA device, its memory is what counts.
    sizes
        Says which sizes the images have.
    saves
        States are written, which takes memory too.
    limit
        Bytes to stay below; None: what is available.

    Raises
    ------
    OutOfMemoryError
        If it does not fit, with the subdivisions that would.
    """
    free = _free(net) if limit is None else limit
    wanted = subdivisions if isinstance(subdivisions, int) else net.plan.subdivisions
    if free is None or not 1 <= wanted <= batch:
        return wanted
    needed = needed_memory(net, batch, wanted, sizes, saves=saves)
    if needed <= free:
        return wanted
    found = next((n for n in _finer(batch, wanted) if needed_memory(net, batch, n, sizes, saves=saves) <= free), None)
    said = f"subdivisions={wanted} of batch={batch} needs {shown(needed)} of memory, {shown(free)} are free"
    if subdivisions == "auto" and found is not None:
        _log.warning("%s: subdivisions=%d is used; batch norm sees %d images at a time", said, found, batch // found)
        return found
    advice = f"subdivisions={found} would fit" if found is not None else f"not even {batch} would do: {_SMALLER}"
    raise OutOfMemoryError(f"{said}: {advice}", needed=needed, free=free)


_SMALLER = "take a smaller width= and height=, or random=0"


def needed_memory(net: Network, batch: int, subdivisions: int, sizes: SizeOf, *, saves: bool = True) -> int:
    """Bytes that a training takes besides the network itself.

    Activations, deltas and what the kernels need, of the two largest sizes of images, because a change of size makes
    the new ones before it gives the old ones back; gradients, moments, averages and the last good weights; images that
    are prepared ahead; a state while it is written.
    """
    used = sorted(_sizes(net, sizes), key=lambda size: size[0] * size[1])[-2:]
    if _on_device(net):
        return sum(_engine(net, batch // subdivisions, size) for size in used)
    facts = net.facts(-1)
    parameters = 4 * net.parameters
    kept = parameters * (2 + 2 * bool(facts["adam"]) + bool(facts["ema_alpha"]))  # gradients and the last good weights
    engine = sum(_engine(net, batch // subdivisions, size) - parameters for size in used)
    images = (
        _BATCHES * batch * net.steps * net.channels * 4 * max((width * height for width, height in used), default=0)
    )
    return kept + max(0, engine) + images + (2 * (kept + parameters) if saves else 0)


def _engine(net: Network, images: int, size: tuple[int, int]) -> int:
    options: dict[str, Any] = {"dialect": net.dialect, "files": net.plan.files, "file": net.plan.file}
    plan = Plan(net.plan.text, batch=images, width=size[0], height=size[1], training=True, **options)
    return measure(plan, device=net.device, precision=training_precision(net), isa=net.isa)


def _on_device(net: Network) -> bool:
    return net.device.startswith("cuda")


def _free(net: Network) -> int | None:
    return free_memory(net.device) if _on_device(net) else available_memory()


def _sizes(net: Network, sizes: SizeOf) -> set[tuple[int, int]]:
    """Return the sizes of images; a random choice of many is one from which the largest are not far."""
    return {(net.width, net.height)} | {sizes(number * _EVERY) for number in range(_CHANGES)}


def _finer(batch: int, than: int) -> Iterator[int]:
    return (n for n in range(than + 1, batch + 1) if batch % n == 0)
