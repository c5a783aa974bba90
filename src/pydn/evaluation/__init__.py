"""How good a network is: truth to compare with, accuracy, average precision, and files for other evaluators."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .classification import valid
    from .detector_valid import Written, write_detections
    from .listing import DataSource, Problem
    from .map_result import MapResult
    from .recall import RecallResult
    from .rules import Rules
    from .top_k import TopKResult
    from .truth import Truth, TruthSet

__all__ = [
    "DataSource",
    "MapResult",
    "Problem",
    "RecallResult",
    "Rules",
    "TopKResult",
    "Truth",
    "TruthSet",
    "Written",
    "valid",
    "write_detections",
]
_HOMES = {
    "DataSource": "listing",
    "MapResult": "map_result",
    "Problem": "listing",
    "RecallResult": "recall",
    "Rules": "rules",
    "TopKResult": "top_k",
    "Truth": "truth",
    "TruthSet": "truth",
    "Written": "detector_valid",
    "valid": "classification",
    "write_detections": "detector_valid",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: a program that does not evaluate starts sooner."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
