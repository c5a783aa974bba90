"""Text logs of darknet: lines in the shapes of both forks, written by hand, and the numbers that are in them."""
# ruff: noqa: W291 (lines of darknet end in blanks)

import math
from pathlib import Path

import pytest

from pydn.training import TrainResult, read_history
from pydn.training.head_lines import region_line, yolo_line

from .watching import figures

ALEXEYAB = """\
 CUDA-version: 10000 (10000), cuDNN: 7.4.2, GPU count: 1
yolo-obj
Learning Rate: 0.001, Momentum: 0.949, Decay: 0.0005
v3 (iou loss, Normalizer: (iou: 0.07, obj: 1.00, cls: 1.00) Region 16 Avg (IOU: 0.500000), count: 3, \
class_loss = 1.500000, iou_loss = 0.250000, total_loss = 1.750000 
v3 (iou loss, Normalizer: (iou: 0.07, obj: 1.00, cls: 1.00) Region 23 Avg (IOU: 0.000000), count: 1, \
class_loss = 0.500000, iou_loss = 0.000000, total_loss = 0.500000 
 total_bbox = 4, rewritten_bbox = 0.000000 % 
v3 (iou loss, Normalizer: (iou: 0.07, obj: 1.00, cls: 1.00) Region 16 Avg (IOU: 0.900000), count: 1, \
class_loss = 1.000000, iou_loss = 0.250000, total_loss = 1.250000 
v3 (iou loss, Normalizer: (iou: 0.07, obj: 1.00, cls: 1.00) Region 23 Avg (IOU: -nan), count: 0, \
class_loss = 0.250000, iou_loss = 0.000000, total_loss = 0.250000 
\x1b[H\x1b[J 1000/4000: loss=27.6 hours left=0.1\x07
 1000: 27.552214, 27.552214 avg loss, 0.000100 rate, 1.892316 seconds, 64000 images, 0.123456 hours left
Loaded: 0.000037 seconds
\r4\r8\r12
 mean average precision (mAP@0.50) = 0.625000, or 62.50 % 
 mean_average_precision (mAP@0.50) = 0.625000 
New best mAP!
\x1b[H\x1b[J 1001/4000: loss=26.1 map=0.62 best=0.62 hours left=0.1\x07
 (next mAP calculation at 1100 iterations) 
 Last accuracy mAP@0.50 = 62.50 %, best = 62.50 % 
 1001: 26.125000, 27.409493 avg loss, 1.3e-05 rate, 1.500000 seconds, 64064 images, 0.123456 hours left
"""

PJREDDIE = """\
Resizing
448
Loaded: 0.1 seconds
Region 82 Avg IOU: 0.250000, Class: 0.500000, Obj: 0.600000, No Obj: 0.400000, .5R: 0.000000, .75R: 0.000000,  count: 2
Region 94 Avg IOU: -nan, Class: -nan, Obj: -nan, No Obj: 0.450000, .5R: -nan, .75R: -nan,  count: 0
Region 82 Avg IOU: 0.750000, Class: 0.500000, Obj: 0.600000, No Obj: 0.200000, .5R: 1.000000, .75R: 0.500000,  count: 6
1: 527.500000, 527.500000 avg, 0.000000 rate, 3.250000 seconds, 64 images
2: 500.000000, 524.750000 avg, 0.000001 rate, 3.000000 seconds, 128 images
"""

REGION = """\
Learning Rate: 0.001, Momentum: 0.9, Decay: 0.0005
 512 x 512
Loaded: 0.532129 seconds
Region Avg IOU: 0.300000, Class: 0.037000, Obj: 0.500000, No Obj: 0.550000, Avg Recall: 0.500000,  count: 4
Region Avg IOU: 0.500000, Class: 0.041000, Obj: 0.500000, No Obj: 0.530000, Avg Recall: 0.000000,  count: 4

 1: 27.552214, 27.552214 avg loss, 0.000100 rate, 1.892316 seconds, 256 images
"""

CLASSIFIER = """\
Loaded: 0.010000 seconds
100, 0.512: 6.907755, 6.900000 avg, 0.099000 rate, 0.250000 seconds, 12800 images
101, 0.517: 6.807755, 6.890776 avg, 0.099000 rate, 0.250000 seconds, 12928 images, 1.5 hours left
 accuracy top1 = 0.250000 
102, 0.522: 6.700000, 6.871698 avg, 0.099000 rate, 0.250000 seconds, 13056 images, 1.5 hours left
"""

