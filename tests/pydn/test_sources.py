"""Folders, patterns and lists of images."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pydn import DataError
from pydn.sources import image_paths


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("10.jpg", "2.jpg", "1.PNG", "b.jpeg", "notes.md", "2.txt", "deep/3.jpg"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "folder.jpg").mkdir()
    return tmp_path


def names(paths: list[str] | None) -> list[str]:
    assert paths is not None
    return [Path(path).name for path in paths]


def test_folder(folder: Path) -> None:
    assert names(image_paths(folder)) == ["1.PNG", "2.jpg", "10.jpg", "b.jpeg"]
    assert image_paths(str(folder)) == image_paths(folder)
    with pytest.raises(DataError, match="no image in this folder") as caught:
        image_paths(folder / "folder.jpg")
    assert caught.value.file == str(folder / "folder.jpg")


def test_pattern(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert names(image_paths(folder / "*.jpg")) == ["2.jpg", "10.jpg"]
    assert names(image_paths(folder / "[0-9].*")) == ["1.PNG", "2.jpg", "2.txt"]
    assert names(image_paths(str(folder / "**" / "*.jpg"))) == ["2.jpg", "10.jpg", "3.jpg"]
    monkeypatch.chdir(folder)
    assert image_paths("*.jpeg") == ["b.jpeg"]
    with pytest.raises(DataError, match=r"\*\.bmp: no file matches this pattern"):
        image_paths("*.bmp")


def test_a_name_with_brackets_is_a_name(tmp_path: Path) -> None:
    path = tmp_path / "photo[1].jpg"
    path.write_bytes(b"x")
    assert image_paths(path) is None


def test_list(tmp_path: Path) -> None:
    path = tmp_path / "valid.txt"
    path.write_bytes("\ufeffb.jpg\r\n\r\n  a b.jpg \nä.png\nabsent.jpg".encode())
    assert image_paths(path) == ["b.jpg", "a b.jpg", "ä.png", "absent.jpg"]
    path.write_bytes(b"\n\n")
    with pytest.raises(DataError, match="the list names no image"):
        image_paths(path)
    path.write_bytes(b"a\0b")
    with pytest.raises(DataError, match="binary data"):
        image_paths(path)
    with pytest.raises(FileNotFoundError):
        image_paths(tmp_path / "absent.txt")


@pytest.mark.skipif(os.name == "nt", reason="names are bytes elsewhere only")
def test_names_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xff.jpg\n")
    assert image_paths(path) == [os.fsdecode(b"\xff.jpg")]


@pytest.mark.parametrize("path", ["dog.jpg", "", "absent/dog.png"])
def test_one_image(path: str) -> None:
    assert image_paths(path) is None
