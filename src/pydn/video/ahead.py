"""An iterator that runs ahead in a thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from threading import Condition, Thread
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_NOTICE = 0.5
"""Seconds after which a wait looks up, so that Ctrl-C gets through on every system."""
_PATIENCE = 5.0
"""Seconds that `close` waits for an iterator that is stuck, say in a camera that went away."""


class Ahead(Generic[_Item]):
    """Iterate in a thread, some items ahead of who uses them.

    Parameters
    ----------
    items
        They are asked for, and closed, in the thread.
    room
        How many may wait.
    newest
        When there is no room the oldest one waiting is dropped; otherwise the thread waits.
    """

    def __init__(self, items: Generator[_Item], room: int, *, newest: bool = False) -> None:
        self._room, self._newest = room, newest
        self._waiting: deque[_Item] = deque()
        self._changed = Condition()
        self._ended = self._stopped = False
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, args=(items,), name="pydn-ahead", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[_Item]:
        return self

    def __next__(self) -> _Item:
        with self._changed:
            while not (self._waiting or self._ended):
                self._changed.wait(_NOTICE)
            if self._waiting:
                item = self._waiting.popleft()
                self._changed.notify()
                return item
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        raise StopIteration

    def close(self) -> None:
        """Stop the thread; what waits is dropped."""
        with self._changed:
            self._stopped = True
            self._waiting.clear()
            self._changed.notify()
        self._thread.join(_PATIENCE)

    def _run(self, items: Generator[_Item]) -> None:
        try:
            for item in items:
                if not self._put(item):
                    break
        except BaseException as error:  # it is raised where the item is asked for
            self._error = error
        finally:
            items.close()
            with self._changed:
                self._ended = True
                self._changed.notify()

    def _put(self, item: _Item) -> bool:
        """Add an item, or return False where nobody wants it any more."""
        with self._changed:
            while len(self._waiting) >= self._room and not (self._newest or self._stopped):
                self._changed.wait(_NOTICE)
            if self._stopped:
                return False
            if len(self._waiting) >= self._room:
                self._waiting.popleft()
            self._waiting.append(item)
            self._changed.notify()
            return True
