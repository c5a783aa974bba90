"""`Profile`: where the time of a forward goes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from ._core.network import Network
from ._core.threads import get_num_threads, peak_flops
from .figure import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BLUE, _RED, _GREY = "#4878a8", "#b04040", "#b8b8b8"


@dataclass(frozen=True, slots=True)
class LayerTime:
    """What one layer takes.

    Attributes
    ----------
    layer
        Index of the layer; -1: belongs to none.
    kind
        Its kind.
    algorithm
        Names of what computes it, the slowest first; "" where a step of another layer does, or nothing is to do.
    seconds
        Of one forward, all images together.
    flops
        Operations of all images, as a direct computation has them: Winograd's algorithm needs fewer.
    """

    layer: int
    kind: str
    algorithm: str
    seconds: float
    flops: float

    @property
    def gflops(self) -> float:
        """Billions of operations a second; 0 where no time was taken."""
        return self.flops / self.seconds * 1e-9 if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Profile:
    """Where the time of a forward goes. `str` gives a table.

    Attributes
    ----------
    layers
        All layers of the network, in order.
    images
        In one forward.
    threads
        That were there for it.
    peak
        Operations a second that the processor can do; 0: not known.
    device
        Where it ran.
    """

    layers: tuple[LayerTime, ...]
    images: int
    threads: int
    peak: float
    device: str = "cpu"

    @property
    def seconds(self) -> float:
        """Of one forward, without what is between its steps."""
        return sum(layer.seconds for layer in self.layers)

    def share(self, layer: LayerTime) -> float:
        """Share of the processor's limit that a layer reaches. Winograd's algorithm can reach more than 1."""
        return layer.gflops * 1e9 / self.peak if self.peak else 0.0

    def slowest(self, count: int = 5) -> tuple[LayerTime, ...]:
        """Layers that take the most time."""
        return tuple(sorted(self.layers, key=lambda layer: -layer.seconds)[:count])

    def __str__(self) -> str:
        width = max([len("algorithm"), *(len(layer.algorithm) for layer in self.layers)])
        kinds = max([len("layer"), *(len(layer.kind) for layer in self.layers)])
        rows = [
            f"     {'layer':<{kinds}}  {'algorithm':<{width}}        ms  time  GFLOP/s{'  limit' * bool(self.peak)}"
        ]
        for layer in self.layers:
            share = f"  {self.share(layer):5.0%}" if self.peak else ""
            rate = f"{layer.gflops:7.1f}{share}" if layer.flops and layer.seconds else ""
            row = (
                f"{layer.layer:4d} {layer.kind:<{kinds}}  {layer.algorithm:<{width}}  {layer.seconds * 1e3:8.3f}  "
                f"{layer.seconds / (self.seconds or 1):4.0%}  {rate}"
            )
            rows.append(row.rstrip())
        flops = sum(layer.flops for layer in self.layers) / (self.seconds or 1)
        place = self.device if self.device.startswith("cuda") else f"{self.threads} thread{'s' * (self.threads > 1)}"
        rows.append(
            f"{self.seconds * 1e3:.3f} ms for {self.images} image{'s' * (self.images > 1)} on {place}; "
            f"{flops * 1e-9:.1f} GFLOP/s" + (f" of at most {self.peak * 1e-9:.1f}" if self.peak else "")
        )
        return "\n".join(rows)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Draw time and GFLOP/s of the layers.

        Parameters
        ----------
        path
            Where to write it, as a picture of the kind that the suffix says; None: nowhere.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        shown = [layer for layer in self.layers if layer.seconds]
        places = range(len(shown))
        figure = new_figure(10, 1.5 + 0.2 * len(shown))
        left, right = figure.subplots(1, 2, sharey=True)
        left.barh(places, [layer.seconds * 1e3 for layer in shown], color=_BLUE)
        left.set_yticks(places, [f"{layer.layer} {layer.kind}, {layer.algorithm}" for layer in shown], fontsize=7)
        left.set_ylim(len(shown) - 0.5, -0.5)
        left.set_xlabel("ms")
        right.barh(places, [layer.gflops for layer in shown], color=_GREY)
        if self.peak:
            right.axvline(self.peak * 1e-9, color=_RED)
        right.set_xlabel("GFLOP/s; red: the processor's limit" if self.peak else "GFLOP/s")
        figure.suptitle(str(self).rsplit("\n", 1)[-1], fontsize=10)
        if path is not None:
            figure.savefig(os.fspath(path), dpi=120)
        return figure


def profile(network: Network, count: int = 10, peak: float | None = None) -> Profile:
    """Time the layers of a network; see `Network.profile`."""
    if count < 1:
        raise ValueError(f"count must be 1 or more, not {count}")
    if peak is not None and not peak > 0:
        raise ValueError(f"peak must be above 0, not {peak}")
    network.step_times()
    runs = [network.step_times() for _ in range(count)]
    seconds = np.median([[taken for _, _, taken in run] for run in runs], axis=0)
    steps = [(layer, name, float(taken)) for (layer, name, _), taken in zip(runs[0], seconds, strict=True)]
    images = network.batch * network.steps
    if peak is None:
        peak = 0.0 if network.device.startswith("cuda") else peak_flops(network.isa)
    return Profile(_by_layer(network, steps, images), images, get_num_threads(), peak, network.device)


def _by_layer(network: Network, steps: Sequence[tuple[int, str, float]], images: int) -> tuple[LayerTime, ...]:
    found = {
        layer: sorted(((taken, name) for _, name, taken in own), reverse=True)
        for layer, own in groupby(sorted(steps, key=lambda step: step[0]), lambda step: step[0])
    }
    kinds = {-1: ("", 0.0)} if -1 in found else {}
    kinds |= {layer.index: (layer.kind, layer.flops * images) for layer in network.layers}
    rows = []
    for index, (kind, flops) in kinds.items():
        own = found.get(index, [])
        names = " + ".join(dict.fromkeys(name for _, name in own))
        rows.append(LayerTime(index, kind, names, sum(taken for taken, _ in own), flops))
    return tuple(rows)
