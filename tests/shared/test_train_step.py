"""`train_step` on lists of boxes gives the recorded losses: they arrive in the losses as the labels say."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import pydn

from .training_case import TrainingCase

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


def test_averaged_weights(shared: Path) -> None:
    """`ema_alpha=`: it begins in the middle, and replaces the weights 1000 iterations before the end."""
    folder = shared / "goldens/training/opt_ema"
    cfg = (folder / "net.cfg").read_bytes().replace(b"[net]", b"[net]\nreference_cpu=1", 1)
    files = [shared / "goldens/training/images_16x16" / f"image_{k:02}.png" for k in range(4)]
    x = np.stack([cv2.imread(str(file))[..., ::-1].transpose(2, 0, 1) / np.float32(255) for file in files])
    truth = np.load(folder / "truth.npz")["truth"].astype(np.float32)
    records = json.loads((folder / "expected_losses.json").read_text())["iterations"]
    with pydn.load(cfg, folder / "init.weights") as net:
        session = net.session()
        for record in records:
            step = session.step(x, truth)
            assert step.loss == pytest.approx(record["loss"], rel=1e-4)
            assert step.images == record["seen_after"]
        assert session.average is not None
        assert session.average.values is not None
        averaged = [session.average.values.get(key, values).ravel() for key, values in net.weights.items()]
        expected = {name: np.frombuffer((folder / name).read_bytes()[20:], np.float32) for name in _EMA_FILES}
        np.testing.assert_allclose(np.concatenate(averaged), expected["expected_ema.weights"], atol=1e-5)
        weights = np.frombuffer(net.weights.tobytes()[20:], np.float32)
        np.testing.assert_allclose(weights, expected["expected_10.weights"], atol=1e-5)


_EMA_FILES = ("expected_ema.weights", "expected_10.weights")


@pytest.mark.parametrize("name", ["rnn", "gru_pjreddie"])
def test_time_steps(shared: Path, name: str) -> None:
    """An iteration of a recurrent network: its rows are the images of the header, and share out the rate."""
    case = TrainingCase(shared / "goldens/training" / name)
    cfg = (case.folder / "net.cfg").read_bytes().replace(b"[net]", b"[net]\nreference_cpu=1", 1)
    with pydn.load(cfg, case.folder / "init.weights", dialect=case.dialect) as net:
        session = net.session()
        for record in case.iterations:
            step = session.step(case.x, case.truth(session.network.truths))
            assert step.loss == pytest.approx(record["loss"], rel=1e-4)
            assert (step.images, net.iteration) == (record["seen_after"], record["iteration"])
        wanted = np.frombuffer((case.folder / "expected_10.weights").read_bytes()[20:], np.float32)
        np.testing.assert_allclose(np.frombuffer(net.weights.tobytes()[20:], np.float32), wanted, atol=1e-4)
