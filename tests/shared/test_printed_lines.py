"""What `detector test` and `classifier predict` print, beside what the two reference programs printed."""

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import pydn
from pydn.cli import main

Output = pytest.CaptureFixture[str]
DETECTORS = ["gaussian", "region", "yolov3", "yolov4", "yolov4_letterbox"]
CLASSIFIERS = ["connected", "softmax"]
PJREDDIE = """
dronet-car mobilenetv2-yolov3-nano-coco yolo-fastest-1.1-coco yolo-fastest-voc yolo-lite-trial3-nobn-voc
yolo-lite-trial3-voc yolo-lite-trial6-coco yoloface-50k
""".split()


def plain(text: str) -> list[str]:
    """Lines without times, without the prompt, and without the reference's remark on the kind of each head."""
    text = re.sub(r" Detection layer: \d+ - type = \d+ \n", "", text.replace("Enter Image Path: ", ""))
    lines = [
        re.sub(r"Predicted in [\dT.]+ (milli-)?seconds", r"Predicted in T \1seconds", line) for line in text.split("\n")
    ]
    return [line for line in lines if line.strip()]


@pytest.mark.parametrize("letterbox", ["0", "1"])
@pytest.mark.parametrize("thresh", [".25", ".05"])
@pytest.mark.parametrize("net", DETECTORS)
def test_detector_test(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output, net: str, letterbox: str, thresh: str
) -> None:
    """All characters, of pictures from a list; save that a number whose digits end in 5 may round the other way."""
    folder = shared / "goldens/evaluation/detector"
    recorded = plain(
        json.loads((folder / f"{net}_raw_text.json").read_text())[f"test_letterbox{letterbox}_thresh{thresh}"]
    )
    pictures = [line.split(":")[0] for line in recorded if ": Predicted" in line]
    monkeypatch.chdir(tmp_path)
    for name in ("data", "names.txt"):
        Path(name).symlink_to(folder / name)
    Path("list.txt").write_text("\n".join(pictures))
    words = ["detector", "test", str(folder / "set.data"), str(folder / f"{net}.cfg"), str(folder / f"{net}.weights")]
    flags = ["-ext_output", "-thresh", thresh, "-dont_show", *(["-letter_box"] if letterbox == "1" else [])]
    assert main([*words, "list.txt", *flags]) == 0
    ours = plain(capsys.readouterr().out)
    assert len(ours) == len(recorded) >= 6
    other = [(a, b) for a, b in zip(ours, recorded, strict=True) if a != b]
    for a, b in other:
        assert re.sub(r"-?\d+", "#", a) == re.sub(r"-?\d+", "#", b)
        numbers = [[int(word) for word in re.findall(r"-?\d+", line)] for line in (a, b)]
        assert np.abs(np.subtract(*numbers)).max() <= 1
    assert len(other) <= len(recorded) // 100


@pytest.mark.parametrize("net", CLASSIFIERS)
@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
def test_classifier_predict(shared: Path, tmp_path: Path, capsys: Output, net: str, dialect: str) -> None:
    folder = shared / "goldens/evaluation/classifier"
    start = "predict " if dialect == "alexeyab" else "pjreddie_predict "
    texts = json.loads((folder / f"{net}_raw_text.json").read_text())
    texts = {key.removeprefix(start): text for key, text in texts.items() if key.startswith(start)}
    assert texts
    labels = (folder / "labels.txt").read_text()
    (tmp_path / "labels.txt").write_text(labels)
    (tmp_path / "set.data").write_text(f"names = {tmp_path / 'labels.txt'}\ntop = {len(labels.split())}\n")
    words = [
        "classifier",
        "predict",
        str(tmp_path / "set.data"),
        str(folder / f"{net}.cfg"),
        str(folder / f"{net}.weights"),
    ]
    for picture, text in texts.items():
        assert main([*words, str(folder / picture), "-compat", dialect]) == 0
        ours = plain(capsys.readouterr().out.replace(f"{folder}/", ""))
        recorded = plain(text)
        digits = r"\d+\.\d+"
        assert [re.sub(digits, "#", line) for line in ours] == [re.sub(digits, "#", line) for line in recorded]
        numbers = [[float(word) for word in re.findall(digits, "\n".join(lines))] for lines in (ours, recorded)]
        np.testing.assert_allclose(*numbers, atol=2e-5 if dialect == "alexeyab" else 0.011)


def recorded_objects(path: Path) -> dict[str, list[tuple[str, int]]]:
    """Picture → (label, percent) pairs, in order."""
    found: dict[str, list[tuple[str, int]]] = {}
    for line in path.read_text().splitlines()[1:]:
        if line.endswith(": Predicted."):
            found[rows_of := line.removesuffix(": Predicted.")] = []
        elif match := re.fullmatch(r"(.+): (\d+)%", line):
            found[rows_of].append((match[1], int(match[2])))
    return found


def near(a: list[tuple[str, int]], b: list[tuple[str, int]], percent: int, thresh: int) -> list[tuple[str, int]]:
    """Rows of `a` that have no partner in `b`, save those as near the threshold."""
    free = list(b)
    left = []
    for label, value in a:
        partners = [row for row in free if row[0] == label and abs(row[1] - value) <= percent]
        if partners:
            free.remove(min(partners, key=lambda row: abs(row[1] - value)))
        elif value > thresh + percent:
            left.append((label, value))
    return left


@pytest.mark.parametrize("model", PJREDDIE)
def test_pjreddie_detector_test(shared: Path, model: str) -> None:
    """Its printed objects: of PNG files all lines, of JPEG files within the decoder's difference."""
    folder = shared / "data/models" / model
    net = pydn.load(folder / "net.cfg", folder / "net.weights", names=folder / "names", dialect="pjreddie")
    pictures = recorded_objects(folder / "pjreddie_detector_test.txt")
    assert len(pictures) >= 12
    left = []
    for picture, recorded in pictures.items():
        found = net.detect(shared / "data" / picture, thresh=0.25)
        ours = [(d.label, round(100 * d.confidence)) for d in found]
        if picture.endswith(".png"):
            assert Counter(ours) == Counter(recorded), picture
        else:
            left += [(picture, row) for row in near(ours, recorded, 2, 25) + near(recorded, ours, 2, 25)]
    assert len(left) <= 1, left  # two boxes may overlap by almost exactly the threshold of the suppression
