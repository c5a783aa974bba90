"""The .data parser."""

from __future__ import annotations

from pathlib import Path

import pytest

from pydn import DataError, DataFile


def test_keys_values_comments_and_blanks() -> None:
    data = DataFile(
        "# comment\n classes= 80\n;names = old\n\nnames = data/my pictures/coco.names \r\nclasses=20\neval =\n"
    )
    assert dict(data) == {"classes": "80", "names": "data/my pictures/coco.names", "eval": ""}
    assert data.integer("classes", 2) == 80
    assert data.integer("top", 5) == 5
    assert "train" not in data


def test_a_value_may_hold_an_equals_sign() -> None:
    assert DataFile("train = a=b.txt")["train"] == "a=b.txt"


@pytest.mark.parametrize(
    ("text", "line"), [("classes 80", 1), ("classes=1\n\nnonsense\n", 3), ("=5", 1), ("#\n = 5\n", 2)]
)
def test_other_lines_are_errors(tmp_path: Path, text: str, line: int) -> None:
    path = tmp_path / "x.data"
    path.write_text(text)
    with pytest.raises(DataError, match="key = value") as caught:
        DataFile.read(path)
    assert (caught.value.file, caught.value.line) == (str(path), line)
    assert str(caught.value).startswith(f"{path}:{line}: ")


def test_a_number_that_is_none() -> None:
    with pytest.raises(DataError, match="classes='many' must be a whole number") as caught:
        DataFile("\nclasses = many").integer("classes", 1)
    assert caught.value.line == 2


def test_files_are_sought_here_then_beside_then_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = tmp_path / "darknet" / "cfg"
    above = tmp_path / "darknet" / "data"
    here = tmp_path / "here"
    for folder in (cfg, above, here):
        folder.mkdir(parents=True)
    monkeypatch.chdir(here)
    (cfg / "x.data").write_text("names = data/x.names\nlist = x list.txt\n")
    data = DataFile.read(cfg / "x.data")
    with pytest.raises(FileNotFoundError, match=r"x\.data:1: names= names a file that does not exist"):
        data.file("names")
    (above / "x.names").touch()
    assert data.file("names") == cfg.parent / "data/x.names"
    (cfg / "data").mkdir()
    (cfg / "data" / "x.names").touch()
    assert data.file("names") == cfg / "data/x.names"
    (here / "data").mkdir()
    (here / "data" / "x.names").touch()
    assert data.file("names") == Path("data/x.names")
    (cfg / "x list.txt").touch()
    assert data.file("list") == cfg / "x list.txt"


def test_a_missing_key_says_what_to_add() -> None:
    with pytest.raises(DataError, match="add a line 'train = FILE'"):
        DataFile("classes=1").file("train")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        DataFile.read(tmp_path / "absent.data")


def test_wild_files_parse(shared: Path) -> None:
    files = sorted((shared / "data").rglob("*.data"))
    assert len(files) > 40
    for file in files:
        data = DataFile.read(file)
        assert data.integer("classes", 1) > 0, file
