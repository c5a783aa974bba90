"""How good a network is: truth to compare with, accuracy, average precision, and files for other evaluators."""

from __future__ import annotations

from .classification import valid
from .detector_valid import Written, write_detections
from .listing import DataSource, Problem
from .map_result import MapResult
from .recall import RecallResult
from .top_k import TopKResult
from .truth import Truth, TruthSet

__all__ = [
    "DataSource",
    "MapResult",
    "Problem",
    "RecallResult",
    "TopKResult",
    "Truth",
    "TruthSet",
    "Written",
    "valid",
    "write_detections",
]
