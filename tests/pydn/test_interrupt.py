"""Ctrl-C: the program ends with one line and status 1, and leaves nothing half done."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from pydn import demo

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
PYDN = [sys.executable, "-m", "pydn"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("net.cfg").write_bytes(demo.cfg())
    Path("net.weights").write_bytes(demo.weights())
    Path("obj.data").write_text("classes = 4\n")
    cv2.imwrite("0.png", np.zeros((48, 64, 3), np.uint8))
    Path("list.txt").write_text("0.png\n" * 100_000)
    return tmp_path


def interrupt(words: Sequence[str], sign: str) -> tuple[int, str, str]:
    """Run until `sign` is on the standard output, press Ctrl-C, return status, output, messages."""
    with subprocess.Popen(
        [*PYDN, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        seen = ""
        while sign not in seen:
            letter = process.stdout.read(1)
            assert letter, process.communicate()
            seen += letter
        process.send_signal(signal.SIGINT)
        rest, messages = process.communicate(timeout=60)
        return process.returncode, seen + rest, messages


def test_list_of_images(folder: Path) -> None:
    words = ["detector", "test", "obj.data", "net.cfg", "net.weights", "list.txt", "-dont_show", "-out", "found.json"]
    status, _, err = interrupt(words, "milli-seconds.\n0.png")
    assert status == 1
    assert err.splitlines()[-1] == "pydn: interrupted"
    assert "Traceback" not in err
    found = json.loads(Path("found.json").read_text())  # what there was is there, and valid
    assert len(found) >= 1
    assert {one["filename"] for one in found} == {"0.png"}
    assert cv2.imread("predictions.jpg").shape == (48, 64, 3)
    assert not list(folder.glob(".*.tmp"))


def test_prompt(folder: Path) -> None:
    status, out, err = interrupt(["detector", "test", "obj.data", "net.cfg", "net.weights"], "Enter Image Path: ")
    assert status == 1
    assert out == "Enter Image Path: "
    assert err.splitlines()[-1] == "pydn: interrupted"
    assert "Traceback" not in err


def test_line_of_progress_is_finished(folder: Path) -> None:
    """With a terminal: Ctrl-C typed there while a line of progress is drawn."""
    terminal, other = pty.openpty()
    with subprocess.Popen(
        [*PYDN, "speed", "net.cfg", "100000000"], stdout=subprocess.PIPE, stderr=other, start_new_session=True
    ) as process:
        os.close(other)
        shown, end = b"", time.monotonic() + 60
        while b"forwards" not in shown and time.monotonic() < end:
            shown += os.read(terminal, 4096)
        process.send_signal(signal.SIGINT)
        try:
            while data := os.read(terminal, 4096):
                shown += data
        except OSError:  # Linux: the other side is closed
            pass
        assert process.wait(timeout=60) == 1
    os.close(terminal)
    lines = shown.decode().replace("\r\n", "\n").split("\n")
    assert lines[-2:] == ["pydn: interrupted", ""]
    assert "forwards" in lines[-3].rpartition("\r")[2]
    assert b"Traceback" not in shown
