"""An evaluation as JSON and as a table."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .map_result import MapResult

_FIGURES = (
    "map", "precision", "recall", "f1", "tp", "fp", "fn", "average_iou", "thresh", "detections_count", "truth_count",
    "listed", "complete", "seconds",
)  # fmt: skip


def to_json(result: MapResult) -> str:
    """Return all figures as a JSON object; a figure that there is none of is null."""
    content: dict[str, Any] = {"metric": result.metric, "rules": asdict(result.rules)}
    content |= {name: getattr(result, name) for name in _FIGURES}
    content |= {
        "interval": result.interval(),
        "pictures": result.evidence.pictures,
        "classes": [asdict(figures) for figures in result.classes],
        "sizes": [asdict(figures) for figures in result.sizes],
        "confusions": [
            {"class": name, "taken_for": other, "count": count} for name, other, count in result.confusion.most(100)
        ],
        "worst": [asdict(picture) for picture in result.worst()],
        "problems": [asdict(problem) for problem in result.problems],
    }
    if len(result.rules.ious) > 1:
        content["coco"] = asdict(result.coco)
    return json.dumps(plain(content), indent=1, allow_nan=False)


def to_csv(result: MapResult) -> str:
    """Return a table with a line a class; a figure that there is none of is empty."""
    from .map_result import ClassFigures

    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    names = [field.name for field in fields(ClassFigures)]
    table.writerow(names)
    for figures in result.classes:
        values = (plain(getattr(figures, name)) for name in names)
        table.writerow(["" if value is None else value for value in values])
    return text.getvalue()


def plain(value: Any) -> Any:
    """Replace NaN by None: JSON has no such number."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value
