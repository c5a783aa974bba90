"""VOC's XML to labels and back: numbers by hand, and what strangers' files may hold."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import pydn
from pydn import convert
from pydn.cli import main


def picture(path: Path, width: int = 500, height: int = 375) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((height, width, 3), np.uint8))


def annotation(*objects: str, size: str = "<width>500</width><height>375</height>", name: str = "a.jpg") -> str:
    return f"<annotation><filename>{name}</filename><size>{size}</size>{''.join(objects)}</annotation>"


def box(name: str, xmin: object, ymin: object, xmax: object, ymax: object, difficult: int = 0) -> str:
    return (
        f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmax>{xmax}</xmax><xmin>{xmin}</xmin>"
        f"<ymin>{ymin}</ymin><ymax>{ymax}</ymax></bndbox></object>"
    )


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """Two pictures with their XML beside them."""
    picture(tmp_path / "set/a.jpg")
    picture(tmp_path / "set/b.png", 100, 50)
    (tmp_path / "set/a.xml").write_text(
        annotation(box("dog", 48, 240, 195, 371), box("cat", 8, 12, 352, 498, difficult=1))
    )
    (tmp_path / "set/b.xml").write_text(annotation(box("cat", 60, 5, 20, 70), size="", name="%s"))
    return tmp_path / "set"


def test_numbers(flat: Path, tmp_path: Path) -> None:
    done = convert.voc(flat, tmp_path / "out")
    assert (done.names, done.pictures, done.boxes) == (("cat", "dog"), 2, 2)
    assert done.left_out == {"difficult": 1}
    assert done.problems == []
    # as voc_label.py: ((48 + 195) / 2 - 1) / 500, ((240 + 371) / 2 - 1) / 375, 147 / 500, 131 / 375
    assert (flat / "a.txt").read_text() == "1 0.241000 0.812000 0.294000 0.349333\n"
    # reversed, cut at the lower edge: x from 19 to 59 of 100, y from 4 to 50 of 50
    assert (flat / "b.txt").read_text() == "0 0.390000 0.540000 0.400000 0.920000\n"
    data = pydn.DataFile.read(tmp_path / "out/out.data")
    assert data["classes"] == "2"
    assert data.file("names").read_text() == "cat\ndog\n"
    assert data.file("train").read_text().splitlines() == [str(flat / "a.jpg"), str(flat / "b.png")]
    assert pydn.check(data).ok


@pytest.mark.parametrize(("rule", "label"), [("inclusive", "0.242000 0.813333 0.296000"), ("corners", "0.243000")])
def test_other_rules_of_pixels(flat: Path, tmp_path: Path, rule: str, label: str) -> None:
    convert.voc(flat, tmp_path / "out", pixels=rule)  # type: ignore[arg-type]
    assert (flat / "a.txt").read_text().startswith(f"1 {label}")


def test_difficult_and_names(flat: Path, tmp_path: Path) -> None:
    done = convert.voc(flat, tmp_path / "out", difficult=True, names=["dog"])
    assert done.boxes == 1
    assert done.left_out == {"of class cat, which is not asked for": 2}
    assert (flat / "b.txt").read_text() == ""


def test_the_tree_of_voc(tmp_path: Path) -> None:
    root = tmp_path / "VOC2007"
    for stem in ("000001", "000002", "000003"):
        picture(root / f"JPEGImages/{stem}.jpg")
        (root / "Annotations").mkdir(exist_ok=True)
        (root / f"Annotations/{stem}.xml").write_text(annotation(box("dog", 1, 1, 101, 76), name=f"{stem}.jpg"))
    sets = root / "ImageSets/Main"
    sets.mkdir(parents=True)
    (sets / "train.txt").write_text("000001  1\n000003 -1\n")
    (sets / "val.txt").write_text("000002\n")
    assert main(["convert", "voc", str(root), "-out", str(tmp_path / "voc")]) == 0
    assert (root / "labels/000002.txt").read_text() == "0 0.100000 0.100000 0.200000 0.200000\n"
    assert (tmp_path / "voc/valid.txt").read_text() == f"{root / 'JPEGImages/000002.jpg'}\n"
    report = pydn.check(tmp_path / "voc/voc.data")
    assert (report.ok, report.boxes) == (True, 3)


BOMB = """<!DOCTYPE a [<!ENTITY x "lol"><!ENTITY y "&x;&x;&x;&x;&x;&x;&x;&x;">]><annotation>&y;</annotation>"""
OUTSIDE = """<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation>&x;</annotation>"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "document type"),
        (OUTSIDE, "document type"),
        ("<a>" * 40 + "</a>" * 40, "33 deep"),
        ("<annotation>", "well-formed"),
        ("", "well-formed"),
        (annotation(box("dog", "x", 1, 2, 3)), "lacks its name or box"),
        (annotation(box("dog", "nan", 1, 2, 3)), "lacks its name or box"),
        (annotation(name="../../b.jpg"), ""),
        ('<?xml version="1.0" encoding="nobody-knows"?><a/>', "XML"),
    ],
)
def test_hostile_files(tmp_path: Path, text: str, said: str) -> None:
    picture(tmp_path / "set/a.jpg")
    picture(tmp_path / "set/good.jpg")
    (tmp_path / "b.jpg").write_bytes(b"")
    (tmp_path / "set/a.xml").write_text(text)
    (tmp_path / "set/good.xml").write_text(annotation(box("dog", 1, 1, 51, 51), name="good.jpg"))
    done = convert.voc(tmp_path / "set", tmp_path / "out")
    assert [said in problem.text for problem in done.problems] == ([True] if said else [])
    assert "good.jpg" in (tmp_path / "out/train.txt").read_text()
    assert not (tmp_path / "b.txt").exists()


