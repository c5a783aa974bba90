"""Pictures of a data set into a network, a group at a time; what cannot be read is reported and left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from ..batches import Fit, Ready, groups
from ..errors import Error
from ..progress import Progress

Report: TypeAlias = Callable[[int, Error | OSError], None]
"""What is told index and error of a picture that cannot be read."""


def stream(
    paths: Iterable[str], size: int, fit: Fit, report: Report, *, total: int | None = None, label: str = ""
) -> Iterator[list[tuple[int, Ready]]]:
    """Yield pictures ready for a network, with their index, up to `size` at a time.

    Threads decode the next pictures while the network computes; there are never more of them in memory than two
    groups, or one and as many as there are threads. While a group is in use the progress stands still; ``Ctrl-C``
    arrives in the loop of the caller.

    Parameters
    ----------
    paths
        Where the pictures are.
    size
        Pictures in a group; it may have fewer.
    fit
        From a picture to the network's input.
    report
        Is called with index and error of a picture that cannot be read; what it raises ends the stream.
    total
        How many pictures there are, for the progress.
    label
        What the line of the progress starts with.
    """
    index = 0
    with Progress(total, label) as bar:
        for group in groups(paths, size, fit, rgb=False, errors="keep"):
            good = []
            for number, ready in enumerate(group, index):
                if ready.error is None:
                    good.append((number, ready))
                else:
                    report(number, ready.error)
            index += len(group)
            if good:
                yield good
            bar.advance(len(group))
