"""Flickr Logos 27 to labels: the published example, by hand."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from pydn import convert
from pydn.cli import main

ROWS = """144503924.jpg Adidas 1 38 12 234 142 
2451569770.jpg Adidas 1 242 208 413 331 
144503924.jpg Adidas 2 38 12 234 142 
9.jpg Puma 2 10 10 10 40
9.jpg Puma 2 5 5 2 1
nonsense
"""  # noqa: W291 (as in the set)


@pytest.fixture
def logos(tmp_path: Path) -> Path:
    (tmp_path / "logos/flickr_logos_27_dataset_images").mkdir(parents=True)
    for name, (width, height) in {"144503924": (280, 210), "2451569770": (500, 500), "9": (50, 50)}.items():
        path = tmp_path / f"logos/flickr_logos_27_dataset_images/{name}.jpg"
        cv2.imwrite(str(path), np.zeros((height, width, 3), np.uint8))
    (tmp_path / "logos/flickr_logos_27_dataset_training_set_annotation.txt").write_text(ROWS)
    return tmp_path / "logos"


def test_numbers(logos: Path, tmp_path: Path) -> None:
    out = tmp_path / "tmp"
    done = convert.flickr27(logos, out)
    assert (done.names, done.pictures, done.boxes) == (("Adidas", "Puma"), 4, 4)
    label = "0 0.4857142857142857 0.36666666666666664 0.7 0.6190476190476191\n"
    assert (out / "1_Adidas_144503924.txt").read_text() == label
    assert (out / "2_Adidas_144503924.txt").read_text() == label
    original = logos / "flickr_logos_27_dataset_images/144503924.jpg"
    assert (out / "1_Adidas_144503924.jpg").read_bytes() == original.read_bytes()
    assert (out / "2_Puma_9.txt").read_text() == "1 0.07 0.06 0.06 0.08\n"  # reversed: 2 to 5, 1 to 5 of 50
    assert done.left_out == {"no area inside the picture": 1}
    assert [problem.line for problem in done.problems] == [6]


def test_what_is_held_out_is_not_trained_on(logos: Path, tmp_path: Path) -> None:
    assert main(["convert", "flickr27", str(logos), "-out", str(tmp_path / "tmp"), "-held_out", "2"]) == 1
    assert [Path(line).name for line in (tmp_path / "tmp/train.txt").read_text().split()] == ["1_Adidas_2451569770.jpg"]
    assert len((tmp_path / "tmp/valid.txt").read_text().split()) == 2
