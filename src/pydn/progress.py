"""Progress of long work: one line on a terminal that is drawn again and again, and nothing elsewhere."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from time import monotonic
from typing import TextIO, TypeVar
from unicodedata import east_asian_width

_T = TypeVar("_T")
_WAIT = 0.5
"""Seconds: what is done sooner draws nothing."""
_INTERVAL = 0.1
_showing: list[Progress] = []


def progress(
    iterable: Iterable[_T], total: int | None = None, label: str = "", stream: TextIO | None = None
) -> Iterator[_T]:
    """Yield what is in `iterable` and show how far that is.

    Parameters
    ----------
    iterable
        Anything to go through.
    total
        How many there will be; None: its length, if it has one.
    label
        What the line starts with.
    stream
        Where to draw; None: the standard error.

    Examples
    --------
    >>> [number**2 for number in progress(range(3), label="squares")]
    [0, 1, 4]
    """
    if total is None:
        with contextlib.suppress(TypeError):
            total = len(iterable)  # type: ignore[arg-type]
    with Progress(total, label, stream) as bar:
        for item in iterable:
            yield item
            bar.advance()


def clear() -> None:
    """Wipe the line that is drawn, if one is, so that something else can be printed; the next step draws it again."""
    if _showing:
        _showing[-1].wipe()


class Progress:
    """A line with a label, how much is done, the rate and the time left; used in a ``with`` statement.

    Parameters
    ----------
    total
        How many steps there will be; None: nobody knows.
    label
        What the line starts with.
    stream
        Where to draw; None: the standard error. Nothing is drawn where it is not a terminal.
    done
        Steps that were done before: they do not count for the rate.
    show
        False: count only.

    Examples
    --------
    >>> with Progress(10, "images") as bar:
    ...     bar.advance(10, note="loss 0.25")
    >>> bar.done
    10
    """

    def __init__(
        self,
        total: int | None = None,
        label: str = "",
        stream: TextIO | None = None,
        *,
        done: int = 0,
        show: bool = True,
    ) -> None:
        self.total, self.label, self.done, self.note = total, label, done, ""
        self._stream = _terminal(sys.stderr if stream is None else stream) if show else None
        self._started, self._before, self._width = monotonic(), done, 0
        self._next = self._started + _WAIT

    def __enter__(self) -> Progress:
        _showing.append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        """Leave the last state on the terminal, and the cursor on a line of its own."""
        _showing.remove(self)
        if self._next > self._started + _WAIT:  # it was drawn
            self._draw("\n")

    def advance(self, count: int = 1, note: str | None = None) -> None:
        """Say that `count` more steps are done; a `note` stays at the end of the line until there is another."""
        self.done += count
        self.note = self.note if note is None else note
        if self._stream is not None and (now := monotonic()) >= self._next:
            self._next = now + _INTERVAL
            self._draw()

    def wipe(self) -> None:
        """Overwrite the line with blanks."""
        if self._width:
            self._write(f"\r{' ' * self._width}\r")
            self._width = 0

    def text(self) -> str:
        """Return the line."""
        seconds, steps = monotonic() - self._started, self.done - self._before
        share = f"/{self.total} {100 * self.done // self.total:d} %" if self.total else ""
        parts = [f"{self.label} {self.done}{share}".strip()]
        if steps > 0 and seconds > 0:
            parts.append(f"{steps / seconds:.1f}/s" if steps >= seconds else f"{seconds / steps:.1f} s each")
        if steps > 0 and self.total and self.total > self.done:
            parts.append(f"{_clock(seconds / steps * (self.total - self.done))} left")
        else:
            parts.append(_clock(seconds))
        return "  ".join([*parts, self.note] if self.note else parts)

    def _draw(self, end: str = "") -> None:
        line = _cut(self.text(), _columns(self._stream) - 1)
        width = sum(map(_cells, line))
        self._write(f"\r{line}{' ' * (self._width - width)}{end}")
        self._width = 0 if end else width

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        encoding = self._stream.encoding or "ascii"
        try:
            self._stream.write(text.encode(encoding, "replace").decode(encoding))
            self._stream.flush()
        except (OSError, ValueError):  # the terminal went away
            self._stream = None


def _terminal(stream: TextIO | None) -> TextIO | None:
    try:
        return stream if stream is not None and stream.isatty() else None
    except (OSError, ValueError, AttributeError):  # closed, or something else that only looks like a file
        return None


def _columns(stream: TextIO | None) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80 if stream is not None else 80
    except (OSError, ValueError):
        return 80


def _cells(letter: str) -> int:
    return 2 if east_asian_width(letter) in "WF" else 1


def _cut(text: str, width: int) -> str:
    """Shorten a line that would wrap: the next one could not overwrite it."""
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    while sum(map(_cells, text)) > max(width, 1):
        text = text[:-1]
    return text


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
