"""Templates equal the cfgs of the same names as they are in circulation: layer by layer, and in what they train with.

The tables and sums that the reference program printed for those cfgs (`goldens/utility/layer_tables.json`,
`data/cfgs/expected_parse.json`) are held against the templates as well.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydn
from pydn.cfgtext import sections, split_lines

WILD = {
    **{
        name: f"AlexeyAB__darknet/{name}.cfg"
        for name in """
        darknet19 darknet53 tiny extraction alexnet densenet201 yolov2 yolov2-tiny yolov2-tiny-voc yolov3 yolov3-tiny
        yolov3-spp yolov4 yolov4-tiny yolov4-csp yolov7-tiny enet-coco
        """.split()
    },
    "resnet50": "pjreddie__darknet/resnet50.cfg",
    "vgg16": "pjreddie__darknet/vgg-16.cfg",
    "yolov1-tiny": "pjreddie__darknet/yolov1-tiny.cfg",
    "yolov2-voc": "k5iogura__darknet_sdl/yolov2-voc.cfg",
    "ttt5": "k5iogura__darknet_sdl/ttt5.cfg",
    "ttt5_pre": "k5iogura__darknet_sdl/ttt5_pre.cfg",
}
# The copies that the older program needs end with a [cost] after [softmax], which already computes the loss.
WITH_COST = {"darknet19", "tiny", "extraction", "alexnet", "densenet201"}
HEADS = ("yolo", "region", "detection")


def dialect(name: str) -> Any:
    return "pjreddie" if name == "resnet50" else "alexeyab"


def template(name: str, **options: int) -> pydn.Network:
    return pydn.load(pydn.cfg_template(name, **options).encode(), dialect=dialect(name))


def known_layers(name: str, layers: list[Any]) -> list[Any]:
    return layers[:-1] if name in WITH_COST else layers


def options_of(path: bytes) -> list[dict[str, str]]:
    return [{key: value for key, (value, _) in section.options.items()} for section in sections(split_lines(path))]


def number(text: str) -> str | float | tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        return text
    return values[0] if len(values) == 1 else values


def test_every_template_is_compared() -> None:
    assert set(WILD) == set(pydn.cfg_templates())


@pytest.mark.parametrize("name", WILD)
def test_layers(shared: Path, name: str) -> None:
    """Kinds, shapes, parameters, activations and all that the engine reads of a layer."""
    wild = pydn.load(shared / "data/cfgs" / WILD[name], dialect=dialect(name))
    net = template(name, width=wild.width, height=wild.height)
    layers = known_layers(name, list(wild.layers))
    assert len(net.layers) == len(layers)
    for ours, theirs in zip(net.layers, layers, strict=True):
        what = f"layer {theirs.index} [{theirs.kind}]"
        assert ours.kind == theirs.kind, what
        assert ours.input_shape == theirs.input_shape, what
        assert ours.output_shape == theirs.output_shape, what
        assert ours.parameters == theirs.parameters, what
        assert ours.parameter_names == theirs.parameter_names, what
        assert ours.activation == theirs.activation, what
        # pad=1 of a 1x1 convolution changes nothing: its padding, also a fact, is 0
        facts = [{key: value for key, value in layer.facts.items() if key != "pad"} for layer in (ours, theirs)]
        assert facts[0] == facts[1], what
    np.testing.assert_array_equal(net.anchors, wild.anchors)


@pytest.mark.parametrize("name", WILD)
def test_keys_of_heads(shared: Path, name: str) -> None:
    """Those for training too."""
    wild = (shared / "data/cfgs" / WILD[name]).read_bytes()
    ours = pydn.cfg_template(name).encode()
    both = []
    for cfg in (wild, ours):
        kinds = [section.kind for section in sections(split_lines(cfg))]
        heads = [options for kind, options in zip(kinds, options_of(cfg), strict=True) if kind in HEADS]
        both.append([{key: number(value) for key, value in head.items()} for head in heads])
    assert both[0] == both[1]


# The copy of vgg-16 has no schedule. Several copies are set up for testing (batch=1), that of ttt5 for a small machine.
NOT_AS_FOUND = {"vgg16": {"learning_rate", "policy", "power", "max_batches"}}


@pytest.mark.parametrize("name", WILD)
def test_keys_of_net(shared: Path, name: str) -> None:
    wild = options_of((shared / "data/cfgs" / WILD[name]).read_bytes())[0]
    ours = options_of(pydn.cfg_template(name).encode())[0]
    other = {"width", "height", "batch", "subdivisions"} | NOT_AS_FOUND.get(name, set())
    found = [{key: number(value) for key, value in net.items() if key not in other} for net in (wild, ours)]
    assert found[0] == found[1]
    if wild["batch"] != "1" and name != "ttt5":
        assert wild["batch"] == ours["batch"]


TABLES = """
yolov3 yolov4 yolov4-tiny yolov2-tiny-voc darknet19 tiny densenet201 yolov7-tiny yolov3-tiny yolov2 yolov4-csp
""".split()


@pytest.mark.parametrize("name", TABLES)
def test_layer_table(shared: Path, name: str) -> None:
    expected = json.loads((shared / "goldens/utility/layer_tables.json").read_text())[name]
    net = template(name)
    assert {"width": net.width, "height": net.height, "channels": net.channels} == expected["net"]
    assert net.parameters == expected["parameters_total"]
    assert round(net.flops / 1e9, 3) == expected["total_bflops_printed"]
    for layer, row in zip(net.layers, known_layers(name, expected["layers"]), strict=True):
        what = f"layer {layer.index} [{layer.kind}]"
        assert layer.kind == row["section"], what
        assert np.prod(layer.output_shape[1:]) == row["outputs"], what
        assert layer.parameters == row["parameters"], what
        assert layer.flops / 1e9 == pytest.approx(row.get("bflops", 0), rel=1e-6, abs=1e-9), what


def operations(net: pydn.Network) -> int:
    """Multiplications and additions of convolutions and connected layers, as pjreddie's program counts them."""
    total = 0
    for layer in net.layers:
        _, channels, *_ = layer.input_shape
        if layer.kind == "convolutional":
            facts = layer.facts
            total += 2 * facts["size"] ** 2 * channels // facts["groups"] * int(np.prod(layer.output_shape[1:]))
        elif layer.kind == "connected":
            total += 2 * int(np.prod(layer.input_shape[1:])) * int(np.prod(layer.output_shape[1:]))
    return total


@pytest.mark.parametrize("name", WILD)
def test_operations(shared: Path, name: str) -> None:
    """Number of layers and operations that the programs print for the cfg in circulation."""
    expected = json.loads((shared / "data/cfgs/expected_parse.json").read_text())["cfgs"][WILD[name]]
    found = options_of((shared / "data/cfgs" / WILD[name]).read_bytes())[0]
    net = template(name, width=int(found["width"]), height=int(found["height"]))
    compared = 0
    alexeyab, pjreddie = expected["alexeyab"], expected["pjreddie"]
    if alexeyab["ok"]:
        assert len(net.layers) == alexeyab["layers"] - (name in WITH_COST)
        assert round(net.flops / 1e9, 3) == alexeyab["total_bflops"]
        compared += 1
    # the older program takes a route's group for the whole layer
    if pjreddie["ok"] and name != "yolov4-tiny":
        assert len(net.layers) == pjreddie["layers"] - (name in WITH_COST)
        assert operations(net) == pjreddie["ops"]
        compared += 1
    assert compared
