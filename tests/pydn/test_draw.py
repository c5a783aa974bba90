"""Boxes and labels on pictures."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pydn import Detections
from pydn.draw import class_color, line_width
from pydn.image import Pixels
from pydn.lettering import lettering, to_ascii

from .test_detections import made

GREY = 90


def drawn(boxes: list[list[float]], labels: list[str], width: int, height: int, confidence: float = 0.5) -> Pixels:
    count = len(boxes)
    found = Detections(boxes, [confidence] * count, list(range(count)), [1] * count, labels, (width, height))  # type: ignore[arg-type]
    return found.draw(np.full((height, width, 3), GREY, np.uint8))


def has_color(picture: Pixels, class_id: int) -> np.ndarray:
    """Where a colour is exactly that of a class."""
    return np.asarray((picture == np.array(class_color(class_id), np.uint8)).all(axis=2))


def test_the_image_is_left_alone() -> None:
    image = np.full((200, 100, 3), GREY, np.uint8)
    picture = made().draw(image)
    assert (image == GREY).all()
    assert picture.shape == image.shape
    assert (picture[70:135, 40] != GREY).any(axis=1).all()  # the dog's left edge
    assert (picture[150:200, 0:5] == GREY).all()
    assert made().draw(image[:, :, 0]).shape == (200, 100, 3)
    np.testing.assert_array_equal(made().draw(image[:, :, ::-1], rgb=True), picture[:, :, ::-1])
    np.testing.assert_array_equal(made().draw(image.astype(np.uint16) * 257), picture)
    with pytest.raises(ValueError, match="came from no file"):
        made().draw()


def test_wild_boxes() -> None:
    boxes = [[-1e9, -5, 1e9, 50], [np.nan, 0, np.inf, -np.inf], [90, 5, 20, 1]]
    assert (drawn(boxes, ["a", "猫", ""], 100, 100) != GREY).any()
    for width, height in ((1, 1), (1, 300), (300, 1), (9, 9), (40, 8)):
        assert drawn(boxes, ["a very long name", "猫", ""], width, height).shape == (height, width, 3)


def test_a_box_larger_than_the_picture_shows_all_its_lines() -> None:
    width, height = 600, 600
    picture = drawn([[-50, -50, 700, 700]], [""], width, height)
    box = has_color(picture, 0)
    assert line_width(width, height) == 2
    assert box[100:, 0].all()
    assert box[100:, -1].all()
    assert box[-1, :].all()
    assert not box[300, 5:-5].any()


def test_lines_grow_with_the_picture() -> None:
    assert [line_width(*size) for size in ((64, 64), (640, 480), (1920, 1080), (3840, 2160))] == [1, 2, 5, 10]
    for side in (200, 900, 2400):
        row = has_color(drawn([[side / 4, side / 8, side / 2, side * 7 / 8]], ["a"], side, side), 0)[side // 2]
        assert abs(int(row[: side * 3 // 8].sum()) - line_width(side, side)) <= 1


@pytest.mark.parametrize(
    "name", ["dog", "a very long name of a class that is longer than the picture is wide", "Straße"]
)
@pytest.mark.parametrize(
    ("left", "top"), [(-30, -30), (280, -30), (-30, 180), (280, 180), (140, -60), (140, 199), (-60, 90), (299, 90)]
)
def test_a_label_at_the_border_is_whole(name: str, left: int, top: int) -> None:
    """The same label drawn in the middle of a larger picture has as much ink: nothing of it was cut off."""
    picture = drawn([[left, top, left + 60, top + 60]], [name], 300, 200)
    wide = np.full((200, 300, 3), GREY, np.uint8)
    found = Detections([[120, 80, 180, 140]], [0.5], [0], [1], [name], (300, 200))  # type: ignore[arg-type]
    whole = found.draw(wide)
    assert ink(picture) == ink(whole) > 20


def ink(picture: Pixels) -> int:
    """Black pixels: class 0 has dark letters."""
    return int((picture < 40).all(axis=2).sum())


def test_labels_do_not_cover_each_other() -> None:
    boxes = [[100, 100, 300, 300]] * 6
    alone = Detections(boxes[:1], [0.9], [0], [1], ["person"], (640, 480))  # type: ignore[arg-type]
    together = Detections(boxes, [0.9 - 0.1 * i for i in range(6)], range(6), [1] * 6, ["person"] * 6, (640, 480))  # type: ignore[arg-type]
    image = np.full((480, 640, 3), GREY, np.uint8)
    whole = has_color(off_the_frame(alone.draw(image)), 0).sum()
    assert whole > 500
    picture = off_the_frame(together.draw(image))
    for class_id in range(6):
        assert has_color(picture, class_id).sum() > 0.75 * whole  # light and dark letters differ a little


def off_the_frame(picture: Pixels) -> Pixels:
    """Blacken what the lines of a box of 100..300 cover."""
    for side in (100, 300):
        picture[side - 2 : side + 3, 98:303] = picture[98:303, side - 2 : side + 3] = 0
    return picture


def test_the_most_confident_is_on_top() -> None:
    boxes = [[20, 50, 180, 150]] * 2
    for confidence, first in (([0.9, 0.4], 0), ([0.4, 0.9], 1)):
        found = Detections(boxes, confidence, [0, 1], [1, 1], ["a", "b"], (200, 200))  # type: ignore[arg-type]
        picture = found.draw(np.full((200, 200, 3), GREY, np.uint8))
        assert has_color(picture, first)[100, 20]


def test_colors() -> None:
    colors = [class_color(i) for i in range(80)]
    assert colors == [class_color(i) for i in range(80)]
    assert class_color(3) == colors[3]
    distances = [
        sum(abs(a - b) for a, b in zip(colors[i], colors[j], strict=True)) for i in range(80) for j in range(i)
    ]
    assert min(distances) > 12
    assert all(0 <= value <= 255 for color in colors for value in color)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(1, 200), st.integers(1, 200)),
    st.lists(st.tuples(*[st.floats(-300, 300, width=32)] * 4), max_size=4),
    st.text(st.characters(max_codepoint=0x2FFF), max_size=30),
)
def test_anything_can_be_drawn(size: tuple[int, int], boxes: list[list[float]], label: str) -> None:
    width, height = size
    assert drawn([list(box) for box in boxes], [label] * len(boxes), width, height).shape == (height, width, 3)


@pytest.mark.parametrize(
    ("text", "plain"),
    [("dog", "dog"), ("Müllwagen", "Mullwagen"), ("Straße", "Strasse"), ("Ørsted – Łódź", "Orsted - Lodz"),
     ("naïve?", "naive?"), ("cat 猫", "cat ?"), ("猫", "FALLBACK"), ("кошка", "FALLBACK"), ("", "")],
)  # fmt: skip
def test_to_ascii(text: str, plain: str) -> None:
    assert to_ascii(text, "FALLBACK") == plain


def test_without_pillow_labels_are_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIL", "PIL.ImageFont", "PIL.Image"):
        monkeypatch.setitem(sys.modules, name, None)
    box = [[20.0, 60.0, 180.0, 150.0]]
    np.testing.assert_array_equal(drawn(box, ["Müll"], 300, 200), drawn(box, ["Mull"], 300, 200))
    np.testing.assert_array_equal(drawn(box, ["猫"], 300, 200), drawn(box, ["class 0"], 300, 200))
    with pytest.raises(ImportError, match=r"pip install 'pydn\[plot\]'"):
        made().draw(np.zeros((200, 100, 3), np.uint8), font="DejaVuSans.ttf")


def some_font() -> str:
    pytest.importorskip("PIL.ImageFont")
    from pydn.lettering import _fonts

    path = next((path for path in _fonts() if Path(path).name in ("DejaVuSans.ttf", "NotoSans-Regular.ttf")), None)
    if path is None:
        pytest.skip("this machine has neither DejaVu nor Noto")
    return path


def test_letters_of_a_font() -> None:
    """A label of a font is not the one in ASCII, and each of its letters counts."""
    font = some_font()
    masks = [lettering(text, 20) for text in ("кошка", "кошма", "Mull", "Müll")]
    assert masks[0].shape[0] == masks[1].shape[0] == masks[3].shape[0]
    assert masks[0].shape != masks[1].shape or (masks[0] != masks[1]).any()
    dots = lettering("Müll", 20)[:8] > 128
    assert dots.sum() > (lettering("Mull", 20, font=font)[:8] > 128).sum()
    assert all(mask.max() > 200 for mask in masks)
    rows = np.nonzero((lettering("H", 40, font=font) > 128).any(axis=1))[0]
    assert abs(rows[-1] - rows[0] + 1 - 40) <= 2  # the height is that of capitals


def test_a_letter_that_no_font_has_falls_back() -> None:
    some_font()
    np.testing.assert_array_equal(lettering("\U000ffffd", 20, plain="class 7"), lettering("class 7", 20))
    with pytest.raises(OSError, match="cannot open resource"):
        lettering("a", 20, font="absent.ttf")
