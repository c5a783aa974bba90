"""`detector map` and `detector recall` against the reference's text and figures, and COCO's against its own tool."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydn
from pydn.cli import main
from pydn.evaluation.detectors import map_of

from ..pydn.test_coco_metric import ours, pycocotools_figures

NETS = ["yolov3", "yolov4", "yolov4_letterbox", "region", "gaussian"]
KINDS = {"yolov3": 28, "yolov4": 28, "yolov4_letterbox": 28, "region": 27, "gaussian": 29}
CASE = re.compile(r"map_points(\d+)_iou([\d.]+)_thresh([\d.]+)")
MODELS = [
    "mobilenetv2-yolo-fastest-voc-v2", "mobilenetv2-yolov3-nano-coco", "yolo-fastest-1.1-coco", "yolo-fastest-voc",
    "yolo-lite-trial3-nobn-voc", "yolo-lite-trial3-voc", "yolo-lite-trial6-coco",
]  # fmt: skip


def folded(text: str) -> list[str]:
    """Lines as a terminal leaves them, with single blanks; without empty ones."""
    lines = (" ".join(line.rsplit("\r", 1)[-1].split()) for line in text.split("\n"))
    return [line for line in lines if line]


def goldens(shared: Path, monkeypatch: pytest.MonkeyPatch, net: str, kind: str) -> dict[str, Any]:
    """Read what is expected of a network, and go to the folder that its .data file is written for."""
    folder = shared / "goldens" / "evaluation" / "detector"
    monkeypatch.chdir(folder)
    content: dict[str, Any] = json.loads((folder / f"{net}_{kind}.json").read_text())
    return content


@pytest.mark.parametrize("net", NETS)
def test_printed_lines(
    shared: Path, net: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = goldens(shared, monkeypatch, net, "raw_text")
    cases = [name for name in texts if CASE.fullmatch(name)]
    assert len(cases) == 10
    for name in cases:
        points, iou, thresh = CASE.fullmatch(name).groups()  # type: ignore[union-attr]
        flags = ["-points", points, "-iou_thresh", iou, "-thresh", thresh]
        assert main(["detector", "map", "set.data", f"{net}.cfg", f"{net}.weights", *flags]) == 0
        lines = folded(capsys.readouterr().out)
        assert lines[0] == "calculation mAP (mean average precision)..."
        layers = [line for line in lines if line.startswith("Detection layer: ")]
        assert [re.sub(r"\d+ -", "N -", line) for line in layers] == [
            f"Detection layer: N - type = {KINDS[net]}"
        ] * len(layers)
        assert len(layers) == (2 if net == "yolov3" else 1)
        assert lines[1 + len(layers) :] == folded(texts[name]), name


@pytest.mark.parametrize("net", NETS)
def test_printed_lines_of_recall(
    shared: Path, net: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = goldens(shared, monkeypatch, net, "raw_text")
    assert main(["detector", "recall", "set.data", f"{net}.cfg", f"{net}.weights"]) == 0
    assert folded(capsys.readouterr().out) == folded(texts["recall"])


@pytest.mark.parametrize("net", NETS)
def test_figures(shared: Path, net: str, monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    expected = goldens(shared, monkeypatch, net, "expected")
    with pydn.load(f"{net}.cfg", f"{net}.weights", data="set.data", device=backend, batch=3) as network:
        for name, wanted in expected.items():
            if (case := CASE.fullmatch(name)) is None:
                continue
            points, iou, thresh = case.groups()
            found = network.map("set.data", iou=float(iou), thresh=float(thresh), points=int(points))
            assert (found.tp, found.fp, found.fn) == (wanted["tp"], wanted["fp"], wanted["fn"]), name
            assert found.detections_count == wanted["detections_count"], name
            assert found.truth_count == wanted["unique_truth_count"], name
            assert found.map == pytest.approx(wanted["mAP"], abs=1e-4), name
            for key in ("precision", "recall", "f1"):  # as printed, with two decimals
                assert getattr(found, key) == pytest.approx(wanted[key], abs=5.1e-3), name
            assert 100 * found.average_iou == pytest.approx(wanted["average_iou_percent"], abs=1e-2), name
            for one, other in zip(found.classes, wanted["classes"], strict=True):
                assert (one.name, one.tp, one.fp) == (other["name"], other["tp"], other["fp"]), name
                assert 100 * one.ap == pytest.approx(other["ap_percent"], abs=1e-2), name
            assert found.problems == []
        recall = network.recall("set.data")
    for row, wanted in zip(recall.rows, expected["recall"], strict=True):
        assert (row.image, row.correct, row.total) == (wanted["image"], wanted["correct"], wanted["total"])
        assert row.proposals / (row.image + 1) == pytest.approx(wanted["rps_per_img"], abs=5.1e-3)
        assert 100 * row.overlap / row.total == pytest.approx(wanted["iou_percent"], abs=1e-2)


def coco128(shared: Path, folder: Path, labels: str) -> Path:
    """The pictures with one of their two sets of labels."""
    source = shared / "data" / "datasets" / "coco128"
    (folder / "images").symlink_to(source / "images")
    (folder / "labels").symlink_to(source / labels)
    return folder / "images"


def allowed(count: int) -> float:
    return max(2, 0.015 * count)


@pytest.mark.parametrize("model", MODELS)
def test_real_models(shared: Path, tmp_path: Path, model: str) -> None:
    """JPEG decoders differ in the last bit, so counts may; all recorded runs."""
    folder = shared / "data" / "models" / model
    expected = json.loads((folder / "expected_map.json").read_text())
    images = coco128(shared, tmp_path, "labels-voc20" if "voc20" in expected["labels"] else "labels")
    sets = {64: ["val2017"], 128: ["train2017", "val2017"]}
    found = {}
    with pydn.load(folder / "net.cfg", folder / "net.weights", names=folder / "names", batch=4) as net:
        for count, parts in sets.items():
            found[count] = net.map([path for part in parts for path in sorted((images / part).iterdir())])
    for name, run in expected["runs"].items():
        words = run["args"].split()
        flags = dict(zip(words[::2], words[1::2], strict=False))
        base = found[run["images"]].at(
            thresh=float(flags.get("-thresh", 0.25)), iou=float(flags.get("-iou_thresh", 0.5))
        )
        one = base.at(points=int(flags.get("-points", 0)))
        assert one.truth_count == run["unique_truth_count"], name
        assert one.map == pytest.approx(run["map"], abs=0.01 if "-points" in flags else 0.005), name
        for key in ("tp", "fp", "fn"):
            assert abs(getattr(one, key) - run[key]) <= allowed(run[key]), (name, key)


def test_recall_of_a_real_model(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data" / "models" / "yolo-fastest-1.1-coco"
    images = coco128(shared, tmp_path, "labels")
    names = (folder / "expected_valid" / "images.txt").read_text().split()
    paths = [images / name.split("/images/", 1)[-1].removeprefix("images/") for name in names]
    with pydn.load(folder / "net.cfg", folder / "net.weights") as net:
        result = net.recall(paths)
    lines = (folder / "expected_valid" / "recall.txt").read_text().splitlines()
    assert len(result.rows) == len(lines)
    for row, line in zip(result.rows, lines, strict=True):
        wanted, got = ([float(word) for word in re.findall(r"[\d.]+", text)] for text in (line, str(row)))
        assert got == pytest.approx(wanted, abs=1.0), (line, str(row))
        assert got[:3] == wanted[:3], (line, str(row))


def test_coco_on_real_detections_is_pycocotools(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data" / "models" / "yolo-fastest-1.1-coco"
    images = coco128(shared, tmp_path, "labels") / "val2017"
    with pydn.load(folder / "net.cfg", folder / "net.weights", names=folder / "names", batch=4) as net:
        result = map_of(net, images, metric="coco")
    assert len(result.evidence.found) > 20_000
    figures = pycocotools_figures(result.evidence)
    np.testing.assert_allclose(ours(result.evidence), figures, atol=1e-6)
    assert result.map == pytest.approx(figures[0], abs=1e-6)
