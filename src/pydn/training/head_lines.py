"""Lines that the programs pydn replaces print about a head after every mini-batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.training import Figures


def yolo_line(
    index: int, kind: str, facts: Mapping[str, Any], figures: Figures, images: int, *, dialect: str = "alexeyab"
) -> str:
    """Return what the reference prints about a [yolo] or [Gaussian_yolo].

    Parameters
    ----------
    index
        Of the layer.
    kind
        ``"yolo"`` or ``"Gaussian_yolo"``.
    facts
        Of the layer.
    figures
        Of one mini-batch.
    images
        In that mini-batch.
    dialect
        Whose program's line.

    Returns
    -------
    str
        Without the end of the line; AlexeyAB's ends with a blank.
    """
    if kind == "Gaussian_yolo":
        return f"{_overlaps(index, figures, facts['iou_loss'] != 'mse')}, {_gaussian_losses(figures, images)} "
    if dialect == "pjreddie":
        return _overlaps(index, figures, False)
    loss = facts["iou_loss"] if facts["iou_loss"] in ("mse", "giou") else "iou"
    normalizers = ", ".join(f"{name}: {facts[f'{name}_normalizer']:.2f}" for name in ("iou", "obj", "cls"))
    line = (
        f"v3 ({loss} loss, Normalizer: ({normalizers}) Region {index} "
        f"Avg (IOU: {figures.iou / max(1, figures.matched):f}), count: {figures.matched:.0f}"
    )
    if facts["show_details"]:
        line += f", class_loss = {figures.class_loss / images:f}, iou_loss = {figures.iou_loss / images:f}"
    return f"{line}, total_loss = {(figures.class_loss + figures.iou_loss) / images:f} "


def region_line(figures: Figures) -> str:
    """Return what the reference prints about a [region]."""
    recall = _mean(figures.recall_50, figures.matched)
    parts = {
        "Avg IOU": (figures.iou, figures.matched),
        "Class": (figures.class_score, figures.class_count),
        "Obj": (figures.objectness, figures.matched),
        "No Obj": (figures.no_objectness, figures.boxes),
    }
    shown = ", ".join(f"{name}: {_mean(*part)}" for name, part in parts.items())
    return f"Region {shown}, Avg Recall: {recall},  count: {figures.matched:.0f}"


def version1_line(figures: Figures) -> str:
    """Return what the reference prints about a [detection], without its mean of the other classes' values."""
    parts = {
        "Avg IOU": (figures.iou, figures.matched),
        "Pos Cat": (figures.class_score, figures.class_count),
        "Pos Obj": (figures.objectness, figures.matched),
        "Any Obj": (figures.no_objectness, figures.boxes),
    }
    shown = ", ".join(f"{name}: {_mean(*part)}" for name, part in parts.items())
    return f"Detection {shown}, count: {figures.matched:.0f}"


def boxes_line(figures: Figures) -> str:
    """Return what AlexeyAB's program prints after the heads.

    Parameters
    ----------
    figures
        Of all heads and all mini-batches of the run so far.

    Returns
    -------
    str
        Empty as long as no truth was assigned to a box.
    """
    if not figures.assigned:
        return ""
    share = 100 * figures.rewritten / figures.assigned
    return f" total_bbox = {figures.assigned:.0f}, rewritten_bbox = {share:f} % "


def _overlaps(index: int, figures: Figures, generalized: bool) -> str:
    parts = {
        "Avg IOU": (figures.giou if generalized else figures.iou, figures.matched),
        "Class": (figures.class_score, figures.class_count),
        "Obj": (figures.objectness, figures.matched),
        "No Obj": (figures.no_objectness, figures.boxes),
        ".5R": (figures.recall_50, figures.matched),
        ".75R": (figures.recall_75, figures.matched),
    }
    shown = ", ".join(f"{name}: {_mean(*part)}" for name, part in parts.items())
    return f"Region {index} {shown},  count: {figures.matched:.0f}"


def _mean(total: float, count: float) -> str:
    return f"{total / count:f}" if count else "-nan"  # as C prints 0 / 0


def _gaussian_losses(figures: Figures, images: int) -> str:
    rest = figures.cost - figures.class_loss - figures.iou_loss
    parts = {"class": figures.class_loss, "iou": figures.iou_loss, "uc": rest, "total": figures.cost}
    return ", ".join(f"{name}_loss = {value / images:.2f}" for name, value in parts.items())
