"""Bytes of weights and billions of operations of cfgs in circulation, as their authors' programs and files show them.

Those of networks that are also templates are in tests/pydn/test_templates.py.
"""

from __future__ import annotations

from itertools import accumulate
from math import prod
from pathlib import Path

import pytest

import pydn
from pydn._core.plan import Plan

OLD_HEADER, HEADER = 16, 20  # bytes: the counter of images seen has 32 or 64 bits
TTT = "k5iogura__darknet_sdl"


def plan(shared: Path, name: str) -> Plan:
    tree = (shared / "data/names/9k.tree").read_bytes()
    return Plan((shared / "data/cfgs" / f"{name}.cfg").read_bytes(), batch=1, files={"data/9k.tree": tree})


@pytest.mark.parametrize(
    ("name", "header", "size"),
    [
        ("AlexeyAB__darknet/yolo9000", OLD_HEADER, 195_230_020),
        ("k5iogura__darknetTWN/segment", HEADER, 23_345_444),
        (f"{TTT}/ttt5_pre", HEADER, 21_207_316),
        (f"{TTT}/ttt5_224_160", HEADER, 17_494_984),
        ("AlexeyAB__darknet/darknet19", HEADER, 83_427_124),
    ],
)
def test_size_of_weights(shared: Path, name: str, header: int, size: int) -> None:
    assert header + 4 * plan(shared, name).parameters == size


def test_size_of_the_first_layers_of_yolo9000(shared: Path) -> None:
    slots = plan(shared, "AlexeyAB__darknet/yolo9000").slots()
    assert HEADER + 4 * sum(prod(shape) for layer, _, shape, stored in slots if stored and layer < 22) == 60_436_372


# The rows of convolutions, added up, as pjreddie's program counts them.
@pytest.mark.parametrize(
    ("name", "sums"),
    [
        (f"{TTT}/ttt5_224_160", "0.031 0.114 0.155 0.196 0.361 0.370 0.453 0.457"),
        (f"{TTT}/ttt5_pre", "0.043 0.159 0.217 0.275 0.506 0.732"),
    ],
)
def test_sums_of_convolutions(shared: Path, name: str, sums: str) -> None:
    with pydn.load(shared / "data/cfgs" / f"{name}.cfg") as net:
        flops = accumulate(layer.flops / 1e9 for layer in net.layers if layer.kind == "convolutional")
        assert [f"{value:.3f}" for value in flops] == sums.split()


@pytest.mark.parametrize(("name", "total"), [(f"{TTT}/ttt5_288_352", 1.294)])
def test_total_of_convolutions(shared: Path, name: str, total: float) -> None:
    with pydn.load(shared / "data/cfgs" / f"{name}.cfg") as net:
        assert round(sum(layer.flops for layer in net.layers if layer.kind == "convolutional") / 1e9, 3) == total


def test_billion_operations_of_yolo9000(shared: Path) -> None:
    assert round(plan(shared, "AlexeyAB__darknet/yolo9000").flops / 1e9, 3) == 49.080


@pytest.mark.parametrize(("classes", "last", "total"), [(20, "0.043", "6.977"), (27, "0.055", "6.989")])
def test_rows_of_yolov2_tiny_voc(classes: int, last: str, total: str) -> None:
    with pydn.load(pydn.cfg_template("yolov2-tiny-voc", classes=classes).encode()) as net:
        lines = net.summary().splitlines()
    convolutions = [line.split()[-2] for line in lines if " conv " in line]
    assert convolutions == ["0.150", *["0.399"] * 5, "1.595", "3.190", last]
    assert [line.split()[-2] for line in lines if " max " in line] == ["0.003", "0.001", "0.001", *["0.000"] * 3]
    assert f"Total BFLOPS {total} " in lines
