"""Names files as they are found in the wild."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from pydn.names import fill_names, fit_names, parse_names, read_names


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"cat\ndog\n", ["cat", "dog"]),
        (b"cat\ndog", ["cat", "dog"]),
        (b"cat\r\ndog\r\n\r\n \r\n", ["cat", "dog"]),
        (b"cat\rdog\r", ["cat", "dog"]),
        (b"cat\n\ndog\n", ["cat", "", "dog"]),  # the number of the line is the class
        (b" traffic light \t\nhot dog\n", ["traffic light", "hot dog"]),
        (b"\xef\xbb\xbfcat\n", ["cat"]),  # byte order mark
        ("Straße\n猫\n".encode(), ["Straße", "猫"]),
        ("Straße\n".encode("cp1252"), ["Straße"]),
        (b"\x81\xff\n", ["\ufffdÿ"]),  # 0x81 is no character of Windows-1252 either
        (b"# not a comment\n", ["# not a comment"]),
        (b"", []),
        (b"\n\n\n", []),
    ],
)
def test_content(content: bytes, expected: list[str]) -> None:
    assert parse_names(content) == expected


def test_reads_a_file(tmp_path: Path) -> None:
    path = tmp_path / "ñames"
    path.write_bytes(b"cat\r\ndog\r\n")
    assert read_names(path) == ["cat", "dog"]
    with pytest.raises(FileNotFoundError):
        read_names(tmp_path / "absent")


@pytest.mark.parametrize(
    ("names", "classes", "expected"),
    [
        (None, 2, ["class 0", "class 1"]),
        (["cat"], 3, ["cat", "class 1", "class 2"]),
        (["", "dog"], 2, ["class 0", "dog"]),
        (["cat", "dog", "cow"], 2, ["cat", "dog", "cow"]),
        ([], 0, []),
    ],
)
def test_every_class_gets_a_name(names: list[str] | None, classes: int, expected: list[str]) -> None:
    assert fill_names(names, classes) == expected


@pytest.mark.parametrize(
    ("count", "exact", "warned"),
    [(2, True, False), (1, True, True), (3, True, True), (3, False, False), (1, False, True)],
)
def test_warns_when_the_count_differs(caplog: pytest.LogCaptureFixture, count: int, exact: bool, warned: bool) -> None:
    with caplog.at_level(logging.WARNING, "pydn"):
        fit_names(["x"] * count, 2, exact=exact)
    assert [record.getMessage().startswith(f"{count} names for 2 classes") for record in caplog.records] == [
        True
    ] * warned


def test_real_lists(shared: Path) -> None:
    assert read_names(shared / "data/names/coco.names")[15:17] == ["cat", "dog"]
    assert len(read_names(shared / "data/names/9k.names")) == 9418