EPOCHS = """\
epoch: 1 step: 2, loss is 4.0
Epoch time: 3000.000, per step time: 1500.000
epoch: 2 step: 2, loss is 2.0
Epoch time: 2000.000, per step time: 1000.000
epoch: 3 step: 2, loss is 2.5
Epoch ti"""

HANK = """\
\x1b[1;32m12\x1b[0m: loss=3.5, avg loss=4.25, last=0.00%, best=0.00%, next=100, rate=0.00130000, load 64=1.2s, \
train=2.5s, 768 images, time remaining=2.1 hours
13: loss=3.25, avg loss=4.15, last=55.25%, best=55.25%, next=200, rate=0.00130000, load 64=1.2s, train=2.5s, \
832 images, time remaining=2.1 hours
"""


def read(folder: Path, text: str | bytes) -> TrainResult:
    path = folder / "train.log"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_history(path)


def numbers(result: TrainResult) -> list[tuple[float, ...]]:
    return [(s.iteration, s.loss, s.average_loss, s.learning_rate, s.seconds, s.images) for s in result]


def test_alexeyab(tmp_path: Path) -> None:
    result = read(tmp_path, ALEXEYAB)
    assert numbers(result) == [
        (1000, 27.552214, 27.552214, 0.0001, 1.892316, 64000),
        (1001, 26.125, 27.409493, 1.3e-05, 1.5, 64064),
    ]
    first, second = result
    assert list(first.heads) == [16, 23]
    assert (first.count, first.heads[16].matched) == (5, 4)
    assert first.heads[16].iou == pytest.approx(3 * 0.5 + 0.9)
    assert first.iou == pytest.approx((3 * 0.5 + 0.9) / 5)
    assert (first.class_loss, first.iou_loss) == (3.25, 0.5)
    assert not second.heads
    assert [(score.iteration, score.name, score.value) for score in result.scores] == [(1000, "map", 0.625)]


def test_pjreddie(tmp_path: Path) -> None:
    result = read(tmp_path, PJREDDIE)
    assert numbers(result) == [(1, 527.5, 527.5, 0.0, 3.25, 64), (2, 500.0, 524.75, 1e-06, 3.0, 128)]
    assert list(result[0].heads) == [82, 94]
    assert result[0].count == 8
    assert result[0].iou == pytest.approx((2 * 0.25 + 6 * 0.75) / 8)
    assert result[0].recall == pytest.approx(6 / 8)
    assert result[0].heads[82].no_objectness / result[0].heads[82].boxes == pytest.approx(0.3)


def test_region(tmp_path: Path) -> None:
    result = read(tmp_path, REGION)
    assert numbers(result) == [(1, 27.552214, 27.552214, 0.0001, 1.892316, 256)]
    assert (result[0].count, result[0].iou, result[0].recall) == (8, pytest.approx(0.4), pytest.approx(0.25))


def test_classifiers(tmp_path: Path) -> None:
    result = read(tmp_path, CLASSIFIER)
    assert [step.iteration for step in result] == [100, 101, 102]
    assert [step.images for step in result] == [12800, 12928, 13056]
    assert [(score.iteration, score.name, score.value) for score in result.scores] == [(101, "top1", 0.25)]


def test_logs_by_epochs(tmp_path: Path) -> None:
    """Two steps an epoch; the average is nine tenths of the last and one of the loss."""
    result = read(tmp_path, EPOCHS)
    assert [(s.iteration, s.loss) for s in result] == [(2, 4), (4, 2), (6, 2.5)]
    assert [s.average_loss for s in result] == pytest.approx([4, 3.8, 3.67])
    assert [s.seconds for s in result][:2] == [1.5, 1.0]
    assert math.isnan(result[2].seconds)


def test_hank_ai(tmp_path: Path) -> None:
    result = read(tmp_path, HANK)
    assert [(s.iteration, s.loss, s.average_loss, s.learning_rate, s.images) for s in result] == [
        (12, 3.5, 4.25, 0.0013, 768),
        (13, 3.25, 4.15, 0.0013, 832),
    ]
    assert [(score.iteration, score.value) for score in result.scores] == [(12, 0.5525)]


