"""The hand-written detector finds what is drawn."""

from __future__ import annotations

import numpy as np
import pytest

import pydn
from pydn import demo


@pytest.mark.parametrize("seed", range(12))
def test_every_shape_is_found_and_nothing_else(backend: str, seed: int) -> None:
    image, shapes = demo.picture(seed)
    assert len(shapes) >= 4
    with demo.network(backend) as net:
        found = net.detect(image)
    for shape in shapes:
        best = max(found, key=lambda d: demo.overlap(shape.xyxy, d.xyxy))
        assert demo.overlap(shape.xyxy, best.xyxy) >= 0.5, shape
        assert best.label == shape.name
        assert best.confidence > 0.5
    assert len(found) == len(shapes)


def test_plain_texture_shows_nothing() -> None:
    image, shapes = demo.picture(3, count=0)
    assert shapes == []
    with demo.network() as net:
        assert len(net.detect(image)) == 0
        assert len(net.detect(np.zeros_like(image))) == 0


def test_pictures_differ_by_their_seed() -> None:
    first, again, other = demo.picture(1)[0], demo.picture(1)[0], demo.picture(2)[0]
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_templates_tell_shapes_apart() -> None:
    """A shape, drawn over the middle of a template's window in the template's size, and no shape at all."""
    templates = demo.templates().reshape(-1, len(demo.NAMES), *demo.templates().shape[1:])
    for of_size, size in list(zip(templates, demo._SIZES, strict=True))[2:]:
        for number, name in enumerate(demo.NAMES):
            window = np.zeros((100, 100), np.uint8)
            demo._paint(window, name, (50, 50), size, 1)
            mask = window.reshape(25, 4, 25, 4).mean(axis=(1, 3))
            answers = (of_size * mask).sum(axis=(1, 2))
            assert answers[number] > demo._EVIDENCE, (name, size)
            assert np.delete(answers, number).max() < 0.53, (name, size)


def test_a_shape_erased_is_not_found_and_a_template_erased_finds_nothing() -> None:
    """The detections come from the picture and from the templates: without either they are gone."""
    image, shapes = demo.picture(0)
    left, top, right, bottom = (round(value) for value in shapes[0].xyxy)
    covered = image.copy()
    covered[top - 2 : bottom + 3, left - 2 : right + 3] = 128
    with demo.network() as net:
        before = net.detect(image)
        assert len(net.detect(covered)) == len(before) - 1
        net.layers[3].weights[...] = 0
        assert len(net.detect(image)) == 0


def test_report_and_matches() -> None:
    shapes = [demo.Shape("disc", (0, 0, 255), (10, 10, 50, 50)), demo.Shape("cross", (0, 0, 255), (100, 10, 150, 60))]
    found = pydn.Detections([[10, 10, 50, 30]], [0.8], [0], [0.9], ["disc"], (200, 200))  # type: ignore[arg-type]
    assert demo.matches(shapes, found) == 1
    lines = demo.report(shapes, found).splitlines()
    assert lines[1].split() == ["disc", "10", "10", "50", "50", "disc", "80", "0.50"]
    assert lines[2].endswith("nothing")
