"""Going through a data set with a classifier."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import UnsupportedError
from ..preprocess import check_channels
from ..tree import absolute
from .class_labels import By, ClassSet
from .crops import Form, Sight
from .leaves import listed_leaves
from .listing import DataSource
from .streaming import stream
from .top_k import Judged, Judgement, TopKResult

if TYPE_CHECKING:
    from ..network import Network

Notice: TypeAlias = Callable[[Judged], None]
"""What is told of every picture as it is judged."""

_log = logging.getLogger("pydn")


def valid(
    net: Network,
    data: DataSource | ClassSet,
    top: int | None = None,
    *,
    form: Form = "single",
    labels: Sequence[str] | str | os.PathLike[str] | None = None,
    by: By | None = None,
    strict: bool = False,
    notice: Notice | None = None,
) -> TopKResult:
    """Find out how often a classifier is right.

    ``Ctrl-C`` ends it with what was classified so far.

    Parameters
    ----------
    net
        The classifier.
    data
        A .data file or `DataFile` (``valid=``, ``labels=``, ``classes=``, ``top=``), a list file, a folder, a pattern
        or paths. A folder of folders, each called like a class. Or a `ClassSet`.
    top
        How many classes may be named; None: ``top=`` of the .data file, else 1.
    form
        How it looks at a picture: ``"single"`` as ``classifier valid``, ``"10"``, ``"multi"``, ``"full"``, ``"crop"``
        as ``valid10`` and so on.
    labels, by, strict
        As for `ClassSet`.
    notice
        Is called with every picture as it is judged.

    Returns
    -------
    TopKResult

    Raises
    ------
    FileNotFoundError, DataError
        If a file of the data set is missing or wrong; with `strict`, also a picture.
    UnsupportedError
        If the network is a detector, or cannot take other sizes where `form` needs them.
    """
    refuse_detector(net)
    check_channels(net.channels)
    pictures = (
        data
        if isinstance(data, ClassSet)
        else ClassSet(data, labels, names=net.names, classes=net.class_count, by=by, strict=strict)
    )
    if top is None:
        top = 1 if pictures.listing.data is None else max(1, pictures.listing.data.integer("top", 1))
    if top < 1:
        raise ValueError(f"top must be 1 or more, not {top}")
    judgement = Judgement(pictures.listing.names)
    complete = True
    try:
        for index, scores in _scores(net, pictures, form):
            matches = pictures.matches(index)
            one = judgement.add(index, matches if form == "crop" else matches[:1], scores)
            if notice is not None:
                notice(one)
    except KeyboardInterrupt:
        complete = False
        _log.warning("interrupted: the figures are of %d of %d pictures", len(judgement.rows), len(pictures))
    return TopKResult(
        k=min(top, pictures.classes),
        labels=_readable(net, pictures),
        rows=judgement.rows,
        names=pictures.listing.names,
        problems=pictures.problems,
        complete=complete,
        dialect=net.dialect if form == "single" else "alexeyab",  # the others print the same
    )


def _readable(net: Network, pictures: ClassSet) -> list[str]:
    """Names of the classes: the network's, where it was given any, since what stands in paths may be WordNet's."""
    return net.names[: pictures.classes] if net.named else list(pictures.labels)


def refuse_detector(net: Network) -> None:
    """Raise an `UnsupportedError` if the network finds objects rather than naming what is in a picture."""
    if net.classes:
        raise UnsupportedError(
            f"the network ends in [{net.layers[-1].kind}], not in [softmax]: it is a detector, and its outputs are not "
            "classes of the picture; use map()"
        )


def _scores(net: Network, pictures: ClassSet, form: Form) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield index and scores of every picture that can be read."""
    leaves = listed_leaves(net, pictures.listing.data)
    sight = Sight(form, net.width, net.height, net.channels, net.dialect)
    size = 1 if sight.alone else net.batch * net.steps
    paths = (listed.path for listed in pictures.listing)
    with _size_kept(net):
        for group in stream(paths, size, sight.fit, pictures.report, total=len(pictures), label="classified"):
            if sight.alone:
                index, ready = group[0]
                total = np.zeros(pictures.classes, np.float32)
                for x, tree in sight.views(ready.x):
                    for scores in _forward(net, x, tree=tree, leaves=leaves)[:, : pictures.classes]:
                        total += scores
                yield index, total
            else:
                x = np.stack([ready.x for _, ready in group])
                scores = _forward(net, x, tree=form != "crop", leaves=leaves)[:, : pictures.classes]
                yield from ((index, row) for (index, _), row in zip(group, scores, strict=True))


def _forward(
    net: Network, x: NDArray[np.float32], *, tree: bool, leaves: NDArray[np.bool_] | None
) -> NDArray[np.float32]:
    """Scores of the pictures in `x`, whose size the network takes on; with a tree of classes, of its leaves."""
    if x.shape[2:] != (net.height, net.width):
        net.resize(x.shape[3], x.shape[2])
    scores: NDArray[np.float32] = net.forward(x)[-1].reshape(len(x), -1)
    parents = net.class_parents if tree else None
    if parents is not None:
        scores = absolute(scores, parents, leaves_only=leaves is None)
        if leaves is not None:
            scores[:, ~leaves] = 0
    return scores


@contextmanager
def _size_kept(net: Network) -> Iterator[None]:
    width, height = net.width, net.height
    try:
        yield
    finally:
        if (net.width, net.height) != (width, height):
            net.resize(width, height)
