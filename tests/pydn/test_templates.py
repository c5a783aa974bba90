"""Cfgs made by name: they are the published architectures, and any other number of classes and size works as well."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydn
from pydn._core.plan import Plan
from pydn.cfgtext import sections, split_lines, with_classes
from pydn.cli import main

NAMES = pydn.cfg_templates()
DETECTORS = [name for name in NAMES if name.startswith(("yolo", "enet")) or name == "ttt5"]
REGION = [name for name in DETECTORS if name.startswith("yolov2") or name == "ttt5"]
ANCHORED = [name for name in DETECTORS if name != "yolov1-tiny"]

HEADER, OLD_HEADER = 20, 16  # bytes before the weights, with 8 and with 4 bytes for the images seen


def dialect(name: str) -> Any:
    """Shortcuts that add every second row and column exist in one dialect only."""
    return "pjreddie" if name == "resnet50" else "alexeyab"


def load(name: str, *arguments: int, **options: Any) -> pydn.Network:
    return pydn.load(pydn.cfg_template(name, *arguments, **options).encode(), dialect=dialect(name))


def plan(name: str, *arguments: int, **options: Any) -> Plan:
    """All but the memory for parameters."""
    return Plan(pydn.cfg_template(name, *arguments, **options).encode(), dialect=dialect(name), batch=1)


def test_names() -> None:
    expected = """
    darknet19 darknet53 tiny resnet50 densenet201 extraction alexnet vgg16 yolov1-tiny yolov2 yolov2-voc yolov2-tiny
    yolov2-tiny-voc yolov3 yolov3-tiny yolov3-spp yolov4 yolov4-tiny yolov4-csp yolov7-tiny enet-coco ttt5 ttt5_pre
    """
    assert sorted(NAMES) == sorted(expected.split())


# Bytes of weights files as their authors publish them, and as the documents print that this project was made for.
FILES = {
    "yolov2-tiny-voc.weights": ("yolov2-tiny-voc", {}, OLD_HEADER, 63_471_556),
    "yolov2-tiny-logos.weights, 27 classes": ("yolov2-tiny-voc", {"classes": 27}, HEADER, 63_615_060),
    "yolov2-voc.weights": ("yolov2-voc", {}, OLD_HEADER, 202_704_260),
    "yolov3.weights": ("yolov3", {}, HEADER, 248_007_048),
    "yolov3-spp.weights": ("yolov3-spp", {}, HEADER, 252_209_544),
    "yolov3-tiny.weights": ("yolov3-tiny", {}, HEADER, 35_434_956),
    "yolov4.weights": ("yolov4", {}, HEADER, 257_717_640),
    "yolov4-tiny.weights": ("yolov4-tiny", {}, HEADER, 24_251_276),
    "darknet19.weights": ("darknet19", {}, OLD_HEADER, 83_427_120),
    "tiny.weights": ("tiny", {}, OLD_HEADER, 4_185_968),
    "ttt5_pre.weights": ("ttt5_pre", {}, HEADER, 21_207_316),
    "ttt5_224_160_final.weights": ("ttt5", {"width": 224, "height": 160}, HEADER, 17_494_984),
    "ttt5 with 80 classes": ("ttt5", {"classes": 80}, HEADER, 18_110_584),
}


@pytest.mark.parametrize("row", FILES.values(), ids=FILES)
def test_size_of_published_weights(row: tuple[str, dict[str, int], int, int]) -> None:
    name, options, header, size = row
    assert header + 4 * plan(name, **options).parameters == size


# Parameters that the papers' networks are known to have: VGG-16 (configuration D), AlexNet on one GPU.
@pytest.mark.parametrize(("name", "parameters"), [("vgg16", 138_357_544), ("alexnet", 62_378_344)])
def test_parameters_of_a_paper(name: str, parameters: int) -> None:
    assert plan(name).parameters == parameters


# Published files that hold the first layers of a network: floats in them.
PARTIAL = {
    "yolov4.conv.137": ("yolov4", {}, 137, 42_509_664),
    "darknet53.conv.74": ("yolov3", {}, 74, 40_620_640),
    "darknet53.conv.74 again": ("darknet53", {}, 74, 40_620_640),
    "darknet19_448.conv.23": ("darknet19", {"size": 448}, 23, 19_831_776),
    "darknet19_448.conv.23 again": ("yolov2", {}, 23, 19_831_776),
    "yolov2-tiny-logos.conv.13": ("yolov2-tiny-voc", {"classes": 27}, 13, 6_298_480),
    "tiny-voc-good.conv.5": ("yolov3-tiny", {}, 5, 23_920),
    "ttt5_pre_7.weights": ("ttt5_pre", {}, 7, 634_480),
    "ttt5_pre_7.weights again": ("ttt5", {}, 7, 634_480),
}


@pytest.mark.parametrize("row", PARTIAL.values(), ids=PARTIAL)
def test_size_of_partial_weights(row: tuple[str, dict[str, int], int, int], tmp_path: Path) -> None:
    name, options, layers, floats = row
    load(name, **options).partial(layers, tmp_path / "out")
    assert (tmp_path / "out").stat().st_size == HEADER + 4 * floats


# Sums that AlexeyAB's program prints.
@pytest.mark.parametrize(
    ("name", "options", "bflops"),
    [
        ("yolov2-tiny-voc", {"classes": 27}, 6.989),
        ("yolov2-tiny-voc", {}, 6.977),
        ("yolov4", {}, 128.459),
        ("tiny", {}, 0.985),
    ],
)
def test_billion_operations(name: str, options: dict[str, int], bflops: float) -> None:
    assert round(plan(name, **options).flops / 1e9, 3) == bflops


def counted(net: pydn.Network) -> int:
    """Parameters by the shapes of the layers."""
    total = 0
    for layer in net.layers:
        inputs, outputs = np.prod(layer.input_shape[1:]), np.prod(layer.output_shape[1:])
        if layer.kind == "convolutional":
            facts = layer.facts
            kernel = layer.input_shape[1] // facts["groups"] * facts["size"] ** 2
            total += facts["filters"] * (kernel + (4 if facts["batch_normalize"] else 1))
        elif layer.kind == "connected":
            total += int(outputs * (inputs + 1))
    return total


@pytest.mark.parametrize("name", NAMES)
def test_another_number_of_classes_and_size(name: str) -> None:
    net = load(name, 7, width=224, height=192)
    assert (net.width, net.height, net.channels) == (224, 192, 3)
    assert net.class_count == 7
    assert net.unused_options == []
    assert net.parameters == counted(net)
    if name not in DETECTORS:
        assert net.layers[net.head_layers[-1]].output_shape[1:] == (7,)
    for index in net.head_layers:
        head = net.layers[index]
        if name in ANCHORED:
            boxes = len(head.facts["mask"]) if head.kind == "yolo" else head.facts["num"]
            assert head.output_shape[1] == boxes * (5 + 7)
    # the same by rewriting the cfg of the published number
    if name != "ttt5_pre":  # its [cost] stands after the head
        rewritten = with_classes(pydn.cfg_template(name, width=224, height=192).encode(), 7).decode()
        assert rewritten == pydn.cfg_template(name, 7, width=224, height=192)


@pytest.mark.parametrize("name", NAMES)
def test_runs(name: str, rng: np.random.Generator) -> None:
    side = 64 if name == "vgg16" else 96
    net = load(name, 5, size=side)
    assert net.flops < 4e9
    for layer in net.layers:  # 0 before any training, which would let values grow without bounds
        if "rolling_variance" in layer.parameter_names:
            layer.rolling_variance[:] = 1
    outputs = net.forward(rng.random((1, 3, side, side), np.float32))
    assert len(outputs) == len(net.head_layers)
    assert all(np.isfinite(output).all() for output in outputs)
    if name not in DETECTORS:
        assert outputs[-1].sum() == pytest.approx(1, abs=1e-5)
    elif name in ANCHORED:
        cells = sorted({(output.shape[-2], output.shape[-1]) for output in outputs})
        finest = 3 if name in ("yolov4", "yolov4-csp", "yolov7-tiny", "yolov3", "yolov3-spp") else len(outputs)
        assert cells == [(side, side) for side in (3, 6, 12)[:finest]]
        net.detect(rng.integers(0, 255, (50, 70, 3), np.uint8))


@pytest.mark.parametrize("name", NAMES)
def test_other_channels(name: str) -> None:
    grey, colour = plan(name, channels=1, size=96), plan(name, size=96)
    assert (grey.channels, colour.channels) == (1, 3)
    # only the first convolution looks at the input
    first = next(shape for _, parameter, shape, _ in grey.slots() if parameter == "weights")
    assert colour.parameters - grey.parameters == 2 * np.prod(first)


@pytest.mark.parametrize("name", NAMES)
def test_can_be_trained(name: str) -> None:
    """[net] says for how long, and at which rate."""
    net = sections(split_lines(pydn.cfg_template(name).encode()))[0]
    assert {"batch", "subdivisions", "momentum", "decay", "learning_rate", "policy", "max_batches"} <= set(net.options)
    assert net.integer("batch", 0) % net.integer("subdivisions", 0) == 0
    assert net.integer("max_batches", 0) > 1000
    assert net.count("steps") == net.count("scales")


def test_crops_follow_the_size() -> None:
    """Darknet-53 was published for 256 pixels, min_crop=128 and max_crop=448."""
    for options, crops in (({}, (128, 448)), ({"size": 128}, (64, 224)), ({"width": 64, "height": 512}, (256, 896))):
        net = sections(split_lines(pydn.cfg_template("darknet53", **options).encode()))[0]
        assert (net.integer("min_crop", 0), net.integer("max_crop", 0)) == crops


@pytest.mark.parametrize("name", NAMES)
def test_comments_name_the_layers(name: str) -> None:
    """Every stage begins with the layers in it, and follows the one before."""
    text = pydn.cfg_template(name)
    next_layer, number = 0, -2
    for line in text.splitlines():
        if line.startswith("["):
            number += 1
        stage = re.match(r"# layers? (\d+)(?:-(\d+))?: \S", line)
        if stage:
            assert int(stage[1]) == next_layer == number + 1
            next_layer = int(stage[2] or stage[1]) + 1
    assert next_layer == len(sections(split_lines(text.encode()))) - 1


@pytest.mark.parametrize("name", ANCHORED)
@pytest.mark.parametrize("flat", [True, False])
def test_anchors(name: str, flat: bool) -> None:
    count = len(plan(name, size=96).anchors)
    pairs = [(i + 0.5, 2 * i + 1.25) for i in range(1, count + 1)]
    made = plan(name, size=96, anchors=[value for pair in pairs for value in pair] if flat else pairs)
    np.testing.assert_array_equal(made.anchors, np.array(pairs, np.float32))


@pytest.mark.parametrize("name", REGION)
def test_another_number_of_anchors(name: str) -> None:
    net = load(name, 4, size=96, anchors=[(1, 1), (2, 3), (3, 2)])
    assert net.forward()[0].shape[1] == 3 * (5 + 4)


@pytest.mark.parametrize("name", sorted({*ANCHORED} - {*REGION}))
def test_number_of_anchors_is_fixed(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} needs [69] anchors, not 2"):
        pydn.cfg_template(name, anchors=[(1, 1), (2, 3)])


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "another name": ({"name": "yolov3tiny"}, "there is no template 'yolov3tiny'; did you mean yolov3-tiny"),
    "no such name": ({"name": "?"}, r"there is no template '\?'; there is: darknet19, "),
    "no class": ({"classes": 0}, "classes must be 1 to 65536, not 0"),
    "no channel": ({"channels": 0}, "channels must be 1 to 65536, not 0"),
    "no size": ({"size": 0}, "width must be 1 to 65536, not 0"),
    "width between": ({"width": 100}, "yolov4 needs a width that is a multiple of 32: 96 or 128, not 100"),
    "height small": ({"height": 16}, "yolov4 needs a height that is a multiple of 32: 32, not 16"),
    "huge": ({"size": 2**20}, "width must be 1 to 65536, not 1048576"),
    "odd anchors": ({"anchors": [1, 2, 3]}, "anchors must be pairs"),
    "no anchors": ({"anchors": []}, "anchors must be pairs"),
    "negative anchors": ({"anchors": [(1, -2)] * 9}, "anchors must be pairs"),
    "anchors of letters": ({"anchors": "10,14"}, "anchors must be pairs"),
    "anchors of nothing": ({"anchors": [None] * 18}, "anchors must be pairs"),
    "anchors without an end": ({"anchors": [(1, float("inf"))] * 9}, "anchors must be pairs"),
    "anchors for a classifier": ({"name": "tiny", "anchors": [(1, 2)]}, "tiny has no anchors"),
}


@pytest.mark.parametrize("row", REFUSED.values(), ids=REFUSED)
def test_refused(row: tuple[dict[str, Any], str]) -> None:
    options, said = row
    with pytest.raises(ValueError, match=said):
        pydn.cfg_template(**({"name": "yolov4"} | options))


@pytest.mark.parametrize("what", ["classes", "channels", "size", "width", "height"])
@pytest.mark.parametrize("value", [1.0, "32", True])
def test_only_whole_numbers(what: str, value: object) -> None:
    options: dict[str, Any] = {what: value}
    with pytest.raises(TypeError, match="must be a whole number"):
        pydn.cfg_template("yolov4", **options)


def test_numbers_of_numpy() -> None:
    anchors = load("yolov3-tiny").anchors
    made = pydn.cfg_template("yolov3-tiny", np.int64(80), size=np.int32(416), anchors=anchors)
    assert made == pydn.cfg_template("yolov3-tiny")


def test_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cfg", "new", "yolov4-tiny", "--classes", "3", "--size", "224", "-channels", "1"]) == 0
    printed = capsys.readouterr().out
    assert printed == pydn.cfg_template("yolov4-tiny", 3, size=224, channels=1)


def test_command_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.cfg"
    words = f"cfg new yolov2-tiny --width 64 --height 96 --anchors 1,2,3,4.5 --out {out}".split()
    assert main(words) == 0
    assert capsys.readouterr().out == ""
    net = pydn.load(out)
    assert (net.width, net.height) == (64, 96)
    assert net.anchors.tolist() == [[1, 2], [3, 4.5]]


def test_command_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cfg", "list"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == list(NAMES)
    assert any(re.fullmatch(r"yolov4 +608x608 +80 classes +YOLOv4", row) for row in rows)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("cfg new yolov5", 1, "there is no template 'yolov5'"),
        ("cfg new yolov4 --classes many", 2, "--classes needs a whole number, not 'many'"),
        ("cfg new yolov4 --anchors 1,x", 2, "-anchors needs numbers with commas between them, not '1,x'"),
        ("cfg new", 2, "NAME is missing"),
        ("cfg", 2, "cfg needs a verb; there is: new, list"),
        ("cfg new tiny --out no/such/folder", 1, "no/such/folder: No such file or directory"),
    ],
)
def test_command_refuses(words: str, status: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == status
    assert said in capsys.readouterr().err
