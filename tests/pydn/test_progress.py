"""Progress: on a terminal (a real one, of the system's pty) and nothing elsewhere."""

from __future__ import annotations

import io
import os
import pty
import re
import sys
import termios
from collections.abc import Callable, Iterator
from typing import TextIO

import pytest

from pydn import progress as module
from pydn.cli.common import note
from pydn.progress import Progress, clear, progress


class Screen:
    """A terminal, and what was written to it."""

    def __init__(self) -> None:
        self._main, other = pty.openpty()
        settings = termios.tcgetattr(other)
        settings[1] &= ~termios.OPOST  # what is written comes out as it is
        termios.tcsetattr(other, termios.TCSANOW, settings)
        self.columns(60)
        self.stream: TextIO = os.fdopen(other, "w", encoding="utf-8")

    def columns(self, count: int) -> None:
        termios.tcsetwinsize(self._main, (25, count))

    def read(self) -> str:
        self.stream.close()
        text = b""
        while True:
            try:
                data = os.read(self._main, 4096)
            except OSError:  # Linux: the other side is closed
                data = b""
            if not data:
                os.close(self._main)
                return text.decode()
            text += data

    def shown(self) -> list[str]:
        """Every line as it was seen, after each drawing."""
        return [line for line in self.read().replace("\n", "\r").split("\r") if line.strip()]


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    now = 100.0

    def forward(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(module, "monotonic", lambda: now)
    return forward


def test_line(screen: Screen, clock: Callable[[float], None]) -> None:
    with Progress(200, "images", screen.stream) as bar:
        for _ in range(50):
            clock(2)
            bar.advance(2, note="last.jpg")
        assert bar.text() == "images 100/200 50 %  1.0/s  1:40 left  last.jpg"
        clock(3600)
        bar.advance(100)
        assert bar.text() == "images 200/200 100 %  18.5 s each  1:01:40  last.jpg"
    assert screen.shown()[-1].strip() == "images 200/200 100 %  18.5 s each  1:01:40  last.jpg"


def test_length_of_the_iterable_is_the_total(screen: Screen, clock: Callable[[float], None]) -> None:
    for _ in progress([1, 2, 3, 4], label="squares", stream=screen.stream):
        clock(1)
    assert "squares 1/4 25 %  1.0/s  0:03 left" in screen.shown()[0]


def test_unknown_total(screen: Screen, clock: Callable[[float], None]) -> None:
    for _ in progress(iter([1, 2, 3, 4]), label="frames", stream=screen.stream):
        clock(0.75)
    assert screen.shown()[-1].strip() == "frames 4  1.3/s  0:03"


def test_what_was_done_before_does_not_count_for_the_rate(clock: Callable[[float], None]) -> None:
    bar = Progress(1000, "iterations", io.StringIO(), done=900)
    clock(10)
    bar.advance(10)
    assert bar.text() == "iterations 910/1000 91 %  1.0/s  1:30 left"


def test_nothing_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    assert list(progress(range(3), label="x", stream=stream)) == [0, 1, 2]
    assert stream.getvalue() == ""


def test_nothing_for_quick_work(screen: Screen) -> None:
    list(progress(range(1000), stream=screen.stream))
    assert screen.read() == ""


def test_drawn_ten_times_a_second_at_most(screen: Screen, clock: Callable[[float], None]) -> None:
    with Progress(10_000, "steps", screen.stream) as bar:
        for _ in range(10_000):
            clock(0.001)
            bar.advance()
    assert 90 <= len(screen.shown()) <= 97  # 9.5 of 10 seconds, and the end


def test_line_never_wraps(screen: Screen, clock: Callable[[float], None]) -> None:
    screen.columns(20)
    with Progress(None, "図" * 30, screen.stream) as bar:
        clock(1)
        bar.advance()
    assert all(len(line.replace(" ", "")) == 9 for line in screen.shown())  # 18 of the 19 cells


def test_shorter_line_leaves_nothing_of_the_longer_one(screen: Screen, clock: Callable[[float], None]) -> None:
    with Progress(None, "x", screen.stream) as bar:
        clock(1)
        bar.advance(note="a long note")
        clock(1)
        bar.advance(note="")
    first, second = screen.shown()[:2]
    assert len(second) == len(first)
    assert "note" not in second


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_line_is_finished_when_work_ends_early(
    screen: Screen, clock: Callable[[float], None], error: type[BaseException]
) -> None:
    def work() -> None:
        with Progress(3, "x", screen.stream) as bar:
            clock(1)
            bar.advance()
            raise error

    with pytest.raises(error):
        work()
    assert screen.read().endswith("x 1/3 33 %  1.0/s  0:02 left\n")


def test_break_finishes_the_line(screen: Screen, clock: Callable[[float], None]) -> None:
    steps = progress(range(9), stream=screen.stream)
    for step in steps:
        clock(1)
        if step == 2:
            break
    steps.close()  # type: ignore[attr-defined]
    assert screen.read().endswith("\n")


def test_clear_makes_room_for_a_message(screen: Screen, clock: Callable[[float], None]) -> None:
    clear()  # nothing is drawn: nothing happens
    with Progress(3, "x", screen.stream) as bar:
        clock(1)
        bar.advance()
        clear()
        screen.stream.write("message\n")
        clock(1)
        bar.advance()
    drawn = "x 1/3 33 %  1.0/s  0:02 left"
    assert f"\r{drawn}\r{' ' * len(drawn)}\rmessage\n\rx 2/3" in screen.read()


class _Odd(io.StringIO):
    def __init__(self, isatty: Callable[[], bool], write: Callable[[str], int] | None = None) -> None:
        super().__init__()
        self.isatty = isatty  # type: ignore[method-assign]
        if write is not None:
            self.write = write  # type: ignore[assignment, method-assign]


def _raise(*_: object) -> Iterator[None]:
    raise OSError(5, "Input/output error")


@pytest.mark.parametrize(
    "stream",
    [_Odd(lambda: True, _raise), _Odd(_raise), _Odd(lambda: True)],  # type: ignore[arg-type]
    ids=["gone", "unknown", "no file descriptor"],
)
def test_odd_terminals_do_no_harm(stream: TextIO, clock: Callable[[float], None]) -> None:
    for _ in progress(range(3), stream=stream):
        clock(1)


def test_no_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert list(progress(range(3))) == [0, 1, 2]


def test_terminal_without_the_letters(screen: Screen, clock: Callable[[float], None]) -> None:
    screen.stream.reconfigure(encoding="ascii")  # type: ignore[attr-defined]
    with Progress(None, "Größe", screen.stream) as bar:
        clock(1)
        bar.advance()
    assert "Gr??e 1" in screen.read()


def test_counts_only(screen: Screen, clock: Callable[[float], None]) -> None:
    with Progress(3, "x", screen.stream, show=False) as bar:
        clock(1)
        bar.advance(2)
    assert bar.done == 2
    assert screen.read() == ""


def test_messages_of_the_program_are_on_lines_of_their_own(
    screen: Screen, clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", screen.stream)
    with Progress(3, "x") as bar:
        clock(1)
        bar.advance()
        note("pydn: 2.jpg: not an image")
    assert re.search(r"\rx 1/3[^\r\n]*\r +\rpydn: 2.jpg: not an image\n\rx 1/3", screen.read())
