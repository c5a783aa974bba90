"""Darknet networks in Python: load ``.cfg`` and ``.weights``, detect, classify, inspect, train."""

from ._core.threads import set_num_threads
from ._version import __version__
from .classification import Classification
from .datafile import DataFile
from .detections import Detection, Detections
from .errors import (
    CfgError,
    DataError,
    DeviceError,
    Error,
    OutOfMemoryError,
    ShapeError,
    TrainingError,
    UnsupportedError,
    WeightsError,
)
from .loading import load
from .network import Network

__all__ = [
    "CfgError",
    "Classification",
    "DataError",
    "DataFile",
    "Detection",
    "Detections",
    "DeviceError",
    "Error",
    "Network",
    "OutOfMemoryError",
    "ShapeError",
    "TrainingError",
    "UnsupportedError",
    "WeightsError",
    "__version__",
    "load",
    "set_num_threads",
]
