"""Real videos: what ``detector demo`` writes of them, beside what OpenCV reads and what `detect` finds."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

import pydn
from pydn.cli import main

_MODEL = "data/models/yolo-fastest-1.1-coco"
_ANIMALS = set("bird cat dog horse sheep cow elephant bear zebra giraffe".split())
_SEEN = {"golf.mp4": {"person"}, "golf_320_mjpeg.avi": {"person"}, "1mb.mp4": _ANIMALS}
"""What is to be seen in each: a golfer; a drawn rabbit, which is one animal or another to the network."""


def frames_of(path: Path) -> list[np.ndarray]:
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        good, image = capture.read()
        if not good:
            return frames
        frames.append(image)


@pytest.mark.parametrize("name", list(_SEEN))
def test_demo(shared: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model, video = shared / _MODEL, shared / "data/video" / name
    Path("coco.data").write_text(f"names={model / 'names'}\n")
    words = ["detector", "demo", "coco.data", str(model / "net.cfg"), str(model / "net.weights"), str(video)]
    assert main([*words, "-dont_show", "-out_filename", "out.mp4", "-json_file_output", "out.json"]) == 0

    facts = json.loads((shared / "data/video/expected_opencv.json").read_text())["videos"][name]
    read, written = frames_of(video), frames_of(Path("out.mp4"))
    assert len(read) == len(written) == facts["frames"]
    assert {image.shape for image in written} == {(facts["height"], facts["width"], 3)}
    assert cv2.VideoCapture("out.mp4").get(cv2.CAP_PROP_FPS) == pytest.approx(facts["fps"])

    frames = json.loads(Path("out.json").read_text(encoding="utf-8"))
    assert [frame["frame_id"] for frame in frames] == list(range(1, facts["frames"] + 1))
    with pydn.load(model / "net.cfg", model / "net.weights", names=model / "names") as net:
        for index in range(0, len(read), 15):
            found = net.detect(read[index])
            assert frames[index] == json.loads(found.to_json(frame_id=index + 1))
            _same_picture(written[index], found.draw(read[index]), read[index])
    labels = Counter(thing["name"] for frame in frames for thing in frame["objects"])
    assert labels.most_common(1)[0][0] in _SEEN[name]
    assert sum(labels[label] for label in _SEEN[name]) > 0.55 * labels.total()


def _same_picture(written: np.ndarray, drawn: np.ndarray, read: np.ndarray) -> None:
    """Check that a picture is the drawn one, but for what the encoder loses."""
    lost = np.abs(written.astype(int) - drawn)
    assert lost.mean() < 6
    boxes = (drawn != read).any(axis=2)
    if boxes.any():
        assert lost[boxes].mean() < 0.6 * np.abs(written.astype(int) - read)[boxes].mean()
