"""Names and .data files that are wrong."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest

import pydn
from pydn import DataError, DataFile

from .bad_input import refused
from .test_bad_weights import CFG, WHOLE

# ---- names


@pytest.mark.parametrize(
    ("content", "line"),
    [
        pytest.param(bytes(range(256)), 1, id="all bytes"),
        pytest.param(b"cat\ndog\x07\n", 2, id="control character"),
        pytest.param("cat\ndog\n".encode("utf-16"), 1, id="UTF-16"),
        pytest.param(WHOLE, 1, id="a weights file"),
        pytest.param(b"cat\nd\0g\n", 2, id="NUL inside a name"),
    ],
)
def test_names_that_are_not_text(content: bytes, line: int, tmp_path: Path) -> None:
    path = tmp_path / "bad.names"
    path.write_bytes(content)
    found = refused(
        DataError, "give a text file in UTF-8 with one name a line", lambda: pydn.load(CFG, names=path), file=str(path)
    )
    assert found.startswith(f"{path}:{line}: binary data")


@pytest.mark.parametrize(
    ("content", "said", "names"),
    [
        pytest.param(b"", "0 names for 2 classes: check", ["class 0", "class 1"], id="empty"),
        pytest.param(b"cat\n", "1 names for 2 classes: check", ["cat", "class 1"], id="too few"),
        pytest.param(b"a\nb\nc\n", "3 names for 2 classes: check", ["a", "b", "c"], id="too many"),
        pytest.param(b"\n\n", "0 names for 2 classes: check", ["class 0", "class 1"], id="blank lines"),
    ],
)
def test_names_of_another_number_are_warned_about(
    content: bytes, said: str, names: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "odd.names"
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING, "pydn"):
        net = pydn.load(CFG, names=path, device="ref")
    assert said in caplog.text
    assert net.names == names


def test_names_that_are_no_names(tmp_path: Path) -> None:
    wrong: Any = 3
    refused(TypeError, "names must be a path or a list of strings, not int", lambda: pydn.load(CFG, names=wrong))
    wrong = ["cat", None]
    refused(TypeError, "names[1] is NoneType", lambda: pydn.load(CFG, names=wrong))
    refused(FileNotFoundError, "no.names", lambda: pydn.load(CFG, names=tmp_path / "no.names"))
    refused(IsADirectoryError, str(tmp_path), lambda: pydn.load(CFG, names=tmp_path))


# ---- .data files

DATA: dict[str, tuple[bytes, str, dict[str, Any]]] = {
    "missing =": (b"classes=2\nnames coco.names\n", "'names coco.names' is not of the form key = value", {"line": 2}),
    "missing key": (b"= 3\n", "'= 3' is not of the form key = value: correct the line", {"line": 1}),
    "missing value": (b"classes=2\n\nnames =\n", "names= is missing: add a line 'names = FILE'", {"line": 3}),
    "a list of names": (b"cat\ndog\n", "'cat' is not of the form key = value", {"line": 1}),
    "a cfg": (CFG, "'[net]' is not of the form", {"line": 1}),
    "binary": (bytes(range(256)), "binary data: this is not a .data file; give the text file", {"line": 1}),
    "a weights file": (WHOLE, "binary data: this is not a .data file", {"line": 1}),
    "a long line": (b"x" * 5000, "is not of the form key = value", {"line": 1}),
    "a line in another encoding": (b"classes=1\n" + b"\xe9" * 100, "'????", {"line": 2}),
}


@pytest.mark.parametrize("row", DATA.values(), ids=DATA)
def test_data(row: tuple[bytes, str, dict[str, Any]], tmp_path: Path) -> None:
    content, said, fields = row
    path = tmp_path / "bad.data"
    path.write_bytes(content)
    line = refused(DataError, said, lambda: pydn.load(CFG, data=path), file=str(path), **fields)
    assert line.startswith(f"{path}:{fields['line']}: ")


def test_names_that_the_data_file_does_not_find(tmp_path: Path) -> None:
    path = tmp_path / "x.data"
    path.write_text("classes=2\nnames = nowhere.names\n")
    line = refused(FileNotFoundError, "correct the path", lambda: pydn.load(CFG, data=path), filename="nowhere.names")
    assert f"{path}:2: names= " in line
    path.write_text("names = .\n")  # a folder is no file of names
    refused(FileNotFoundError, f"{path}:1: names= ", lambda: pydn.load(CFG, data=path))


def test_missing_keys(tmp_path: Path) -> None:
    path = tmp_path / "x.data"
    path.write_text("classes=2\n")
    assert pydn.load(CFG, data=path, device="ref").names == ["class 0", "class 1"]
    line = refused(DataError, "add a line 'names = FILE'", lambda: DataFile.read(path).file("names"), line=0)
    assert line.startswith(f"{path}: ")


@pytest.mark.parametrize("value", ["many", "2.5", "0x2", "2 3", "nan"])
def test_classes_that_are_no_number(value: str, tmp_path: Path) -> None:
    path = tmp_path / "x.data"
    path.write_text(f"# task\nclasses = {value}\n")
    line = refused(DataError, "must be a whole number", lambda: DataFile.read(path).integer("classes", 1), line=2)
    assert line.startswith(f"{path}:2: classes='{value}'")


def test_data_that_cannot_be_read(tmp_path: Path) -> None:
    refused(FileNotFoundError, "no.data", lambda: pydn.load(CFG, data=tmp_path / "no.data"))
    refused(IsADirectoryError, str(tmp_path), lambda: pydn.load(CFG, data=tmp_path))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_files_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "locked"
    path.write_bytes(b"classes=2\n")
    path.chmod(0)
    refused(PermissionError, str(path), lambda: pydn.load(CFG, data=path))
    refused(PermissionError, str(path), lambda: pydn.load(path))
    refused(PermissionError, str(path), lambda: pydn.load(CFG, path))
