"""``pydn detector map``, ``pydn detector recall`` and ``pydn compare-weights``: how good detectors are."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from .. import progress
from ..datafile import DataFile
from ..evaluation.detecting import check_detector
from ..evaluation.detectors import map_of, truth_of
from ..evaluation.map_result import MapResult
from ..evaluation.recall import RecallRow, measure_recall
from ..evaluation.rules import Metric
from ..evaluation.truth import TruthSet
from ..network import Network
from .common import note, note_problems, open_network
from .options import Command, Flag, Options, UsageError

_METRIC = Flag("metric", "whose rules: darknet (default), voc07, voc12 or coco", str, "NAME")
_THRESH = Flag("thresh", "count detections with a score above it (default 0.25)", float, "P")
_IOU = Flag("iou_thresh", "how much a detection must overlap its object (default 0.5)", float, "IOU")
_POINTS = Flag("points", "recalls to take the precision at: 0 (all, the default), 11 or 101", int, "N")
_BATCH = Flag("batch", "pictures in one forward (default 4)", int, "N")
_STRICT = Flag("strict", "end at the first thing that is wrong in the data")
_IGNORED: dict[str, type[bool] | type[int] | type[float] | type[str]] = {
    "dont_show": bool,
    "ext_output": bool,
    "hier": float,
    "out": str,
    "letter_box": bool,
    "benchmark_layers": bool,
    "cuda_debug_sync": bool,
    "show_imgs": bool,
    "prefix": str,
    "c": int,
    "s": int,
}
_WITHOUT_OUT = {name: kind for name, kind in _IGNORED.items() if name != "out"}

MAP = Command(
    "detector map",
    "DATA CFG [WEIGHTS]",
    "Prints the average precision of every class of DATA's valid= pictures, and counts at a threshold. Pictures are "
    "letterboxed if the cfg says letter_box=1; as in darknet, -letter_box changes nothing.",
    (
        _THRESH,
        _IOU,
        _POINTS,
        _METRIC,
        Flag("out", "write the result as .json, .csv or, with a picture's suffix, as a figure", str, "FILE"),
        _BATCH,
        _STRICT,
    ),
    _WITHOUT_OUT,
)
RECALL = Command(
    "detector recall",
    "DATA CFG [WEIGHTS]",
    "Prints how many objects of DATA's valid= pictures any box overlaps, whatever its class.",
    (
        Flag("out", "write the result as .json, .csv or .txt", str, "FILE"),
        _BATCH,
        _STRICT,
    ),
    _WITHOUT_OUT | {"thresh": float, "iou_thresh": float, "points": int},
)
COMPARE = Command(
    "compare-weights",
    "DATA CFG WEIGHTS …",
    "Evaluates several weights of one cfg side by side, and names the best by mAP, F1 and IoU.",
    (_THRESH, _IOU, _POINTS, _METRIC, _BATCH, _STRICT),
)
_LAYER_NUMBERS = {"region": 27, "yolo": 28, "Gaussian_yolo": 29}
"""What the reference prints as the kind of a detection layer."""
_BEST: tuple[tuple[str, Callable[[MapResult], float]], ...] = (
    ("mAP", lambda result: result.map),
    ("F1", lambda result: result.f1),
    ("average IoU", lambda result: result.average_iou),
)


def map_verb(options: Options) -> int:
    """Run ``detector map``; returns 1 if Ctrl-C was pressed or a picture could not be read."""
    data, net = _open(options, "map")
    print("\n calculation mAP (mean average precision)...")
    for number in net.head_layers:
        if (kind := _LAYER_NUMBERS.get(net.layers[number].kind)) is not None:
            print(f" Detection layer: {number} - type = {kind} ", flush=True)
    result = _evaluated(net, truth_of(net, data, strict=options.on("strict")), options)
    print(result)
    note(f"Total Detection Time: {result.seconds:.0f} Seconds")
    if result.rules.points == 0 and result.metric == "darknet":
        note("-points 101: recalls as COCO takes them; -points 11: as PASCAL VOC did until 2009")
    return _report(result, options)


def _open(options: Options, verb: str) -> tuple[DataFile, Network]:
    data = DataFile.read(options.words[0])
    net = open_network(options, options.words[1], options.word(2), data)
    check_detector(net, verb)
    _set_batch(net, options)
    return data, net


def _set_batch(net: Network, options: Options) -> None:
    batch = options.integer("batch")
    if batch is not None and batch < 1:
        raise UsageError(f"-batch must be 1 or more, not {batch}")
    if batch is not None or net.steps == 1:  # recurrent networks go on as they are
        net.resize(0, 0, batch=4 if batch is None else batch)


def _evaluated(net: Network, truth: TruthSet, options: Options) -> MapResult:
    metric = options.text("metric") or "darknet"
    if metric not in ("darknet", "voc07", "voc12", "coco"):
        raise UsageError(f"-metric is darknet, voc07, voc12 or coco, not {metric!r}")
    thresh, iou = options.number("thresh"), options.number("iou_thresh")
    return map_of(
        net,
        truth,
        iou=0.5 if iou is None else iou,
        thresh=0.25 if thresh is None else thresh,
        points=options.integer("points") or 0,
        metric=cast(Metric, metric),
    )


def _report(result: MapResult, options: Options) -> int:
    """Say on stderr what darknet does not; return the exit status."""
    pictures = result.evidence.pictures
    if not result.complete:
        note(f"pydn: interrupted: these figures are of {pictures} of {result.listed} pictures")
    note_problems(result.problems)
    out = options.text("out")
    if out is not None:
        result.save(out)
    return int(pictures < result.listed)


def recall_verb(options: Options) -> int:
    """Run ``detector recall``; returns 1 if Ctrl-C was pressed or a picture could not be read."""
    data, net = _open(options, "recall")
    result = measure_recall(net, truth_of(net, data, strict=options.on("strict")), each=print_row)
    if not result.complete:
        note(f"pydn: interrupted: these figures are of {len(result.rows)} of {result.listed} pictures")
    note_problems(result.problems)
    out = options.text("out")
    if out is not None:
        result.save(out)
    return int(len(result.rows) < result.listed)


def print_row(row: RecallRow) -> None:
    """Print the line of a picture."""
    progress.clear()
    print(row, flush=True)


def compare_weights(options: Options) -> int:
    """Run ``compare-weights``; returns 1 if Ctrl-C was pressed or a picture could not be read."""
    data = DataFile.read(options.words[0])
    results: list[tuple[str, MapResult]] = []
    truth: TruthSet | None = None
    for weights in options.words[2:]:
        with open_network(options, options.words[1], weights, data, quiet=True) as net:
            check_detector(net, "compare-weights")
            _set_batch(net, options)
            truth = truth_of(net, data, strict=options.on("strict")) if truth is None else truth
            start = time.perf_counter()
            results.append((weights, _evaluated(net, truth, options)))
            note(f"{weights}: {time.perf_counter() - start:.1f} seconds")
        if not results[-1][1].complete:
            break
    print("\n".join(comparison(results)))
    return _report(results[-1][1], options)


def comparison(results: Sequence[tuple[str, MapResult]]) -> list[str]:
    """Return a table with a line for each weights file, and the best ones."""
    names = [Path(name).name for name, _ in results]
    if len(set(names)) < len(names):
        names = [name for name, _ in results]
    width = max(map(len, [*names, "weights"]))
    lines = [f"{'weights':<{width}}     mAP      95 % interval  precision  recall     F1  avg IoU     TP     FP     FN"]
    for name, (_, one) in zip(names, results, strict=True):
        low, high = one.interval(samples=300)
        lines.append(
            f"{name:<{width}}  {one.map:6.2%} {low:8.2%} to {high:6.2%}  {one.precision:9.2%}  {one.recall:6.2%} "
            f"{one.f1:6.2%}  {one.average_iou:7.2%} {one.tp:6d} {one.fp:6d} {one.fn:6d}"
        )
    for title, figure in _BEST:
        best = max(range(len(results)), key=lambda i: _or_low(figure(results[i][1])))
        lines.append(f"best by {title}: {names[best]}")
    return lines


def _or_low(value: float) -> float:
    return -1.0 if value != value else value


VERBS: tuple[tuple[Command, Callable[[Options], int]], ...] = (
    (MAP, map_verb),
    (RECALL, recall_verb),
    (COMPARE, compare_weights),
)
