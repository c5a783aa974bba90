"""What is read from a cfg's text, and its rewriting for another number of classes."""

from __future__ import annotations

import pytest

from pydn import CfgError
from pydn.cfgtext import referred_files, sections, split_lines, with_classes

YOLO = b"""[net]
width=32
# filters=99

[conv]
filters = 255
size=1

[yolo]
mask = 0,1,2
classes=80
num=9
anchors=1,2, 3,4

[convolutional]
size=1

[Gaussian_yolo]
num=2
"""


def edited(cfg: bytes, classes: int) -> list[tuple[str, dict[str, str]]]:
    found = sections(split_lines(with_classes(cfg, classes)))
    return [(s.kind, {key: value for key, (value, _) in s.options.items()}) for s in found]


def test_yolo_heads_and_the_convolutions_before_them() -> None:
    net, first, yolo, second, gaussian = edited(YOLO, 3)
    assert net == ("net", {"width": "32"})
    assert first == ("convolutional", {"filters": "24", "size": "1"})
    assert yolo[1]["classes"] == "3"
    assert second[1]["filters"] == str(2 * (9 + 3))  # it had none
    assert gaussian[1] == {"classes": "3", "num": "2"}
    assert b"# filters=99" in with_classes(YOLO, 3)


def test_line_ends_and_other_bytes_stay() -> None:
    cfg = YOLO.replace(b"\n", b"\r\n").replace(b"width", b"# \xff\nwidth")
    changed = with_classes(cfg, 80)
    assert changed.replace(b" ", b"").count(b"\r\n") == cfg.count(b"\r\n") + 2  # two lines that were missing
    assert b"\xff" in changed


@pytest.mark.parametrize(
    ("cfg", "key", "value"),
    [
        (b"[net]\n[convolutional]\nfilters=30\n[region]\nnum=5\nclasses=1\ncoords=4", "filters", "60"),
        (b"[net]\n[connected]\noutput=10\n[detection]\nside=2\nnum=2\ncoords=4\nclasses=1", "output", "68"),
        (b"[net]\n[convolutional]\nfilters=1000\n[avgpool]\n[softmax]", "filters", "7"),
        (b"[net]\n[connected]\noutput=1000\n[dropout]\n[softmax]\n[cost]", "output", "7"),
    ],
)
def test_other_heads(cfg: bytes, key: str, value: str) -> None:
    assert edited(cfg, 7)[1][1][key] == value


def test_what_cannot_be_rewritten() -> None:
    with pytest.raises(CfgError, match="only where there is a"):
        with_classes(b"[net]\n[convolutional]\n", 3)
    with pytest.raises(CfgError, match=r"stands before \[yolo\]") as caught:
        with_classes(b"[net]\n\n[yolo]\n", 3, file="x.cfg")
    assert (caught.value.file, caught.value.line) == ("x.cfg", 3)
    with pytest.raises(ValueError, match="1 or more"):
        with_classes(YOLO, 0)


def test_referred_files() -> None:
    cfg = b"[net]\n[region]\n tree = data/my tree.txt\nmap=a.map\nmap=b.map\n[softmax]\n#tree=no\n;map=no\n"
    assert list(referred_files(cfg)) == [
        ("tree", "data/mytree.txt", "data/my tree.txt"),
        ("map", "a.map", "a.map"),
    ]
