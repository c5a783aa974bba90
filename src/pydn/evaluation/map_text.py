"""The lines that darknet prints of an evaluation; other people's scripts read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .map_result import ClassFigures, MapResult


def number(value: float, form: str) -> str:
    """Format a number as C does, to which nothing divided by nothing is "-nan"."""
    return "-nan" if value != value else format(value, form)


def lines(result: MapResult) -> str:
    """Return all lines of `detector map`, from the count of the detections on."""
    parts = [
        f" detections_count = {result.detections_count}, unique_truth_count = {result.truth_count}  ",
        *(class_line(figures) for figures in result.classes),
        "",
        *threshold_lines(result),
        "",
        *mean_lines(result),
    ]
    if len(result.rules.ious) > 1:
        parts += ["", str(result.coco)]
    return "\n".join(parts)


def class_line(figures: ClassFigures) -> str:
    """Return the line of a class; without objects its average precision counts as 0."""
    ap = 0.0 if figures.ap != figures.ap else figures.ap
    return (
        f"class_id = {figures.class_id}, name = {figures.name}, ap = {100 * ap:2.2f}%   \t "
        f"(TP = {figures.tp}, FP = {figures.fp}) "
    )


def threshold_lines(result: MapResult) -> list[str]:
    """Return the lines of the counts at the threshold."""
    at = f" for conf_thresh = {result.thresh:1.2f}, "
    return [
        f"{at}precision = {number(result.precision, '1.2f')}, recall = {number(result.recall, '1.2f')}, "
        f"F1-score = {number(result.f1, '1.2f')} ",
        f"{at}TP = {result.tp}, FP = {result.fp}, FN = {result.fn}, "
        f"average IoU = {number(100 * result.average_iou, '2.2f')} % ",
    ]


def mean_lines(result: MapResult) -> list[str]:
    """Return the lines of the mean over the classes."""
    points, ious = result.rules.points, result.rules.ious
    curve = f"used {points} Recall-points" if points else "used Area-Under-Curve for each unique Recall"
    share = f"{100 * ious[0]:2.0f}" if len(ious) == 1 else f"{100 * ious[0]:2.0f} to {100 * ious[-1]:2.0f}"
    name = f"{ious[0]:0.2f}" if len(ious) == 1 else f"{ious[0]:0.2f}:{ious[-1]:0.2f}"
    fraction, percent = number(result.map, "0.6f"), number(100 * result.map, "2.2f")
    return [
        f" IoU threshold = {share} %, {curve} ",
        f" mean average precision (mAP@{name}) = {fraction}, or {percent} % ",
    ]
