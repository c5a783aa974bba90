"""The rules called "coco" against pycocotools, and those called "voc07" and "voc12" against a plain second program."""

from __future__ import annotations

import contextlib
import io
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from pydn.evaluation.average_precision import average_precision, by_class, mean
from pydn.evaluation.coco import summarize
from pydn.evaluation.evidence import Evidence, Found, Objects
from pydn.evaluation.matching import match
from pydn.evaluation.overlaps import pixel_boxes
from pydn.evaluation.rules import rules_of

SIDE = 512
"""Boxes of whole pixels are exact in units of such a picture."""


def evidence(
    detections: list[tuple[int, int, float, tuple[float, float, float, float]]],
    objects: list[tuple[int, int, tuple[float, float, float, float], bool]],
    pictures: int,
    classes: int,
) -> Evidence:
    """Detections (picture, class, score, left top width height) and objects (…, difficult), in pixels."""

    def relative(boxes: list[tuple[float, float, float, float]]) -> np.ndarray:
        box = np.array(boxes, np.float64).reshape(-1, 4) / SIDE
        return np.concatenate([box[:, :2] + box[:, 2:] / 2, box[:, 2:]], axis=1).astype(np.float32)

    detections = sorted(detections, key=lambda one: one[0])
    objects = sorted(objects, key=lambda one: one[0])
    return Evidence(
        Found(
            np.array([one[0] for one in detections], np.int32),
            np.array([one[1] for one in detections], np.int32),
            np.array([one[2] for one in detections], np.float32),
            relative([one[3] for one in detections]),
        ),
        Objects(
            np.array([one[0] for one in objects], np.int32),
            np.array([one[1] for one in objects], np.int32),
            relative([one[2] for one in objects]),
            np.array([one[3] for one in objects], np.bool_),
        ),
        np.full((pictures, 2), SIDE, np.int32),
        [str(number) for number in range(classes)],
    )


def adversary(rng: np.random.Generator, *, crowds: bool = True) -> Evidence:
    """Few positions and scores, so that there are ties and duplicates; classes and pictures with nothing in them."""
    while not len((data := _drawn(rng, crowds=crowds)).found):  # pycocotools takes no empty list
        pass
    return data


def _drawn(rng: np.random.Generator, *, crowds: bool) -> Evidence:
    pictures, classes = int(rng.integers(1, 8)), int(rng.integers(1, 6))
    used = rng.integers(0, 2, classes) | (np.arange(classes) == 0)
    objects = []
    detections = []
    for picture in range(pictures):
        for _ in range(int(rng.integers(0, 9)) * int(rng.random() < 0.8)):
            size = rng.choice([8, 16, 32, 40, 96, 100, 200], 2)
            low = rng.integers(0, SIDE - 200, 2) // 8 * 8
            box = (float(low[0]), float(low[1]), float(size[0]), float(size[1]))
            class_id = int(rng.integers(0, classes))
            if used[class_id]:
                objects.append((picture, class_id, box, bool(crowds and rng.random() < 0.2)))
            for _ in range(int(rng.integers(0, 5))):
                shift = rng.integers(-1, 2, 4) * rng.choice([0, 1, 4, 8]) * float(rng.random() < 0.7)
                moved = (box[0] + shift[0], box[1] + shift[1], box[2] + shift[2], max(1.0, box[3] + shift[3]))
                wrong = int(rng.integers(0, classes)) if rng.random() < 0.2 else class_id
                inside = (max(moved[0], 0.0), max(moved[1], 0.0), max(moved[2], 1.0), moved[3])
                detections.append((picture, wrong, float(rng.choice([0.1, 0.25, 0.5, 0.75, 0.9])), inside))
    order = rng.permutation(len(detections))
    return evidence([detections[i] for i in order], objects, pictures, classes)


