"""Batches of text for networks that read it character by character."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..characters import characters_of, one_hot, read_text
from .loader import Batch
from .randomness import generator
from .sampling import Stream
from .session import Session
from .trainer import Callback, Plan, Trainer

if TYPE_CHECKING:
    from ..network import Network

PERIOD = 10
"""Iterations that go on in the text where the one before ended; then each row of the batch begins at another place."""


class TextFeed:
    """Makes batches from a text; `Feed` of the trainer.

    Each image of the batch is a reader of its own: it reads ``time_steps=`` characters in each mini-batch and goes on
    from there in the next one, with what its layers remember. Every ten iterations all begin anew at random places.

    Parameters
    ----------
    text
        Bytes.
    session
        Whose network reads them.
    first
        Number of the first iteration.
    file
        What the text is called.

    Attributes
    ----------
    waited
        0: a batch is made at once.
    """

    waited = 0.0

    def __init__(self, text: NDArray[np.uint8], session: Session, first: int = 0, file: str = "") -> None:
        self._text, self._session, self._next, self._file = text, session, first, file
        self._closed = False

    def __iter__(self) -> Iterator[Batch]:
        began = True
        while not self._closed:
            if began or self._next % PERIOD == 0:
                self._session.network.reset_state()
            began = False
            yield self.batch(self._next)
            self._next += 1

    def close(self) -> None:
        """End after the batch that is in use."""
        self._closed = True

    def batch(self, iteration: int) -> Batch:
        """Return the batch of an iteration: rows of characters and of those that follow, as the network takes them."""
        network, parts = self._session.network, self._session.subdivisions
        places = [self._places(iteration, part) for part in range(parts)]
        read = np.concatenate([place.ravel() for place in places])
        size, characters = len(self._text), network.truths
        x = one_hot(self._text[read % size], characters)
        truth = one_hot(self._text[(read + 1) % size], characters)
        return Batch(iteration, x.reshape(len(x), *network.input.shape[1:]), truth, (self._file,))

    def _places(self, iteration: int, part: int) -> NDArray[np.int64]:
        """Return where each reader (column) reads at each time step (row) of a mini-batch."""
        session = self._session
        steps, readers = session.network.steps, session.batch // session.subdivisions
        period, turn = divmod(iteration, PERIOD)
        starts = [
            int(generator(session.seed, period, reader, Stream.TEXT).integers(len(self._text)))
            for reader in range(readers)
        ]
        done = (turn * session.subdivisions + part) * steps
        return np.array(starts, np.int64)[None] + done + np.arange(steps)[:, None]


def text_trainer(
    net: Network,
    path: str | os.PathLike[str],
    *,
    iterations: int | None = None,
    seed: int = 0,
    backup: str | os.PathLike[str] | None = None,
    base: str = "network",
    resume: bool = False,
    clear: bool = False,
    callbacks: Sequence[Callback] = (),
    say: Callable[[str], object] | None = None,
) -> Trainer:
    """Make the trainer of a network that reads text.

    Parameters
    ----------
    net
        With as many inputs as outputs.
    path
        The text.
    iterations, seed, backup, base, resume, clear, callbacks, say
        As for `Network.training`.

    Returns
    -------
    Trainer
    """
    text = read_text(path, characters_of(net))
    session = net.session(seed=seed)
    plan = Plan(
        iterations=iterations,
        backup=backup,
        base=base,
        resume=resume,
        clear=clear,
        names="text",
        epoch=len(text),
        say=say,
    )
    file = os.fspath(path)
    return Trainer(net, lambda first: TextFeed(text, session, first, file), plan, session=session, callbacks=callbacks)
