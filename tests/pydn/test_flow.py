"""`pydn flow`: darkflow's folders, JSON and lines; what it finds against darkflow's loops, written out here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import pydn
from pydn import darkflow
from pydn.class_names import COCO_NAMES_FILE, VOC_NAMES
from pydn.cli import main

Output = pytest.CaptureFixture[str]
CFG = """
[net]
width=32
height=16
channels=3
[convolutional]
batch_normalize=1
filters=6
size=3
pad=1
activation=leaky
[maxpool]
size=2
stride=2
[route]
layers=-1
[convolutional]
filters=16
size=1
activation=linear
[region]
anchors=1.5,1.2, 4,3
classes=3
num=2
softmax=1
thresh=0.3
"""
NAMES = ["bear", "café", "cat"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rng = np.random.default_rng(2)  # finds something
    monkeypatch.chdir(tmp_path)
    Path("cfg").mkdir()
    Path("cfg/a.cfg").write_text(CFG)
    net = pydn.load("cfg/a.cfg")
    for values in net.weights.values():
        values[...] = rng.normal(size=values.shape)
    net.weights[3, "weights"][...] *= 0.3
    net.weights[3, "biases"][...] = 0
    net.weights[0, "rolling_variance"][...] = rng.uniform(0.5, 2, 6)
    net.save("a.weights")
    Path("labels.txt").write_text("\n".join(NAMES) + "\n----\nnot a label\n")
    Path("img").mkdir()
    for name, size in (("1.jpg", (80, 120)), ("2.png", (100, 60)), ("10.JPEG", (64, 64))):
        picture = cv2.resize(rng.integers(0, 255, (5, 6, 3), np.uint8), size)
        Path("img", name).write_bytes(cv2.imencode(Path(name).suffix, picture)[1].tobytes())
    return tmp_path


WORDS = ["flow", "--imgdir", "img", "--model", "cfg/a.cfg", "--load", "a.weights"]


def sigmoid(x: float) -> float:
    return 1 / (1 + np.exp(-x))


def overlap(a: list[float], b: list[float]) -> float:
    sides = []
    for k in (0, 1):
        first = max(a[k] - a[k + 2] / 2, b[k] - b[k + 2] / 2)
        last = min(a[k] + a[k + 2] / 2, b[k] + b[k + 2] / 2)
        sides.append(last - first)
    common = max(sides[0], 0) * max(sides[1], 0)
    return common / (a[2] * a[3] + b[2] * b[3] - common)


def expected(file: str, threshold: float) -> list[dict[str, Any]]:
    """darkflow's loops, over the raw numbers of the last convolution."""
    image = cv2.imread(file)
    net = pydn.load("cfg/a.cfg", "a.weights", outputs="all", prepare="none")
    x = cv2.resize(image, (32, 16))[:, :, ::-1].transpose(2, 0, 1) / 255
    net.forward(np.ascontiguousarray(x[None]).astype("f4"))
    raw = net.layers[3].output.astype("f8")[0].reshape(2, 8, 8, 16)
    anchors = [(1.5, 1.2), (4, 3)]
    boxes, scores = [], []
    for row in range(8):
        for column in range(16):
            for k, (width, height) in enumerate(anchors):
                tx, ty, tw, th, sure, *classes = raw[k, :, row, column]
                x, y = (column + sigmoid(tx)) / 16, (row + sigmoid(ty)) / 8
                boxes.append([x, y, np.exp(tw) * width / 16, np.exp(th) * height / 8])
                powers = np.exp(np.array(classes) - max(classes))
                values = sigmoid(sure) * powers / powers.sum()
                scores.append([value if value > threshold else 0 for value in values])
    found: list[int] = []
    for c in range(3):
        for i in range(len(boxes)):
            if scores[i][c] == 0:
                continue
            for j in range(i + 1, len(boxes)):
                if scores[j][c] == 0 or overlap(boxes[i], boxes[j]) < 0.4:
                    continue
                if scores[j][c] > scores[i][c]:
                    scores[i][c] = 0
                    break
                scores[j][c] = 0
            if i not in found:
                found.append(i)
    height, width = image.shape[:2]
    rows = []
    for i in found:
        best = int(np.argmax(scores[i]))
        if scores[i][best] > threshold:
            x, y, w, h = boxes[i]
            left, top = int((x - w / 2) * width), int((y - h / 2) * height)
            right, bottom = int((x + w / 2) * width), int((y + h / 2) * height)
            rows.append(
                {
                    "label": NAMES[best],
                    "confidence": float(f"{scores[i][best]:.2f}"),
                    "topleft": {"x": max(left, 0), "y": max(top, 0)},
                    "bottomright": {"x": min(right, width - 1), "y": min(bottom, height - 1)},
                }
            )
    return rows


