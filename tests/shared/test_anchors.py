"""Anchors of labels against twelve runs of the reference program, whose start is random (`goldens/utility`)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydn
from pydn.cli import main

CALLS = ["clusters4_416x416", "clusters4_320x608", "clusters4_13x13"]


@pytest.fixture(params=CALLS)
def call(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def best(shared: Path, call: str) -> dict[str, Any]:
    """Outcome of the reference's best run."""
    outcomes = json.loads((shared / "goldens/utility/calc_anchors/expected.json").read_text())[call]
    found: dict[str, Any] = max(outcomes, key=lambda outcome: outcome["avg_iou_percent"])
    return found


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


@pytest.mark.parametrize("seed", range(5))
def test_as_good_as_the_best_run(
    shared: Path, monkeypatch: pytest.MonkeyPatch, call: str, best: dict[str, Any], seed: int
) -> None:
    monkeypatch.chdir(shared / "goldens/utility/calc_anchors")
    found = pydn.calc_anchors("set.data", *numbers(call), seed=seed)
    assert round(100 * found.average_iou, 2) >= best["avg_iou_percent"]
    assert list(found.counters_per_class) == numbers(best["counters_per_class"])
    assert str(found).strip() == best["anchors"]
    assert found.anchors.dtype == np.float32
    assert found.boxes == 61
    assert not found.problems


def test_verb_prints_and_writes_as_the_reference(
    shared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    call: str,
    best: dict[str, Any],
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = shared / "goldens/utility/calc_anchors"
    Path("data").symlink_to(folder / "data")
    clusters, width, height = numbers(call)
    command = f"detector calc_anchors {folder / 'set.data'} -num_of_clusters {clusters} -width {width} -height {height}"
    assert main(command.split()) == 0
    out, _ = capsys.readouterr()
    anchors = best["anchors"] if width == 13 else f" {best['anchors']}"  # of three columns; the golden file is trimmed
    assert Path("anchors.txt").read_text() == anchors
    assert Path("counters_per_class.txt").read_text() == best["counters_per_class"]
    lines = [line.split("\r")[-1] for line in out.split("\n")]
    expected = [
        f" num_of_clusters = {clusters}, width = {width}, height = {height} ",
        " read labels from 12 images ",
        " loaded \t image: 12 \t box: 61",
        " all loaded. ",
        " calculating k-means++ ...",
        best["counters_per_class"],
        f" avg IoU = {best['avg_iou_percent']:2.2f} % ",
        "Saving anchors to the file: anchors.txt ",
        f"anchors = {anchors}",
    ]
    assert [line for line in lines if line] == expected
