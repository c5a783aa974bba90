"""Which layers training must not change, and how they stay as they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from ..cfgtext import sections, split_lines

if TYPE_CHECKING:
    from ..network import Network

_TRAINED = ("convolutional", "connected")


def frozen_layers(net: Network, which: Iterable[int | str]) -> set[int]:
    """Return the indexes of layers that are meant.

    Parameters
    ----------
    net
        The network.
    which
        Indexes, negative ones from the end; kinds such as ``"convolutional"``; ``"backbone"``: all but the layers that
        make boxes or classes, which are the last ones with weights before a head; ``"10:75"``: a range.

    Raises
    ------
    ValueError
        If there is no such layer.
    """
    count = len(net.layers)
    kinds = [layer.kind for layer in net.layers]
    chosen: set[int] = set()
    for choice in which:
        if choice == "backbone":
            chosen |= set(range(count)) - _makers(net)
        elif isinstance(choice, str):
            found = _range(choice, count) if ":" in choice else {k for k, kind in enumerate(kinds) if kind == choice}
            if not found:
                there = ", ".join(sorted(set(kinds)))
                raise ValueError(f"no layer is called {choice!r}: there are backbone, {there}, and ranges such as 0:75")
            chosen |= found
        elif -count <= choice < count:
            chosen.add(choice % count)
        else:
            raise ValueError(f"layer {choice} cannot be frozen: there are {count}")
    return chosen


def _range(text: str, count: int) -> set[int]:
    first, _, last = text.partition(":")
    try:
        return set(range(count)[int(first) if first else None : int(last) if last else None])
    except ValueError:
        return set()


def _makers(net: Network) -> set[int]:
    """Layers whose outputs the heads, or a classifier's softmax, read."""
    kinds = [section.kind for section in sections(split_lines(net.plan.text))][1:]
    heads = net.head_layers if net.classes else (len(kinds) - 1,)
    found = set()
    for head in heads:
        found.add(next((k for k in range(head, -1, -1) if kinds[k] in _TRAINED), head))
        found.add(head)
    return found


class Frozen:
    """Parameters that are put back after each iteration.

    Parameters
    ----------
    net
        The network, with the values that stay.
    which
        As for `frozen_layers`.
    """

    def __init__(self, net: Network, which: Iterable[int | str]) -> None:
        layers = frozen_layers(net, which)
        self._net = net
        self._values = {key: np.array(values) for key, values in net.weights.items() if key[0] in layers}

    def restore(self) -> None:
        """Put them back."""
        for key, values in self._values.items():
            self._net.weights[key][...] = values