def test_a_score_that_every_iteration_repeats_is_one(tmp_path: Path) -> None:
    """Where the measurement itself went elsewhere: it was after the iteration before."""
    line = " {0}: 2.0, 2.0 avg loss, 0.001 rate, 1.0 seconds, {0}0 images, 1.0 hours left\n"
    said = " Last accuracy mAP@0.50 = {} %, best = 70.00 % \n"
    text = "".join(
        said.format(value) + line.format(k) for k, value in ((7, "0.00"), (8, "70.00"), (9, "70.00"), (10, "65.50"))
    )
    scores = read(tmp_path, text).scores
    assert [(score.iteration, score.value) for score in scores] == [(7, 0.7), (9, 0.655)]


@pytest.mark.parametrize("word", ["-nan", "nan", "-nan(ind)", "-1.#IND00", "1.#QNAN0"])
def test_what_is_no_number(tmp_path: Path, word: str) -> None:
    result = read(tmp_path, f" 1: {word}, {word} avg loss, 0.001 rate, 1.0 seconds, 64 images\n")
    assert len(result) == 1
    assert math.isnan(result[0].loss)
    assert math.isnan(result[0].average_loss)


def test_infinity(tmp_path: Path) -> None:
    result = read(tmp_path, "1: inf, -1.#INF00 avg, 0.001 rate, 1.0 seconds, 64 images\n")
    assert (result[0].loss, result[0].average_loss) == (math.inf, -math.inf)


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_line_that_was_cut_does_not_count(tmp_path: Path, cut: int) -> None:
    lines = PJREDDIE.rstrip("\n")
    assert len(read(tmp_path, lines[: -cut * 4])) == 1


def test_going_on_replaces(tmp_path: Path) -> None:
    line = "{}: {}, 9.0 avg, 0.001 rate, 1.0 seconds, 64 images\n"
    text = "".join(line.format(k, v) for k, v in ((1, 5), (2, 4), (3, 3), (4, 2), (3, 3.5), (4, 2.5)))
    assert [(step.iteration, step.loss) for step in read(tmp_path, text)] == [(1, 5), (2, 4), (3, 3.5), (4, 2.5)]


def test_scores_after_where_it_went_on_are_dropped(tmp_path: Path) -> None:
    line = "{}: 5.0, 9.0 avg loss, 0.001 rate, 1.0 seconds, 64 images\n"
    score = " mean_average_precision (mAP@0.50) = {} \n"
    text = line.format(1) + score.format(0.5) + line.format(2) + score.format(0.9) + line.format(2) + score.format(0.6)
    result = read(tmp_path, text)
    assert [(s.iteration, s.value) for s in result.scores] == [(1, 0.5), (2, 0.6)]
    assert result.best == result.scores[1]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    """PowerShell's, one with a mark in front, and one that is no UTF-8."""
    text = f"Größe\n{REGION}"
    assert len(read(tmp_path, text.encode(encoding))) == 1


@pytest.mark.parametrize("glue", ["Loaded: 0.000037 seconds", "4\r8\r", "\x1b[2K", "Done!\x07\n"])
def test_what_stands_before_it_on_its_line(tmp_path: Path, glue: str) -> None:
    result = read(tmp_path, f"{glue} 12: 5.5, 5.5 avg loss, 0.001 rate, 1.0 seconds, 64 images\n")
    assert (result[0].iteration, result[0].loss) == (12, 5.5)


@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
def test_lines_that_this_package_prints(tmp_path: Path, dialect: str) -> None:
    head = figures(matched=8, iou=4, recall_50=6, class_count=8, class_score=4, boxes=100, no_objectness=10)
    facts = {
        "iou_loss": "ciou",
        "iou_normalizer": 0.07,
        "obj_normalizer": 1.0,
        "cls_normalizer": 1.0,
        "show_details": 1,
    }
    lines = [yolo_line(7, "yolo", facts, head, 4, dialect=dialect), region_line(head)]
    step = read(tmp_path, "\n".join([*lines, "5: 1.0, 1.0 avg, 0.1 rate, 1.0 seconds, 64 images\n"]))[0]
    assert step.count == 16
    assert step.iou == pytest.approx(0.5)


@pytest.mark.parametrize(
    "garbage", [b"\x00" * 5000, b"\xff\xfe", b"\xff\xfe\x00", b"9" * 20000 + b" images", b"1: , avg images"]
)
def test_garbage(tmp_path: Path, garbage: bytes) -> None:
    with pytest.raises(Exception, match="no line about an iteration") as caught:
        read(tmp_path, garbage)
    assert type(caught.value).__name__ == "DataError"