def pycocotools_figures(data: Evidence) -> list[float]:
    """The twelve figures, in the order of `CocoSummary`."""
    coco = pytest.importorskip("pycocotools.coco", reason="the peer: pip install pydn[coco]")
    cocoeval = pytest.importorskip("pycocotools.cocoeval", reason="the peer: pip install pydn[coco]")
    found, objects = data.found, data.objects
    truth = pixel_boxes(objects.box, data.sizes[objects.image])
    boxes = pixel_boxes(found.box, data.sizes[found.image], 0)
    annotations = [
        {
            "id": i + 1, "image_id": int(objects.image[i]), "category_id": int(objects.class_id[i]),
            "bbox": truth[i].tolist(), "area": float(truth[i, 2] * truth[i, 3]), "iscrowd": int(objects.difficult[i]),
        }
        for i in range(len(objects))
    ]  # fmt: skip
    results: list[dict[str, Any]] = [
        {
            "image_id": int(found.image[i]), "category_id": int(found.class_id[i]), "bbox": boxes[i].tolist(),
            "score": float(found.score[i]),
        }
        for i in range(len(found))
    ]  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        peer = coco.COCO()
        peer.dataset = {
            "info": {}, "images": [{"id": i} for i in range(data.pictures)], "annotations": annotations,
            "categories": [{"id": i} for i in range(data.classes)],
        }  # fmt: skip
        peer.createIndex()
        run = cocoeval.COCOeval(peer, peer.loadRes(results), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return [float(value) for value in run.stats]


def ours(data: Evidence) -> list[float]:
    summary = summarize(data, rules_of("coco"))
    values = [getattr(summary, name) for name in summary.__slots__]
    return [-1.0 if value != value else value for value in values]


@pytest.mark.parametrize("seed", range(40))
def test_figures_are_those_of_pycocotools(seed: int) -> None:
    data = adversary(np.random.default_rng(seed))
    np.testing.assert_allclose(ours(data), pycocotools_figures(data), atol=1e-6)


def test_more_detections_than_count_are_left_out_as_by_pycocotools(rng: np.random.Generator) -> None:
    box = (40.0, 40.0, 80.0, 80.0)
    many = [(0, 0, 0.3 + 0.001 * i, (300.0, 300.0, 20.0, 20.0)) for i in range(130)]
    data = evidence([*many, (0, 0, 0.2, box), (1, 0, 0.25, box)], [(0, 0, box, False), (1, 0, box, False)], 2, 1)
    figures = ours(data)
    np.testing.assert_allclose(figures, pycocotools_figures(data), atol=1e-6)
    assert figures[8] == 0.5  # the object of the first picture is found by the 131st detection only


def test_recalls_are_rounded_as_by_pycocotools() -> None:
    """At 29 of 100 objects exact arithmetic and that of pycocotools need not agree on recall 0.29."""
    objects = [(0, 0, (float(5 * (i % 50)), float(10 * (i // 50)), 4.0, 8.0), False) for i in range(100)]
    hits = [(0, 0, 1 - 0.005 * i, box) for i, (_, _, box, _) in enumerate(objects) if i % 3]
    misses = [(0, 0, 1 - 0.005 * i - 0.001, (400.0, 400.0, 4.0, 8.0)) for i in range(0, 100, 5)]
    data = evidence(hits + misses, objects, 1, 1)
    np.testing.assert_allclose(ours(data), pycocotools_figures(data), atol=1e-12)


# ---- PASCAL VOC: the plain way, box by box


def voc_overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Of left, top, right, bottom whose last pixels belong to the box."""
    width = min(a[2], b[2]) - max(a[0], b[0]) + 1
    height = min(a[3], b[3]) - max(a[1], b[1]) + 1
    if width <= 0 or height <= 0:
        return 0.0
    sizes = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (a, b)]
    return width * height / (sizes[0] + sizes[1] - width * height)


def voc_ap(data: Evidence, class_id: int, least: float, points: int) -> float | None:
    """Average precision of one class by VOC's rules; None where it has no objects."""

    def corners(boxes: np.ndarray, cut: bool) -> np.ndarray:
        centre, size = boxes[:, :2].astype(float) * SIDE, boxes[:, 2:].astype(float) * SIDE
        box = np.concatenate([centre - size / 2, centre + size / 2], axis=1)
        return np.clip(box, 0, SIDE - 1) if cut else box

    mine, theirs = corners(data.found.box, True), corners(data.objects.box, False)
    truths = [i for i in range(len(data.objects)) if data.objects.class_id[i] == class_id]
    count = sum(not data.objects.difficult[i] for i in truths)
    if not count:
        return None
    rows = [i for i in range(len(data.found)) if data.found.class_id[i] == class_id]
    rows.sort(key=lambda i: -data.found.score[i])
    used: set[int] = set()
    tp = fp = 0
    curve = []
    for row in rows:
        best, best_overlap = -1, 0.0
        for truth in truths:
            if data.objects.image[truth] != data.found.image[row]:
                continue
            overlap = voc_overlap(mine[row], theirs[truth])
            if overlap > best_overlap:
                best, best_overlap = truth, overlap
        if best >= 0 and best_overlap >= least:
            if data.objects.difficult[best]:
                continue
            if best in used:
                fp += 1
            else:
                used.add(best)
                tp += 1
        else:
            fp += 1
        curve.append((Fraction(tp, count), Fraction(tp, tp + fp)))
    if points:
        reached = [[p for r, p in curve if r >= Fraction(i, points - 1)] for i in range(points)]
        return float(sum((max(values, default=Fraction(0)) for values in reached), Fraction(0)) / points)
    area, before = Fraction(0), Fraction(0)
    for k, (recall, _) in enumerate(curve):
        area += (recall - before) * max(p for _, p in curve[k:])
        before = recall
    return float(area)


@pytest.mark.parametrize(("metric", "points"), [("voc07", 11), ("voc12", 0)])
@pytest.mark.parametrize("seed", range(15))
def test_voc_is_the_plain_way(seed: int, metric: Any, points: int) -> None:
    data = adversary(np.random.default_rng(100 + seed))
    rules = rules_of(metric)
    result = by_class(data, match(data, rules), rules)
    expected = [voc_ap(data, number, 0.5, points) for number in range(data.classes)]
    np.testing.assert_allclose(result[0], [np.nan if value is None else value for value in expected], atol=1e-12)
    there = [value for value in expected if value is not None]
    np.testing.assert_allclose(mean(result, rules), np.mean(there) if there else np.nan, atol=1e-12)


@pytest.mark.parametrize(
    ("true", "objects", "points", "expected", "why"),
    [
        ([1, 1], 2, 0, 1.0, "all found first"),
        ([0, 1], 1, 0, 0.5, "one false before it"),
        ([1, 0, 1], 2, 0, 0.5 + 0.5 * 2 / 3, "the better precision later on counts for earlier recalls"),
        ([1, 0, 1], 4, 0, 0.25 + 0.25 * 2 / 3, "recall ends at one half"),
        ([], 3, 0, 0.0, "nothing found"),
        ([1], 10, 11, 2 / 11, "recalls 0 and exactly 1/10"),
        ([1] * 3, 10, 11, 4 / 11, "recall 3/10 is reached, which floats would miss"),
        ([1], 100, 101, 2 / 101, "recalls 0 and exactly 1/100"),
        ([1] * 7, 7, 101, 1.0, "all"),
        ([0, 0], 2, 11, 0.0, "all false"),
    ],
)
def test_average_precision_by_hand(true: list[int], objects: int, points: int, expected: float, why: str) -> None:
    assert average_precision(np.array(true, np.bool_), objects, points) == pytest.approx(expected, abs=1e-15), why


def test_a_class_without_objects_has_no_average_precision() -> None:
    assert np.isnan(average_precision(np.array([False]), 0))


def test_no_detections_at_all() -> None:
    data = evidence([], [(0, 0, (8.0, 8.0, 16.0, 16.0), False)], 1, 2)
    for metric, expected in (("darknet", 0.0), ("voc07", 0.0), ("voc12", 0.0), ("coco", 0.0)):
        rules = rules_of(metric)  # type: ignore[arg-type]
        assert mean(by_class(data, match(data, rules), rules), rules) == expected


def test_nothing_at_all() -> None:
    data = evidence([], [], 0, 1)
    rules = rules_of("darknet")
    assert mean(by_class(data, match(data, rules), rules), rules) == 0
    assert np.isnan(ours(data)[0]) or ours(data)[0] == -1