@pytest.mark.parametrize("threshold", [0.35, 0.6])
def test_json(folder: Path, capsys: Output, threshold: float) -> None:
    assert main([*WORDS, "--json", "--threshold", str(threshold)]) == 0
    count = 0
    for name in ("1.jpg", "2.png", "10.JPEG"):
        found = json.loads(Path("img/out", name).with_suffix(".json").read_text())
        wanted = expected(f"img/{name}", threshold)
        assert sorted(found, key=str) == sorted(wanted, key=str)
        assert [one["label"] for one in found] == sorted((one["label"] for one in found), key=NAMES.index)
        count += len(found)
    assert count > 20
    assert not list(Path("img/out").glob("*.[jp][pn]g"))


def test_threshold_is_the_cfgs(folder: Path, capsys: Output) -> None:
    assert main([*WORDS, "--json"]) == 0
    wanted = sorted(expected("img/1.jpg", 0.3), key=str)
    assert sorted(json.loads(Path("img/out/1.json").read_text()), key=str) == wanted
    assert main([*WORDS, "--json", "--threshold", "-0.1"]) == 0
    assert sorted(json.loads(Path("img/out/1.json").read_text()), key=str) == wanted


def test_nothing_found_is_an_empty_list(folder: Path) -> None:
    assert main([*WORDS, "--json", "--threshold", "0.999999"]) == 0
    assert Path("img/out/1.json").read_text() == "[]"


def test_lines(folder: Path, capsys: Output) -> None:
    size = Path("a.weights").stat().st_size
    assert main([*WORDS, "--batch", "2"]) == 0
    out, err = capsys.readouterr()
    number = r"\d+\.?\d*(e-?\d+)?"
    lines = [
        "", r"Parsing cfg/a\.cfg", r"Parsing cfg/a\.cfg", r"Loading a\.weights \.\.\.",
        f"Successfully identified {size} bytes", f"Finished in {number}s", "", r"Building net \.\.\.",
        r"Source \| Train\? \| Layer description                \| Output size",
        r"-{7}\+-{8}\+-{34}\+-{15}",
        r"       \|        \| input                            \| \(\?, 16, 32, 3\)",
        r" Load  \|  Yep!  \| conv 3x3p1_1  \+bnorm  leaky      \| \(\?, 16, 32, 6\)",
        r" Load  \|  Yep!  \| maxp 2x2p0_2                     \| \(\?, 8, 16, 6\)",
        r" Load  \|  Yep!  \| concat \[1\]                       \| \(\?, 8, 16, 6\)",
        r" Load  \|  Yep!  \| conv 1x1p0_1    linear           \| \(\?, 8, 16, 16\)",
        r"-{7}\+-{8}\+-{34}\+-{15}",
        "Running entirely on CPU", f"Finished in {number}s", "",
    ]  # fmt: skip
    for count in (2, 1):
        total = rf"Total time = {number}s / {count} inps = {number} ips"
        lines += [rf"Forwarding {count} inputs \.\.\.", total, rf"Post processing {count} inputs \.\.\.", total]
    assert len(out.splitlines()) == len(lines)
    for line, pattern in zip(out.splitlines(), lines, strict=True):
        assert re.fullmatch(pattern, line), (line, pattern)
    assert err == ""


def test_pictures(folder: Path) -> None:
    assert main(WORDS) == 0
    for name, shape in (("1.jpg", (120, 80, 3)), ("2.png", (60, 100, 3)), ("10.JPEG", (64, 64, 3))):
        picture = cv2.imread(f"img/out/{name}")
        assert picture.shape == shape
        assert (picture != cv2.imread(f"img/{name}")).any()


@pytest.mark.parametrize(
    ("words", "quiet", "as_json"),
    [
        (["--verbalise", "False", "--json", "true"], True, True),
        (["--json", "false"], False, False),
        (["-json", "-quiet"], True, True),
        (["--verbalise", "--gpu", "0.0", "--keep", "3"], False, False),
    ],
)
def test_switches_with_values(folder: Path, capsys: Output, words: list[str], quiet: bool, as_json: bool) -> None:
    assert main([*WORDS, *words]) == 0
    assert (capsys.readouterr().out == "") == quiet
    assert Path("img/out/1.json").exists() == as_json
    assert Path("img/out/1.jpg").exists() != as_json


