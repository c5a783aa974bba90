"""Cfgs from public repositories: each builds, and runs when it is small, or is refused for what stands in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

import pydn
from pydn import ShapeError, UnsupportedError
from pydn._core.plan import Plan

LIMIT = 1e9
"""Operations beyond which a network is not run here; docs/generate_compatibility.py runs larger ones."""

OVERLAPPING = """
AlexeyAB__darknet/resnet101 AlexeyAB__darknet/resnet152 AlexeyAB__darknet/resnet152_yolo AlexeyAB__darknet/resnet50
AlexeyAB__darknet/resnet50_yolo AlexeyAB__darknet/resnext152-32x4d
WongKinYiu__CrossStagePartialNetworks/in_progress__darknet__icfg__resnet50-leaky
WongKinYiu__CrossStagePartialNetworks/in_progress__darknet__icfg__resnet50-mish
WongKinYiu__CrossStagePartialNetworks/in_progress__darknet__icfg__resnet50-relu
WongKinYiu__CrossStagePartialNetworks/in_progress__darknet__icfg__resnet50-swish
WongKinYiu__CrossStagePartialNetworks/in_progress__darknet__icfg__resnext50-leaky
WongKinYiu__CrossStagePartialNetworks/in_progress__darknet__icfg__resnext50-mish
WongKinYiu__CrossStagePartialNetworks/in_progress__darknet__icfg__resnext50-relu
WongKinYiu__CrossStagePartialNetworks/resnet10 WongKinYiu__CrossStagePartialNetworks/resnet50
WongKinYiu__CrossStagePartialNetworks/resnext50
k5iogura__darknet_sdl/msr_34 k5iogura__darknet_sdl/resnet18_t1
pjreddie__darknet/resnet101 pjreddie__darknet/resnet152 pjreddie__darknet/resnet18 pjreddie__darknet/resnet34
pjreddie__darknet/resnet50 pjreddie__darknet/resnext101-32x4d pjreddie__darknet/resnext50
""".split()
"""A [shortcut] of layers of unequal sizes: pjreddie's program adds the corner that both have, AlexeyAB's asserts."""

OF_SOWSON = """
sowson__darknet/yolov2y4-voc sowson__darknet/yolov2y4s-voc sowson__darknet/yolov4-csp sowson__darknet/yolov4-p5
sowson__darknet/yolov4-p6 sowson__darknet/yolov4-tiny-3l sowson__darknet/yolov4-tiny sowson__darknet/yolov4-voc
sowson__darknet/yolov4 sowson__darknet/yolov4x-mish sowson__darknet/yolov5l_v4 sowson__darknet/yolov5m_v4
sowson__darknet/yolov5s_v4 sowson__darknet/yolov5x_v4
""".split()
"""[yolo4] is a section of that fork alone."""

FLATTENED = """
WongKinYiu__CrossStagePartialNetworks/in_progress__csresnet50-elastic-panet-spp
WongKinYiu__CrossStagePartialNetworks/in_progress__csresnext50-elastic-panet-spp
""".split()
"""A [route] joins layers of unequal rows into a list, for which the [shortcut] behind it is not made."""

REFUSED: dict[str, tuple[type[pydn.Error], str]] = {
    **dict.fromkeys(OVERLAPPING, (ShapeError, r"\[shortcut\]: .* \(dialect pjreddie adds what overlaps\)")),
    **dict.fromkeys(OF_SOWSON, (UnsupportedError, r"\[yolo4\] is no known layer: \[yolo\] comes nearest")),
    **dict.fromkeys(FLATTENED, (ShapeError, r"\[shortcut\]: layer 169: the input is 186880x1x1 and layer 157 is")),
    "WongKinYiu__CrossStagePartialNetworks/in_progress__yolov3-spp-matrix": (
        ShapeError,
        "shares weights of 256 filters of 3x3 over 128 channels; this one has 256 of 3x3 over 256",
    ),
    "z01nl1o02__darknet/lenetspp": (UnsupportedError, r"\[centerloss\] is no known layer"),
}
"""Files that are no cfgs of AlexeyAB's program, and why. That program stops at them too, or computes with nothing in
the place of a section that it does not have."""


@pytest.fixture(scope="module")
def expected(shared: Path) -> dict[str, dict[str, Any]]:
    """What AlexeyAB's program says of every cfg."""
    cfgs = json.loads((shared / "data/cfgs/expected_parse.json").read_text())["cfgs"]
    return {name: entry["alexeyab"] for name, entry in cfgs.items()}


@pytest.fixture(scope="module")
def files(shared: Path) -> dict[str, bytes]:
    """Trees and maps that some cfgs name."""
    paths = [path for path in (shared / "data/names").iterdir() if path.is_file()]
    return {f"{folder}/{path.name}": path.read_bytes() for path in paths for folder in ("data", "cfg")}


def run(text: bytes, files: Mapping[str, bytes], dialect: Literal["alexeyab", "pjreddie"] = "alexeyab") -> None:
    """One forward with random weights, for which batch norms neither shrink nor blow up what passes."""
    rng = np.random.default_rng(0)
    with pydn.load(text, device="cpu", files=files, dialect=dialect, time_steps=1) as net:
        for layer, name in net.weights:
            if name.endswith("rolling_variance"):
                net.weights[layer, name][...] = 1 / 3
        heads = net.forward(rng.random(net.input.shape, dtype=np.float32))
        assert all(np.isfinite(head).all() and head.any() for head in heads)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a file that is there."""
    if "wild" in metafunc.fixturenames:
        given = metafunc.config.getoption("--shared")
        folder = (Path(given) if given else Path(__file__).resolve().parents[3] / "shared") / "data/cfgs"
        metafunc.parametrize("wild", sorted(str(path.relative_to(folder))[:-4] for path in folder.rglob("*.cfg")))


def test_cfg(wild: str, shared: Path, files: Mapping[str, bytes], expected: Mapping[str, Mapping[str, Any]]) -> None:
    text = (shared / "data/cfgs" / f"{wild}.cfg").read_bytes()
    if wild in REFUSED:
        error, said = REFUSED[wild]
        with pytest.raises(error, match=said):
            Plan(text, files=files)
        return
    plan, reference = Plan(text, files=files), expected[f"{wild}.cfg"]
    if reference["ok"]:
        fields = any("receptive field" in line for line in reference["last_layers"])  # a second line of every layer
        assert len(plan) == reference["layers"] // (1 + fields)
        assert plan.flops / 1e9 == pytest.approx(reference["total_bflops"], abs=6e-4, rel=1e-5)
    if plan.flops < LIMIT:
        run(text, files)


@pytest.mark.parametrize("name", OVERLAPPING)
def test_overlapping_shortcuts_of_pjreddie(name: str, shared: Path) -> None:
    text = (shared / "data/cfgs" / f"{name}.cfg").read_bytes()
    if Plan(text, dialect="pjreddie").flops < LIMIT:
        run(text, {}, "pjreddie")


def test_no_cfg_is_missing(expected: Mapping[str, Any], shared: Path) -> None:
    found = {str(path.relative_to(shared / "data/cfgs")) for path in (shared / "data/cfgs").rglob("*.cfg")}
    assert found == set(expected)
    assert {f"{name}.cfg" for name in REFUSED} <= found
