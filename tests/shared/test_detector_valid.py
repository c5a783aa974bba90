"""Files of ``detector valid`` against those of the reference."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydn
from pydn.batches import make_ready
from pydn.cli import main
from pydn.evaluation.flipping import flipped_average
from pydn.preprocess import detector_input

NUMBER = re.compile(r"-?\d+\.\d+")


def assert_equal_files(found: Path, expected: Path, tolerance: float = 2e-4) -> None:
    """Equal line by line, in the same order, but for the last digits."""
    lines, others = found.read_text().split("\n"), expected.read_text().split("\n")
    assert len(lines) == len(others) > 10
    for line, other in zip(lines, others, strict=True):
        assert NUMBER.sub("N", line) == NUMBER.sub("N", other)
        numbers, recorded = ([float(n) for n in NUMBER.findall(text)] for text in (line, other))
        np.testing.assert_allclose(numbers, recorded, atol=tolerance)


@pytest.fixture
def golden(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the recorded nets; the working folder is an empty one."""
    monkeypatch.chdir(tmp_path)
    return shared / "goldens" / "evaluation" / "detector"


def run(golden: Path, net: str, out: str, kind: str = "voc", verb: str = "valid", *more: str) -> int:
    text = (golden / "set.data").read_text().replace("valid=", f"valid={golden}/").replace("names=", f"names={golden}/")
    Path("set.data").write_text(text + f"eval={kind}\n")
    words = ["set.data", str(golden / f"{net}.cfg"), str(golden / f"{net}.weights"), "-out", out]
    return main(["detector", verb, *words, *more])


