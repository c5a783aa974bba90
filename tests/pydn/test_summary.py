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


# Rows as AlexeyAB's program prints them: public logs of yolov4 and its kin, and its format strings.
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
            Layer("upsample", (1, 8, 4, 4), (1, 8, 2, 2), {"stride": -2}),
            "   3 downsample               2x     4 x   4 x   8 ->    2 x   2 x   8",
        ),
        (
            Layer("route", (1, 8, 4, 4), (1, 8, 4, 4), {"layers": 2}),
            "   3 route  2 \t\t                           ->    4 x   4 x   8 ",
        ),
        (
            Layer("route", (1, 8, 4, 4), (1, 12, 4, 4), {"layers": [2, 0]}),
            "   3 route  2 0 \t                           ->    4 x   4 x  12 ",
        ),
        (
            Layer("route", (1, 8, 4, 4), (1, 16, 4, 4), {"layers": [3, 2, 1, 0]}),
            "   3 route  3 2 1 0 \t                   ->    4 x   4 x  16 ",
        ),
        (
            Layer("route", (1, 8, 4, 4), (1, 4, 4, 4), {"layers": [2], "groups": 2, "group_id": 1}),
            "   3 route  2 \t\t                       1/2 ->    4 x   4 x   4 ",
        ),
        (
            Layer("shortcut", (1, 64, 304, 304), (1, 64, 304, 304), {"from": [1]}, flops=5.9e6),
            "   3 Shortcut Layer: 1,  wt = 0, wn = 0, outputs: 304 x 304 x  64 0.006 BF",
        ),
        (
            Layer(
                "shortcut",
                (1, 8, 4, 4),
                (1, 8, 4, 4),
                {"from": (1, 0), "weights_type": "per_channel", "weights_normalization": "relu"},
            ),
            "   3 Shortcut Layer: 1, 0,  wt = 2, wn = 1, outputs:   4 x   4 x   8 0.000 BF",
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


_SAME = (2, 6, 8, 10)
_CONV = "{}    5       3x 3/ 1x 2   10 x   8 x   6 ->   10 x   4 x   5 0.000 BF"


# Of these there are no logs; the rows are the format strings of both programs, filled in by hand.
@pytest.mark.parametrize(
    ("kind", "output", "facts", "expected"),
    [
        (
            "convolutional",
            (2, 5, 4, 10),
            {"filters": 5, "size": 3, "stride_x": 1, "stride_y": 2},
            _CONV.format("conv  "),
        ),
        (
            "convolutional",
            (2, 5, 4, 10),
            {"filters": 5, "size": 3, "stride_x": 1, "stride_y": 2, "ternary": 1},
            _CONV.format("conv  ") + " ternary=1",
        ),
        (
            "deconvolutional",
            (2, 4, 16, 20),
            {"filters": 4, "size": 2, "stride": 2},
            "deconv    4  2 x 2 / 2    10 x   8 x   6   ->    20 x  16 x   4",
        ),
        (
            "maxpool",
            (2, 6, 4, 10),
            {"size": 2, "stride_x": 1, "stride_y": 2},
            "max               2x 2/ 1x 2   10 x   8 x   6 ->   10 x   4 x   6 0.000 BF",
        ),
        (
            "maxpool",
            (2, 3, 8, 10),
            {"size": 1, "stride_x": 1, "stride_y": 1, "maxpool_depth": 1},
            "max-depth          1x 1/ 1     10 x   8 x   6 ->   10 x   8 x   3 0.000 BF",
        ),
        (
            "local_avgpool",
            (2, 6, 4, 5),
            {"size": 2, "stride_x": 2, "stride_y": 2},
            "avg                2x 2/ 2     10 x   8 x   6 ->    5 x   4 x   6 0.000 BF",
        ),
        ("dropout", _SAME, {"probability": 0.5}, "dropout    p = 0.500         480  ->   480"),
        (
            "dropout",
            _SAME,
            {"probability": 0.1, "dropblock": 1, "dropblock_size_abs": 7},
            "dropblock    p = 0.100   l.dropblock_size_abs = 7     480  ->   480",
        ),
        (
            "dropout",
            _SAME,
            {"probability": 0.1, "dropblock": 1, "dropblock_size_rel": 0.25},
            "dropblock    p = 0.100   l.dropblock_size_rel = 0.25     480  ->   480",
        ),
        ("l2norm", _SAME, {}, "l2norm                                          480"),
        ("logistic", _SAME, {}, "logistic x entropy                              480"),
        ("scale_channels", _SAME, {"from": 1}, "scale Layer: 1"),
        ("sam", _SAME, {"from": 2}, "scale Layer: 2"),
        ("activation", _SAME, {}, "Activation Layer: 480 inputs"),
        ("reorg", (2, 24, 4, 5), {"stride": 2}, "reorg_old              / 2    10 x   8 x   6   ->     5 x   4 x  24"),
        ("reorg3d", (2, 24, 4, 5), {"stride": 2}, "reorg                    / 2   10 x   8 x   6 ->    5 x   4 x  24"),
        ("rnn", (2, 7, 1, 1), {}, "RNN Layer: 480 inputs, 7 outputs"),
        ("gru", (2, 7, 1, 1), {}, "GRU Layer: 480 inputs, 7 outputs"),
        ("lstm", (2, 7, 1, 1), {}, "LSTM Layer: 480 inputs, 7 outputs"),
        ("crnn", (2, 5, 8, 10), {}, "CRNN Layer: 8 x 10 x 6 image, 5 filters"),
        ("conv_lstm", (2, 5, 8, 10), {}, "CONV_LSTM Layer: 8 x 10 x 6 image, 5 filters"),
        ("batchnorm", _SAME, {}, "Batch Normalization Layer: 10 x 8 x 6 image"),
        ("normalization", _SAME, {"size": 5}, "Local Response Normalization Layer: 10 x 8 x 6 image, 5 size"),
        ("crop", (2, 6, 7, 9), {}, "Crop Layer: 8 x 10 -> 7 x 9 x 6 image"),
        ("local", (2, 4, 6, 8), {}, "Local Layer: 8 x 10 x 6 image, 4 filters -> 6 x 8 x 4 image"),
        (
            "history",
            (2, 12, 8, 10),
            {"history_size": 2},
            "HISTORY b = 1, s =  2, steps =  2     10 x   8 x   6 ->   10 x   8 x  12 ",
        ),
        (
            "implicit",
            (2, 128, 1, 1),
            {"filters": 128, "atoms": 1, "mean": 1, "std": 0.02},
            "implicit Layer: 128 x 1 \t mean=1.00, std=0.02 ",
        ),
        ("empty", _SAME, {}, "empty "),
        ("iseg", _SAME, {}, "iseg"),
        ("region", _SAME, {}, "detection"),
        ("detection", (2, 480), {}, "Detection Layer"),
    ],
)
def test_rows_of_rare_layers(kind: str, output: tuple[int, ...], facts: Mapping[str, Any], expected: str) -> None:
    assert row(Layer(kind, _SAME, output, facts), time_steps=2) == f"   3 {expected}"


def test_facts_of_layers_reach_their_rows() -> None:
    """The names of the facts are the engine's."""
    text = b"""[net]
width=10
height=8
channels=6
time_steps=2
batch=2
[history]
history_size=3
[convolutional]
filters=5
ternary=1
[dropout]
dropblock=1
dropblock_size_abs=3
probability=.25
[implicit]
filters=5
mean=.5
[scale_channels]
from=1
[maxpool]
maxpool_depth=1
out_channels=2
"""
    rows = pydn.load(text).summary().splitlines()[1:7]
    assert [line[5:] for line in rows] == [
        "HISTORY b = 1, s =  3, steps =  2     10 x   8 x   6 ->   10 x   8 x  18 ",
        "conv      5       1 x 1/ 1     10 x   8 x  18 ->   10 x   8 x   5 0.000 BF ternary=1",
        "dropblock    p = 0.250   l.dropblock_size_abs = 3     400  ->   400",
        "implicit Layer: 5 x 1 \t mean=0.50, std=0.20 ",
        "scale Layer: 1",
        "max-depth          1x 1/ 1     10 x   8 x   5 ->   10 x   8 x   2 0.000 BF",
    ]


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
            if re.match(r" *\d+ (conv|max|avg|connected|softmax|cost|yolo|detection|Detection|reorg|\[G)", line):
                assert line.rstrip() in lines, name
        if expected.get("total_bflops"):
            total = float(lines[-2].split()[-1])
            assert total == pytest.approx(expected["total_bflops"], rel=0.01, abs=0.002), name
        compared += 1
    assert compared > 20
