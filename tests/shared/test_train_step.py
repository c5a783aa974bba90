"""`train_step` on lists of boxes gives the recorded losses: they arrive in the losses as the labels say."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import pydn

CASES = ("yolov3_mse", "yolov3_pjreddie", "yolov4_ciou", "gaussian_giou", "region_late", "region_early")


@pytest.mark.parametrize("case", CASES)
def test_boxes_reach_the_losses(shared: Path, case: str) -> None:
    folder = shared / "goldens/training" / case
    meta = json.loads((folder / "meta.json").read_text())
    expected = json.loads((folder / "expected_losses.json").read_text())["iterations"]
    labels = json.loads((folder / "labels.json").read_text())["boxes"]
    cfg = (folder / "net.cfg").read_bytes().replace(b"[net]", b"[net]\nreference_cpu=1", 1)
    dialect = "pjreddie" if meta["reference"].startswith("pjreddie") else "alexeyab"
    with pydn.load(cfg, folder / "init.weights", dialect=dialect) as net:
        files = [shared / "goldens" / meta["images"] / f"image_{k:02}.png" for k in range(net.cfg_batch)]
        x = np.stack([cv2.imread(str(file))[..., ::-1].transpose(2, 0, 1) / np.float32(255) for file in files])
        boxes = [np.array(rows, np.float32).reshape(-1, 5) for rows in labels[: net.cfg_batch]]
        assert max(map(len, boxes)) > 1
        for record in expected:
            step = net.train_step(x, boxes)
            assert step.loss == pytest.approx(record["loss"], rel=1e-4)
            assert step.learning_rate == pytest.approx(record["learning_rate"], rel=1e-6)
