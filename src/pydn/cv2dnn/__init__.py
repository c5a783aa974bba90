"""``cv2.dnn`` for darknet files: the functions and classes of OpenCV 4 that OpenCV 5 no longer has.

A script that says ``cv2.dnn.readNetFromDarknet`` goes on with ``import pydn.cv2dnn as dnn``, or unchanged after
``cv2.dnn = pydn.cv2dnn``. What is not of darknet comes from the installed ``cv2.dnn``.
"""

from __future__ import annotations

from typing import Any

import cv2.dnn as _dnn
from cv2.dnn import NMSBoxes, blobFromImage, blobFromImages

from .models import ClassificationModel, DetectionModel, Model
from .net import Layer, Net
from .reading import readNet, readNetFromDarknet

DNN_BACKEND_DEFAULT = 0
DNN_BACKEND_HALIDE = 1
DNN_BACKEND_INFERENCE_ENGINE = 2
DNN_BACKEND_OPENCV = 3
DNN_BACKEND_VKCOM = 4
DNN_BACKEND_CUDA = 5
DNN_BACKEND_WEBNN = 6
DNN_BACKEND_TIMVX = 7
DNN_BACKEND_CANN = 8
DNN_TARGET_CPU = 0
DNN_TARGET_OPENCL = 1
DNN_TARGET_OPENCL_FP16 = 2
DNN_TARGET_MYRIAD = 3
DNN_TARGET_VULKAN = 4
DNN_TARGET_FPGA = 5
DNN_TARGET_CUDA = 6
DNN_TARGET_CUDA_FP16 = 7
DNN_TARGET_HDDL = 8
DNN_TARGET_NPU = 9
DNN_TARGET_CPU_FP16 = 10

__all__ = [
    "ClassificationModel",
    "DetectionModel",
    "Layer",
    "Model",
    "NMSBoxes",
    "Net",
    "blobFromImage",
    "blobFromImages",
    "readNet",
    "readNetFromDarknet",
]
__all__ += [name for name in globals() if name.startswith("DNN_")]


def __getattr__(name: str) -> Any:
    return getattr(_dnn, name)
