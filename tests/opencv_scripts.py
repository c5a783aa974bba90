"""Shapes of scripts that are written for OpenCV 4, as functions of the module that they call ``cv2.dnn``."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

Found = list[tuple[int, float, list[int]]]
"""Class, confidence, box (left, top, width, height)."""


def loop_over_rows(dnn: Any, cfg: Any, weights: Any, image: Any, size: tuple[int, int]) -> Found:
    """Every row looked at in Python, output layers by their numbers, then suppression over all classes."""
    net = dnn.readNetFromDarknet(cfg, weights)
    net.setPreferableBackend(dnn.DNN_BACKEND_OPENCV)
    net.setPreferableTarget(dnn.DNN_TARGET_CPU)
    names = net.getLayerNames()
    outputs = [names[i - 1] for i in np.array(net.getUnconnectedOutLayers()).flatten()]
    net.setInput(dnn.blobFromImage(image, 1 / 255.0, size, (0, 0, 0), swapRB=True, crop=False))
    height, width = image.shape[:2]
    boxes, scores, classes = [], [], []
    for output in net.forward(outputs):
        for detection in output:
            best = int(np.argmax(detection[5:]))
            score = float(detection[5:][best])
            if score > 0.3:
                x, y, w, h = (detection[0:4] * np.array([width, height, width, height])).astype("int")
                boxes.append([int(x - w / 2), int(y - h / 2), int(w), int(h)])
                scores.append(score)
                classes.append(best)
    kept = dnn.NMSBoxes(boxes, scores, 0.3, 0.45)
    return [(classes[i], scores[i], boxes[i]) for i in np.array(kept).flatten()]


def whole_arrays(dnn: Any, cfg: Any, weights: Any, image: Any, size: tuple[int, int]) -> Found:
    """All rows in one array, the raw picture as a blob and the scale given to setInput, suppression class by class."""
    net = dnn.readNet(cfg, weights) if isinstance(cfg, str) else dnn.readNetFromDarknet(cfg, weights)
    blob = dnn.blobFromImage(cv2.resize(image, size), swapRB=True, ddepth=cv2.CV_8U)
    net.setInput(blob, scalefactor=1 / 255)
    rows = np.vstack(net.forward(net.getUnconnectedOutLayersNames()))
    height, width = image.shape[:2]
    corners = (rows[:, :2] - rows[:, 2:4] / 2) * (width, height)
    boxes = np.rint(np.hstack([corners, rows[:, 2:4] * (width, height)])).astype(int)
    found: Found = []
    for c in range(rows.shape[1] - 5):
        sure = np.flatnonzero(rows[:, 5 + c] > 0.3)
        kept = dnn.NMSBoxes(boxes[sure].tolist(), rows[sure, 5 + c].tolist(), 0.3, 0.45)
        found += [(c, float(rows[i, 5 + c]), boxes[i].tolist()) for i in sure[np.array(kept, dtype=int).flatten()]]
    return found


def detection_model(dnn: Any, cfg: Any, weights: Any, image: Any, size: tuple[int, int]) -> Found:
    """The high-level class."""
    model = dnn.DetectionModel(dnn.readNetFromDarknet(cfg, weights))
    model.setInputParams(size=size, scale=1 / 255, swapRB=True)
    classes, scores, boxes = model.detect(image, confThreshold=0.3, nmsThreshold=0.45)
    return [(int(c), float(s), [int(v) for v in box]) for c, s, box in zip(classes, scores, boxes, strict=True)]


SCRIPTS = [loop_over_rows, whole_arrays, detection_model]