@pytest.mark.parametrize("net", ["yolov3", "yolov4", "yolov4_letterbox", "region", "gaussian"])
def test_voc(golden: Path, net: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(golden, net, f"{net}_voc_") == 0
    assert all(
        re.fullmatch(r" Detection layer: \d - type = 2[789] ", line) for line in capsys.readouterr().out.splitlines()
    )
    assert sorted(path.name for path in Path("results").iterdir()) == [
        f"{net}_voc_{name}.txt" for name in ("blue", "green", "red")
    ]
    for name in ("blue", "green", "red"):
        assert_equal_files(Path("results") / f"{net}_voc_{name}.txt", golden / "results" / f"{net}_voc_{name}.txt")


def test_coco(golden: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(golden, "yolov3", "yolov3_coco_", "coco") == 0
    assert_equal_files(Path("results/yolov3_coco_.json"), golden / "results" / "yolov3_coco_.json")
    assert len(json.loads(Path("results/yolov3_coco_.json").read_text())) == 2032
    assert "20 pictures have no number in their name" in capsys.readouterr().err


def _rows(path: Path) -> dict[tuple[str, str], list[list[float]]]:
    """Rows by picture and class, of either form, as score and corners."""
    rows: dict[tuple[str, str], list[list[float]]] = {}
    if path.suffix == ".json":
        for entry in json.loads(path.read_text()):
            row = [entry["score"], *entry["bbox"]]
            rows.setdefault((str(entry["image_id"]), str(entry["category_id"])), []).append(row)
    else:
        for line in path.read_text().splitlines():
            image, *numbers = line.split()
            rows.setdefault((image, path.stem), []).append([float(n) for n in numbers])
    return rows


@pytest.mark.parametrize(("model", "kind"), [("yolo-fastest-voc", "voc"), ("yolo-fastest-1.1-coco", "coco")])
def test_real_models(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, kind: str) -> None:
    """The record's program decodes JPEG otherwise: of what has a score above 0.05, 97 % is there within 3 pixels."""
    monkeypatch.chdir(shared / "data")
    folder = shared / "data" / "models" / model
    words = (folder / "expected_valid" / "data.txt").read_text().replace("names=names", f"names={folder / 'names'}")
    words = words.replace("valid=images.txt", f"valid={folder / 'expected_valid' / 'images.txt'}")
    words = re.sub("^(eval|results)=.*$", "", words, flags=re.MULTILINE)
    (tmp_path / "set.data").write_text(f"{words}\neval={kind}\nresults={tmp_path / 'results'}\n")
    verb = ["detector", "valid", str(tmp_path / "set.data"), str(folder / "net.cfg"), str(folder / "net.weights")]
    assert main(verb) == 0
    expected = [path for path in (folder / "expected_valid").iterdir() if path.name.startswith(("comp4", "coco_res"))]
    assert {path.name for path in (tmp_path / "results").iterdir()} == {path.name for path in expected}
    near = there = 0
    for path in expected:
        found = _rows(tmp_path / "results" / path.name)
        for key, rows in _rows(path).items():
            mine = np.reshape(found.get(key, []), (-1, 5))
            for row in (row for row in rows if row[0] > 0.05):
                there += 1
                near += bool(((np.abs(mine - row)[:, 1:] < 3).all(1) & (np.abs(mine[:, 0] - row[0]) < 0.05)).any())
    assert there > 50
    assert near / there > 0.97


@pytest.mark.parametrize("net", ["yolov3", "region", "gaussian", "yolov4_letterbox"])
def test_mirrored_mean_is_the_same_for_the_mirrored_picture(golden: Path, net: str) -> None:
    """What is found in a picture is found in its mirror image, mirrored; the picture must be cut as evenly."""
    network = pydn.load(golden / f"{net}.cfg", golden / f"{net}.weights")
    pixels = np.random.default_rng(3).integers(0, 255, (48, 64, 3)).astype(np.uint8)
    boxed = network._letterboxes

    def found(image: np.ndarray[Any, Any]) -> Any:
        def fit(array: Any) -> Any:
            return detector_input(array, network.width, network.height, letterbox=boxed)

        return flipped_average(network, [make_ready(image, fit)], thresh=0.005, nms=0.45, letterbox=boxed)[0]

    classes, scores, boxes = found(pixels)
    other_classes, other_scores, other_boxes = found(np.ascontiguousarray(pixels[:, ::-1]))
    assert len(classes) == len(other_classes) > 3
    other_boxes[:, 0] = 64 - other_boxes[:, 0]
    for class_id, score, box in zip(classes, scores, boxes, strict=True):
        same = (other_classes == class_id) & (np.abs(other_scores - score) < 1e-4)
        assert (np.abs(other_boxes[same] - box).max(axis=1) < 0.02).any()


def test_mirrored_mean_of_every_cell(golden: Path) -> None:
    """From both heads' outputs with numpy: their mean, that of the mirror image mirrored back, then YOLOv3's boxes."""
    net = pydn.load(golden / "yolov3.cfg", golden / "yolov3.weights", dialect="pjreddie")
    pixels = np.random.default_rng(4).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    ready = make_ready(pixels, lambda array: detector_input(array, 64, 64))
    rows = []
    outputs = zip(*(net.forward(x[None]) for x in (ready.x, ready.x[..., ::-1].copy())), strict=True)
    for index, (plain, mirrored) in zip(net.head_layers, outputs, strict=True):
        facts, (height, width) = net.layers[index].facts, plain.shape[2:]
        one, other = (out.reshape(3, 8, height, width).astype(np.float64) for out in (plain, mirrored[..., ::-1]))
        other[:, 0] = 1 - other[:, 0]
        mean = (one + other) / 2
        for anchor, values in zip(facts["mask"], mean, strict=True):
            x = (values[0] + np.arange(width)) / width * 64
            y = (values[1] + np.arange(height)[:, None]) / height * 64
            sides = [np.exp(values[2 + k]) * facts["anchors"][2 * anchor + k] for k in (0, 1)]
            for class_id in range(3):
                score = values[4] * values[5 + class_id]
                columns = [np.full_like(x, class_id), score, x, y, *sides]
                rows.append(np.stack(columns, -1).reshape(-1, 6))
    expected = np.concatenate(rows)
    class_id, score, boxes = flipped_average(net, [ready], thresh=0.0, nms=1, letterbox=False)[0]
    found = np.concatenate([class_id[:, None], score[:, None], boxes], 1)
    assert len(found) == len(expected) == 3 * 3 * (4 * 4 + 8 * 8)
    expected = expected[np.lexsort(np.round(expected[:, [3, 2, 1, 0]], 3).T)]
    found = found[np.lexsort(np.round(found[:, [3, 2, 1, 0]], 3).T)]
    taken = np.abs(expected[:, None] - found).max(2).argmin(1)
    np.testing.assert_allclose(found[taken], expected, atol=1e-3, rtol=1e-4)
    assert len(set(taken.tolist())) == len(expected)


def test_valid2_writes_as_valid_does(golden: Path) -> None:
    assert run(golden, "yolov3", "flipped_", "voc", "valid2") == 0
    assert run(golden, "yolov3", "plain_") == 0
    for name in ("red", "green", "blue"):
        flipped, plain = (_rows(Path("results") / f"{kind}_{name}.txt") for kind in ("flipped", "plain"))
        assert {image for image, _ in flipped} >= {image for image, _ in plain}
        assert [row[0] for rows in flipped.values() for row in rows] != [
            row[0] for rows in plain.values() for row in rows
        ]


def test_refused(golden: Path, shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classifier = shared / "goldens" / "evaluation" / "classifier"
    words = [str(golden / "set.data"), str(classifier / "softmax.cfg"), str(classifier / "softmax.weights")]
    assert main(["detector", "valid", *words]) == 1
    assert "it is a classifier" in capsys.readouterr().err
    assert run(golden, "yolov3", "x", "nothing") == 2
    assert not Path("results").exists()