def test_weights_that_are_not_named_as_the_cfg(folder: Path, capsys: Output) -> None:
    Path("a.weights").rename("b.weights")
    assert main([*WORDS[:-1], "b.weights"]) == 0
    assert capsys.readouterr().err == "UserWarning: cfg/b.cfg not found, use cfg/a.cfg instead\n"


def test_without_weights(folder: Path, capsys: Output) -> None:
    assert main(WORDS[:-2]) == 0
    out, err = capsys.readouterr()
    assert "no weights were given" in err
    assert " Init  |  Yep!  | conv 3x3" in out
    Path("bin/cfg").mkdir(parents=True)
    Path("a.weights").rename("bin/cfg/a.cfg.weights")
    assert main(WORDS[:-2]) == 0
    assert "Successfully identified" in capsys.readouterr().out


def test_an_image_that_cannot_be_read(folder: Path, capsys: Output) -> None:
    Path("img/3.jpg").write_text("no picture")
    assert main([*WORDS, "--json"]) == 1
    assert "img/3.jpg: not an image" in capsys.readouterr().err
    assert sorted(path.name for path in Path("img/out").iterdir()) == ["1.json", "10.json", "2.json"]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--train"], 2, "--train is not provided"),
        (["--savepb"], 2, "--savepb is not provided"),
        (["--pbLoad", "x.pb", "--metaLoad", "x.meta"], 2, "--pbLoad is not provided"),
        (["--demo", "camera"], 2, "--demo is not provided: video is for detector demo"),
        (["--batch", "0"], 2, "--batch must be 1 or more"),
        (["--threshold", "high"], 2, "--threshold needs a number"),
        (["--load", "-1"], 1, "checkpoint of TensorFlow"),
        (["--labels", "absent.txt"], 1, "absent.txt: No such file"),
        (["--imgdir", "absent"], 1, "absent: there is no such folder"),
        (["--imgdir", "cfg"], 1, "Error: Failed to find any images in cfg ."),
        (["--load", "longer.weights"], 1, "expect {size} bytes, found {more}"),
        (["--load", "shorter.weights"], 1, "shorter.weights"),
    ],
)
def test_failures(folder: Path, capsys: Output, words: list[str], status: int, said: str) -> None:
    content = Path("a.weights").read_bytes()
    Path("longer.weights").write_bytes(content + b"abcd")
    Path("shorter.weights").write_bytes(content[:-8])
    assert main([*WORDS, *words]) == status
    assert said.format(size=len(content), more=len(content) + 4) in capsys.readouterr().err
    assert not Path("img/out").exists()


def test_model_is_needed(folder: Path, capsys: Output) -> None:
    assert main(["flow", "--imgdir", "img"]) == 2
    assert "--model is missing" in capsys.readouterr().err


def test_labels(folder: Path) -> None:
    assert darkflow.labels_of("cfg/a.cfg", "labels.txt", "cfg", 3) == NAMES
    assert darkflow.labels_of("cfg/tiny-yolo-voc.cfg", "labels.txt", "cfg", 20) == list(VOC_NAMES)
    assert darkflow.labels_of("x/yolo.cfg", "labels.txt", "cfg", 80) == list(COCO_NAMES_FILE)
    Path("cfg/coco.names").write_text("a\nb\n")
    assert darkflow.labels_of("x/yolo.cfg", "labels.txt", "cfg", 2) == ["a", "b"]
    Path("cfg/9k.names").write_text("c\n")
    assert darkflow.labels_of("yolo9000.cfg", "labels.txt", "cfg", 1) == ["c"]
    for model, classes, said in (("cfg/a.cfg", 4, r"labels\.txt has 3 names"), ("yolo-voc.cfg", 3, "built-in labels")):
        with pytest.raises(pydn.DataError, match=said):
            darkflow.labels_of(model, "labels.txt", "cfg", classes)


def test_suppression_of_a_chain() -> None:
    """The first box meets a better second one and goes; the second then meets a better third one."""
    boxes = np.array([[0.1, 0.1, 0.1, 0.1], [0.12, 0.1, 0.1, 0.1], [0.15, 0.1, 0.1, 0.1], [0.5, 0.5, 0.1, 0.1]], "f4")
    scores = np.array([[0.5], [0.6], [0.4], [0.3]], "f4")
    assert darkflow.suppress(boxes, scores) == [0, 1, 3]
    np.testing.assert_array_equal(scores, np.array([[0], [0.6], [0], [0.3]], "f4"))
