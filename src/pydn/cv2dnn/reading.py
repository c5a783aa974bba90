"""The functions that read a network: from files or from their contents, in the ways of OpenCV."""

# Names are OpenCV's.
# ruff: noqa: N802, N803

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeAlias

import cv2.dnn as _dnn
import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .net import Net

File: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | NDArray[np.uint8]
"""A path, or the content of a file."""


def readNetFromDarknet(cfgFile: File, darknetModel: File | None = None) -> Net:
    """Read a network.

    Parameters
    ----------
    cfgFile, darknetModel
        Paths, or contents as bytes or uint8 arrays. Without weights, parameters start as darknet starts training.

    Returns
    -------
    Net

    Raises
    ------
    FileNotFoundError
        If a file does not exist.
    CfgError, WeightsError
        If one is not what it should be.
    UnsupportedError
        If the cfg has a layer or an activation that OpenCV's importer does not know.
    """
    return _load(cfgFile, darknetModel)


def readNet(model: Any, config: Any = "", framework: Any = "") -> Any:
    """Read a network: a darknet one here, in either order of the files, any other kind with OpenCV's own function."""
    if isinstance(model, str) and model.lower() == "darknet" and not isinstance(config, str):
        return _load(framework, config)  # readNet(framework, bufferModel, bufferConfig)
    model, config = (os.fspath(file) if isinstance(file, os.PathLike) else file for file in (model, config))
    files = sorted((model, config), key=lambda file: not str(file).lower().endswith(".cfg"))
    named = str(files[0]).lower().endswith(".cfg")
    if framework == "darknet" or named or any(str(file).lower().endswith(".weights") for file in files):
        if not named:
            raise DataError(f"none of the files {model!r} and {config!r} is a .cfg")
        return _load(files[0], files[1] or None)
    return _dnn.readNet(model, config, framework)


def _load(cfg: File, weights: File | None) -> Net:
    text, cfg_file = _content(cfg)
    data, weights_file = (None, "") if weights is None else _content(weights)
    return Net._load(text, data, cfg_file, weights_file)


def _content(file: File) -> tuple[bytes, str]:
    if isinstance(file, (str, os.PathLike)):
        return Path(file).read_bytes(), os.fspath(file)
    return bytes(file), ""
