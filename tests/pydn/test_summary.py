"""The table of layers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import pydn
from pydn.summary import HEADER, row


@dataclass
class Layer:
    kind: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    flops: float = 0
    parameters: int = 0
    index: int = 3


# Rows as AlexeyAB's program prints them (known from public logs of yolov4 and its kin).
@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (
            Layer("convolutional", (1, 3, 608, 608), (1, 32, 608, 608), {"filters": 32, "size": 3}, flops=0.6387e9),
            "   3 conv     32       3 x 3/ 1    608 x 608 x   3 ->  608 x 608 x  32 0.639 BF",
        ),
        (
            Layer(
                "convolutional",
                (1, 8, 160, 160),
                (1, 8, 80, 80),
                {"filters": 8, "groups": 8, "size": 3, "stride_x": 2, "stride_y": 2},
                flops=2e6,
            ),
            "   3 conv      8/   8  3 x 3/ 2    160 x 160 x   8 ->   80 x  80 x   8 0.002 BF",
        ),
        (
            Layer("convolutional", (1, 8, 16, 16), (1, 4, 16, 16), {"filters": 4, "size": 3, "dilation": 2}, flops=1e9),
            "   3 conv      4       3 x 3/ 1(2)  16 x  16 x   8 ->   16 x  16 x   4 1.000 BF",
        ),
        (
            Layer("maxpool", (1, 512, 19, 19), (1, 512, 19, 19), {"size": 5, "stride_x": 1}, flops=4.6e6),
            "   3 max                5x 5/ 1     19 x  19 x 512 ->   19 x  19 x 512 0.005 BF",
        ),
        (
            Layer("upsample", (1, 128, 13, 13), (1, 128, 26, 26), {"stride": 2}),
            "   3 upsample                 2x    13 x  13 x 128 ->   26 x  26 x 128",
        ),
        (
            Layer("route", (1, 8, 4, 4), (1, 12, 4, 4), {"layers": [2, 0]}),
            "   3 route 2 0                                      ->    4 x   4 x  12",
        ),
        (
            Layer("route", (1, 8, 4, 4), (1, 4, 4, 4), {"layers": [2], "groups": 2, "group_id": 1}),
            "   3 route 2 1/2                                    ->    4 x   4 x   4",
        ),
        (
            Layer("shortcut", (1, 8, 4, 4), (1, 8, 4, 4), {"from": [1]}),
            "   3 Shortcut Layer: 1                              ->    4 x   4 x   8",
        ),
        (
            Layer("yolo", (1, 255, 4, 4), (1, 255, 4, 4), options={"iou_loss": "ciou", "iou_normalizer": "0.07"}),
            "   3 yolo\n[yolo] params: iou loss: ciou (4), iou_norm: 0.07, obj_norm: 1.00, cls_norm: 1.00, "
            "delta_norm: 1.00, scale_x_y: 1.00",
        ),
    ],
)
def test_rows(layer: Layer, expected: str) -> None:
    assert row(layer) == expected


def test_whole_table() -> None:
    text = pydn.load(
        b"[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nfilters=2\nsize=3\npad=1\n[maxpool]\nstride=2\nsize=2\n"
    ).summary()
    lines = text.splitlines()
    assert lines[0] == HEADER
    assert len(lines) == 5
    assert lines[1].startswith("   0 conv      2       3 x 3/ 1      8 x   8 x   3 ->    8 x   8 x   2")
    assert lines[3].startswith("Total BFLOPS ")
    assert lines[4] == f"avg_outputs = {(2 * 64 + 2 * 16) // 2} "


def test_rows_and_totals_equal_the_reference(shared: Path) -> None:
    """BFLOPs, and the last two rows, of wild cfgs as AlexeyAB's program printed them."""
    recorded = json.loads((shared / "data/cfgs/expected_parse.json").read_text())["cfgs"]
    compared = 0
    for name, entry in recorded.items():
        path = shared / "data/cfgs" / name
        expected = entry["alexeyab"]
        if not expected.get("ok") or path.stat().st_size > 2000:
            continue
        try:
            net = pydn.load(path)
        except (pydn.UnsupportedError, FileNotFoundError):
            continue
        with net:
            lines = [line.rstrip() for line in net.summary().splitlines()]
        for line in expected["last_layers"]:
            if re.match(r" *\d+ (conv|max|avg|connected|softmax|cost|yolo|detection|Detection|\[G)", line):
                assert line.rstrip() in lines, name
        if expected.get("total_bflops"):
            total = float(lines[-2].split()[-1])
            assert total == pytest.approx(expected["total_bflops"], rel=0.01, abs=0.002), name
        compared += 1
    assert compared > 20
