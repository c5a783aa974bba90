"""Darknet networks in Python: load ``.cfg`` and ``.weights``, detect, classify, inspect, train."""

from ._core.layer import Layer
from ._core.tensor import Tensor
from ._core.threads import set_num_threads
from ._core.weights import Weights
from ._version import __version__
from .anchors import Anchors, calc_anchors
from .check_report import CheckReport
from .checking import check
from .classification import Classification
from .datafile import DataFile
from .detections import Detection, Detections
from .device import Device, devices
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
from .templates import make as cfg_template
from .templates import names as cfg_templates

__all__ = [
    "Anchors",
    "CfgError",
    "CheckReport",
    "Classification",
    "DataError",
    "DataFile",
    "Detection",
    "Detections",
    "Device",
    "DeviceError",
    "Error",
    "Layer",
    "Network",
    "OutOfMemoryError",
    "ShapeError",
    "Tensor",
    "TrainingError",
    "UnsupportedError",
    "Weights",
    "WeightsError",
    "__version__",
    "calc_anchors",
    "cfg_template",
    "cfg_templates",
    "check",
    "devices",
    "load",
    "set_num_threads",
]