def test_a_picture_that_is_missing(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(annotation(box("dog", 1, 1, 51, 51)))
    (tmp_path / "c.txt").write_text("a\nnone\n../a\n")
    picture(tmp_path / "c.jpg")
    (tmp_path / "c.xml").write_text(annotation(box("dog", 1, 1, 1, 51), box("dog", 600, 1, 700, 51), name="c.jpg"))
    done = convert.voc(tmp_path, tmp_path / "out", train=tmp_path / "c.txt", names=["dog"])
    assert [problem.text.split(":")[0] for problem in done.problems] == [
        f"its picture is not in {tmp_path}",
        "No such file or directory",
        "'../a' is not the name of a file here",
    ]
    done = convert.voc(tmp_path, tmp_path / "out", names=["dog"])
    assert (done.pictures, done.left_out) == (1, {"no area inside the picture": 2})
    with pytest.raises(pydn.DataError, match="no XML file"):
        convert.voc(tmp_path / "out", tmp_path / "out")


def test_there_and_back_to_the_digit(tmp_path: Path) -> None:
    """Whole pixels come back whole; labels of any six decimals come back to the digit."""
    random = np.random.default_rng(5)
    for number, (width, height) in enumerate([(500, 375), (3, 7), (4032, 3024), (161, 97)]):
        picture(tmp_path / f"p/{number}.png", width, height)
        left, top = random.integers(1, (width, height), (20, 2)).T
        right, bottom = random.integers(left + 1, width + 1), random.integers(top + 1, height + 1)
        rows = [box("dog", *edges) for edges in zip(left, top, right, bottom, strict=True)]
        size = f"<width>{width}</width><height>{height}</height>"
        (tmp_path / f"p/{number}.xml").write_text(annotation(*rows, size=size, name=f"{number}.png"))
    data = convert.voc(tmp_path / "p", tmp_path / "out").data
    convert.to_voc(data, tmp_path / "xml")
    for number in range(4):
        assert corners(tmp_path / f"xml/{number}.xml") == corners(tmp_path / f"p/{number}.xml")
        sizes = random.uniform(0.01, 0.5, (30, 2))
        centres = random.uniform(sizes / 2, 1 - sizes / 2)
        lines = [f"0 {x:.6f} {y:.6f} {w:.6f} {h:.6f}\n" for (x, y), (w, h) in zip(centres, sizes, strict=True)]
        (tmp_path / f"p/{number}.txt").write_text("".join(lines))
    labels = [(tmp_path / f"p/{number}.txt").read_text() for number in range(4)]
    assert main(["convert", "tovoc", str(data), str(tmp_path / "xml2"), "-pixels", "inclusive"]) == 0
    convert.voc(tmp_path / "xml2", tmp_path / "again", images=tmp_path / "p", pixels="inclusive")
    assert [(tmp_path / f"p/{number}.txt").read_text() for number in range(4)] == labels


def corners(path: Path) -> list[list[str]]:
    from xml.etree.ElementTree import parse

    boxes = parse(path).getroot().iter("bndbox")
    return [[str(found.findtext(key)) for key in ("xmin", "ymin", "xmax", "ymax")] for found in boxes]
