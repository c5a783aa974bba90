"""The names that are built in are those of the reference's files."""

from pathlib import Path

from pydn.class_names import COCO_NAMES_FILE, VOC_NAMES
from pydn.names import read_names


def test_names(shared: Path) -> None:
    assert list(VOC_NAMES) == read_names(shared / "data/names/voc.names")
    assert list(COCO_NAMES_FILE) == read_names(shared / "data/names/coco.names")
