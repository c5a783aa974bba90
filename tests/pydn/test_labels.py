"""Where label files are."""

from __future__ import annotations

import pytest

from pydn.labels import label_path


@pytest.mark.parametrize(
    ("image", "alexeyab", "pjreddie"),
    [
        ("a/b.jpg", "a/b.txt", "a/b.txt"),
        ("a/b.JPG", "a/b.txt", "a/b.txt"),
        ("a/images/b.png", "a/images/b.txt", "a/labels/b.txt"),
        ("a/images/val2017/b.png", "a/labels/val2017/b.txt", "a/labels/val2017/b.txt"),
        ("VOC/JPEGImages/b.jpeg", "VOC/labels/b.txt", "VOC/labels/b.txt"),
        ("a.jpg/b.jpg", "a.jpg/b.txt", "a.jpg/b.txt"),
        ("b", "b.txt", "b.txt"),
        (r"C:\x\b.bmp", "C:/x/b.txt", "C:/x/b.txt"),
    ],
)
def test_path(image: str, alexeyab: str, pjreddie: str) -> None:
    assert label_path(image) == alexeyab
    assert label_path(image, "pjreddie") == pjreddie
