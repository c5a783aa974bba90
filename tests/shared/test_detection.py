"""Boxes before and after suppression equal the reference's (`goldens/detection`)."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import pydn

CASES = """
detection_v1 gaussian_yolo region_logistic region_softmax region_tree yolo_new_coords yolo_v3 yolo_v4_scale_xy
""".split()
PJREDDIE = ["region_logistic", "region_softmax", "yolo_v3"]  # it lacks what the others need
METHODS = {"do_nms_sort": "sort", "do_nms_obj": "obj"}  # every other one is diounms_sort with a kind


def rows(boxes: list[dict[str, Any]]) -> np.ndarray:
    values = [[b["x"], b["y"], b["w"], b["h"], b["objectness"], *b["prob"]] for b in boxes]
    return np.array(values, dtype="f8").reshape(len(boxes), -1)


def in_units_of_the_image(boxes: list[dict[str, Any]], size: tuple[int, int]) -> list[dict[str, Any]]:
    """Boxes of a [detection] layer: the reference gives pixels even where units of the image were asked for."""
    width, height = size
    return [b | {"x": b["x"] / width, "y": b["y"] / height, "w": b["w"] / width, "h": b["h"] / height} for b in boxes]


def table(decoded: tuple[np.ndarray, ...]) -> np.ndarray:
    boxes, objectness, probabilities = decoded[:3]
    keep = (probabilities > 0).any(axis=1)
    return np.column_stack([boxes[keep], objectness[keep], probabilities[keep]]).astype("f8")


def uncertainties(decoded: tuple[np.ndarray | None, ...]) -> np.ndarray:
    probabilities, uncertainty = decoded[2:]
    return np.zeros((0, 4)) if uncertainty is None else uncertainty[(probabilities > 0).any(axis=1)]


def uncertainty_rows(boxes: list[dict[str, Any]]) -> np.ndarray:
    return np.array([b["uncertainty"] for b in boxes if "uncertainty" in b], dtype="f8").reshape(-1, 4)


def assert_same(ours: np.ndarray, expected: np.ndarray, what: str, unit: float = 1) -> None:
    assert len(ours) == len(expected), what
    if len(ours):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5 * unit, err_msg=what)


def by_position(boxes: np.ndarray) -> np.ndarray:
    return boxes[np.lexsort(boxes[:, 3::-1].T)] if len(boxes) else boxes


@pytest.mark.parametrize(
    ("case", "suffix"), [*((case, "") for case in CASES), *((case, "_pjreddie") for case in PJREDDIE)]
)
def test_boxes(shared: Path, engine: tuple[str, str | None], case: str, suffix: str) -> None:
    folder = shared / "goldens/detection" / case
    file = folder / f"detections{suffix}.json"
    golden = json.loads(file.read_text())
    outputs = np.load(folder / f"outputs{suffix}.npz")
    device, isa = engine
    net = pydn.load(
        folder / "net.cfg",
        folder / "init.weights",
        device=device,
        isa=isa,
        dialect="pjreddie" if suffix else "alexeyab",
        prepare="none" if suffix else "fuse",
    )
    image = cv2.imread(str(folder / "image.png"))
    size = (golden["image_w"], golden["image_h"])
    assert (image.shape[1], image.shape[0]) == size
    compared = 0
    for run in golden["runs"]:
        letter = bool(run["letterbox"])
        x = outputs[f"letter{int(letter)}_input"].reshape(1, net.channels, net.height, net.width)
        net.forward(x)
        options = {
            "thresh": run["thresh"],
            "hier": run["hier_thresh"],
            "image_size": size,
            "letterbox": letter,
            "relative": bool(run["relative"]),
        }
        what = f"{case}{suffix} {options}"
        # [detection] adds numbers of any size to the cell's place: nothing keeps a pixel coordinate near 1.
        raw = net.layers[-1].kind == "detection"
        unit = max(size) if raw and not run["relative"] else 1
        expected_of = partial(in_units_of_the_image, size=size) if raw and run["relative"] else list
        decoded = net.decode(**options, nms=0)
        assert_same(table(decoded), rows(expected_of(run["before_nms"])), what, unit)
        assert len(decoded[0]) == run["count_returned"], what
        assert_same(uncertainties(decoded), uncertainty_rows(run["before_nms"]), what)
        for after in run.get("after_nms", []):
            method = METHODS.get(after["method"], "kind")
            decoded = net.decode(
                **options,
                nms=after["nms_thresh"],
                nms_method=method,
                nms_kind=after["nms_kind"],
                nms_beta=after["beta_nms"],
            )
            expected = by_position(rows(expected_of(after["boxes"])))
            assert_same(by_position(table(decoded)), expected, f"{what} {after['method']} {after['nms_kind']}")
            compared += 1
    assert compared > 0
