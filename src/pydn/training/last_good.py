"""The last weights with which everything was finite, to go back to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .session import Session

_Weights = dict[tuple[int, str], NDArray[np.float32]]


class LastGood:
    """Copies of a session's weights.

    When an iteration fails because of its data, the weights are those of before: only statistics have moved. Else they
    led to it themselves, and those of before the last update, with which the iteration before was finite, are the last
    good ones.

    Parameters
    ----------
    session
        Whose.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._weights: _Weights = {}
        self._stood: tuple[int, int, float | None] | None = None
        self._statistics: _Weights = {}
        self._seen = 0

    def begin(self) -> None:
        """Note what a forward alone changes."""
        net = self._session.network
        self._seen = net.seen
        self._statistics = {
            key: np.array(values) for key, values in net.weights.items() if key[1].rpartition(".")[2].startswith("roll")
        }

    def keep(self) -> None:
        """Copy the weights: everything was finite, and the update comes next."""
        session = self._session
        for key, values in session.network.weights.items():
            if key in self._weights:
                np.copyto(self._weights[key], values)
            else:
                self._weights[key] = np.array(values)
        self._stood = self._seen, session.iteration, session.average_loss

    def go_back(self, *, one: bool) -> None:
        """Put the weights back, to before this iteration if `one`, else as far as it takes; momentum begins anew."""
        session, net = self._session, self._session.network
        values = self._statistics
        net.seen = self._seen
        if self._stood is not None and not one:
            values = self._weights
            net.seen, session.iteration, session.average_loss = self._stood
        for key, array in values.items():
            net.weights[key][...] = array
        for layer, name in net.weights:
            gradient = net.gradient(layer, name)
            if gradient is not None:
                gradient[...] = 0
