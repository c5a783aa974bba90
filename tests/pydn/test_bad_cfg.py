"""Cfgs that are wrong: each is refused with the file, the line, the numbers and what to do."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import pydn
from pydn import CfgError, ShapeError, UnsupportedError

from .bad_input import refused

NET = "[net]\nwidth=32\nheight=32\nchannels=3\n"  # lines 1 to 4
CONV = "[convolutional]\nfilters=8\nsize=3\npad=1\nactivation=leaky\n"  # lines 5 to 9: layer 0, 8x32x32
POOL = "[maxpool]\nsize=2\nstride=2\n"  # lines 10 to 12 after CONV: layer 1, 8x16x16
YOLO = "[yolo]\nmask=0,1,2\nanchors=10,14,23,27,37,58\nclasses=2\nnum=3\n"  # needs 3 · (5 + 2) = 21 channels
REGION = "[region]\nanchors=1,1,2,2\nclasses=3\nnum=2\n"  # needs 2 · (5 + 3) = 16 channels
WIDE = "[convolutional]\nfilters={}\nsize=1\n"  # 3 lines
PNG = cv2.imencode(".png", np.zeros((2, 2, 3), np.uint8))[1].tobytes()
WEIGHTS = np.array([0, 2, 5, 0, 0], "<i4").tobytes() + np.ones(50, "<f4").tobytes()

TEXTS: dict[str, tuple[str | bytes, str, dict[str, Any]]] = {
    "empty file": (b"", "must begin with [net]", {"line": 0, "expected": "[net]", "found": "nothing"}),
    "comments only": ("# [net]\n\n;nothing\n", "must begin with [net]", {"expected": "[net]", "found": "nothing"}),
    "a web page in place of the file": ("<html>404: Not Found</html>\n", "must begin with [net]", {"line": 0}),
    "a PNG": (PNG, "give the .cfg file", {"expected": "text", "found": "byte 0x00"}),
    "a weights file": (WEIGHTS, "give the .cfg file", {"line": 1, "expected": "text", "found": "byte 0x00"}),
    "UTF-16": (NET.encode("utf-16"), "plain UTF-8 text", {"line": 1, "found": "byte 0x00"}),
    "a value that is not UTF-8": (
        (NET + "[convolutional]\nfilters=").encode() + b"\xe9\n",
        "must be a whole number",
        {"line": 6, "section": "convolutional", "key": "filters", "found": "?"},
    ),
    "a value that would move the cursor": (
        NET + "[convolutional]\nfilters=\x9b2J\x7f\n",
        "filters=??2J? of [convolutional] must be a whole number",
        {"line": 6, "found": "??2J?"},
    ),
    "option before any section": ("width=3\n" + NET, "begin the cfg with [net]", {"line": 1, "found": "width=3"}),
    "first section is a layer": (
        CONV,
        "the first section must be [net]",
        {"line": 1, "section": "convolutional", "found": "convolutional"},
    ),
    "missing ]": (
        NET + "[convolutional\nfilters=1\n",
        "its name between '[' and ']'",
        {"line": 5, "expected": "[section]", "found": "[convolutional"},
    ),
    "section without a name": (NET + "[]\n", "its name between '[' and ']'", {"line": 5, "found": "[]"}),
    "text behind ]": (NET + "[maxpool]x\n", "alone on the line", {"line": 5, "found": "[maxpool]x"}),
    "no layer": (NET, "add one, such as [convolutional]", {"expected": "a layer"}),
    "200000 layers": (
        NET + "[dropout]\n" * 200000,
        "shorten the cfg",
        {"line": 100004, "expected": "at most 100000 sections"},
    ),
    "value of 5000 digits": (
        NET + f"[convolutional]\nfilters={'9' * 5000}\n",
        "must be a whole number from 1 to",
        {"line": 6, "key": "filters"},
    ),
}

# of [net], whose lines are: 2 width, 3 height, 4 channels, 5 the key given in addition
NETS: dict[str, tuple[dict[str, object], str, dict[str, Any]]] = {
    "width=0": ({"width": 0}, "each 1 or more (now 0, 32 and 3)", {"line": 2, "key": "width", "found": "0 x 32 x 3"}),
    "width missing": ({"width": None}, "lacks the size of the input: give width=", {"line": 1, "key": "width"}),
    "width negative": ({"width": -32}, "must be a whole number", {"line": 2, "key": "width", "found": "-32"}),
    "width in hexadecimal": ({"width": "0x20"}, "each 1 or more (now 0, 32 and 3)", {"line": 2, "key": "width"}),
    "width=nan": ({"width": "nan"}, "must be a whole number", {"line": 2, "key": "width", "found": "nan"}),
    "width and height overflow": (
        {"width": 2000000000, "height": 2000000000},
        "must be a whole number from 0 to 1048576",
        {"line": 2, "key": "width", "found": "2000000000"},
    ),
    "channels=0": ({"channels": 0}, "each 1 or more (now 32, 32 and 0)", {"line": 4, "key": "channels"}),
    "channels negative": ({"channels": -3}, "must be a whole number", {"line": 4, "key": "channels", "found": "-3"}),
    "batch=0": ({"batch": 0}, "must be a whole number of at least 1", {"line": 5, "key": "batch", "found": "0"}),
    "batch overflows": ({"batch": 3000000000}, "must be a whole number", {"line": 5, "found": "3000000000"}),
    "subdivisions=0": ({"subdivisions": 0}, "of at least 1", {"line": 5, "key": "subdivisions", "found": "0"}),
    "learning_rate is a word": ({"learning_rate": "fast"}, "must be a number", {"line": 5, "found": "fast"}),
    "learning_rate=nan": ({"learning_rate": "nan"}, "must be a number", {"line": 5, "expected": "a number"}),
    "momentum=inf": ({"momentum": "inf"}, "must be a number", {"line": 5, "key": "momentum", "found": "inf"}),
    "word in a list of numbers": ({"steps": "1,x"}, "a list of numbers", {"line": 5, "key": "steps", "found": "1,x"}),
}

# of a [convolutional] in line 5: 6 filters, 7 size, 8 pad, 9 activation, 10 the key given in addition
CONVOLUTIONS: dict[str, tuple[dict[str, object], str, dict[str, Any]]] = {
    "filters=many": ({"filters": "many"}, "must be a whole number from 1 to", {"line": 6, "found": "many"}),
    "filters=0": ({"filters": 0}, "must be a whole number from 1 to", {"line": 6, "key": "filters", "found": "0"}),
    "filters overflow": ({"filters": 2000000000}, "from 1 to 16777216", {"line": 6, "found": "2000000000"}),
    "size=0": ({"size": 0}, "must be a whole number from 1 to 4096", {"line": 7, "key": "size", "found": "0"}),
    "stride=0": ({"stride": 0}, "must be a whole number from 1 to", {"line": 10, "key": "stride", "found": "0"}),
    "stride negative": ({"stride": -2}, "must be a whole number from 1 to", {"line": 10, "found": "-2"}),
    "groups=0": ({"groups": 0}, "must be a whole number from 1 to", {"line": 10, "key": "groups", "found": "0"}),
    "dilation=0": ({"dilation": 0}, "must be a whole number from 1 to", {"line": 10, "key": "dilation"}),
    "padding negative": ({"padding": -1}, "must be a whole number from 0 to", {"line": 10, "key": "padding"}),
    "batch_normalize=yes": ({"batch_normalize": "yes"}, "must be 0 or 1", {"line": 10, "expected": "0 or 1"}),
    "weights of no layer": (
        {"share_index": 5},
        "the first layer has none before it",
        {"line": 10, "key": "share_index", "found": "5"},
    ),
}

# after NET and CONV: the section begins in line 10 and is layer 1
SECTIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "route to a later layer": (
        "[route]\nlayers=5\n",
        "layers=5 of layer 1 is not an earlier layer: give 0 to 0, or -1 to -1",
        {"line": 11, "section": "route", "key": "layers", "expected": "0 to 0, or -1 to -1", "found": "5"},
    ),
    "route to itself": ("[route]\nlayers=1\n", "not an earlier layer", {"line": 11, "key": "layers", "found": "1"}),
    "route before the first layer": ("[route]\nlayers=-9\n", "it counts back to -8", {"line": 11, "found": "-9"}),
    "route without layers=": ("[route]\n", "give layers=", {"line": 10, "section": "route", "key": "layers"}),
    "route to words": ("[route]\nlayers=a,b\n", "a list of whole numbers", {"line": 11, "found": "a,b"}),
    "route to a group that is not there": (
        "[route]\nlayers=-1\ngroups=2\ngroup_id=2\n",
        "group_id=2 of [route] must be a whole number from 0 to 1",
        {"line": 13, "key": "group_id", "found": "2"},
    ),
    "shortcut without from=": ("[shortcut]\n", "give from=", {"line": 10, "section": "shortcut", "key": "from"}),
    "shortcut to a later layer": ("[shortcut]\nfrom=7\n", "not an earlier layer", {"line": 11, "key": "from"}),
    "unknown weights_type": (
        "[shortcut]\nfrom=-1\nweights_type=per_pixel\n",
        "must be one of none, per_feature, per_layer, per_channel",
        {"line": 12, "key": "weights_type", "found": "per_pixel"},
    ),
    "scale_channels without from=": ("[scale_channels]\n", "needs from=", {"line": 10, "key": "from"}),
    "upsample stride=0": ("[upsample]\nstride=0\n", "give another number, such as 2", {"line": 11, "found": "0"}),
    "maxpool stride=0": ("[maxpool]\nsize=2\nstride=0\n", "must be a whole number from 1", {"line": 12}),
    "connected output overflows": ("[connected]\noutput=2000000000\n", "from 1 to 16777216", {"line": 11}),
    "dropout above 1": ("[dropout]\nprobability=2\n", "a number from 0 to 1", {"line": 11, "found": "2"}),
    "softmax temperature=0": ("[softmax]\ntemperature=0\n", "a number above 0", {"line": 11, "found": "0"}),
    "region coords=3": ("[region]\ncoords=3\n", "must be 4", {"line": 11, "key": "coords", "expected": "4"}),
    "yolo classes=0": (YOLO.replace("classes=2", "classes=0"), "from 1 to", {"line": 13, "key": "classes"}),
    "yolo classes is a word": (YOLO.replace("classes=2", "classes=two"), "whole number", {"line": 13, "found": "two"}),
    "yolo num=0": (YOLO.replace("num=3", "num=0"), "from 1 to 4096", {"line": 14, "key": "num", "found": "0"}),
    "yolo anchor is a word": (
        YOLO.replace("23,27", "23,big"),
        "must be a list of numbers of at least 0",
        {"line": 12, "key": "anchors", "found": "10,14,23,big,37,58"},
    ),
    "yolo anchor is nan": (YOLO.replace("23,27", "nan,27"), "a list of numbers", {"line": 12, "key": "anchors"}),
    "yolo mask beyond num": (
        YOLO.replace("0,1,2", "1,2,3"),
        "names anchor 3, but num= and anchors= give only 0 to 2",
        {"line": 11, "section": "yolo", "key": "mask", "found": "1,2,3"},
    ),
    "yolo mask negative": (YOLO.replace("0,1,2", "-1"), "whole numbers of at least 0", {"line": 11, "key": "mask"}),
}

# the same, of layers that do not fit together
SHAPES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "filters before [yolo], no number of classes fits": (
        YOLO,
        "(classes 2 + 5) x 3 anchors = 21 are needed: set filters=21 in the [convolutional] before it (layer 0)",
        {"line": 10, "section": "yolo", "key": "filters", "layer": 1, "expected": "21", "found": "8"},
    ),
    "filters before [yolo], another number of classes fits": (
        WIDE.format(255) + YOLO,
        "set filters=21 in the [convolutional] before it (layer 1), or classes=80 here",
        {"line": 13, "section": "yolo", "layer": 2, "expected": "21", "found": "255"},
    ),
    "filters before [region]": (
        WIDE.format(14) + REGION,
        "set filters=16 in the [convolutional] before it (layer 1), or classes=2 here",
        {"line": 13, "section": "region", "layer": 2, "expected": "16", "found": "14"},
    ),
    "no [convolutional] before [yolo]": (
        POOL + YOLO,
        "set filters=21 in the [convolutional] that feeds it (layer 1 is not one)",
        {"line": 13, "layer": 2, "expected": "21", "found": "8"},
    ),
    "groups do not divide": (
        "[convolutional]\nfilters=9\ngroups=3\n",
        "8 channels and 9 filters cannot be split into 3 groups: groups= must divide both",
        {"line": 12, "key": "groups", "layer": 1, "found": "8 channels, 9 filters"},
    ),
    "route into groups that do not divide": (
        "[route]\nlayers=-1\ngroups=3\n",
        "the 8 channels of layer 0 cannot be split into 3 groups",
        {"line": 12, "key": "groups", "layer": 1, "found": "8 channels"},
    ),
    "shortcut of unequal sizes": (
        POOL + "[shortcut]\nfrom=-2\n",
        "the input is 8x16x16 and layer 0 is 8x32x32 (c x h x w)",
        {"line": 14, "section": "shortcut", "key": "from", "layer": 2, "found": "16x16 and 32x32"},
    ),
    "scale_channels by an image": (
        "[scale_channels]\nfrom=0\n",
        "the input must be 8x1x1, not 8x32x32",
        {"line": 11, "key": "from", "layer": 1, "found": "8x32x32"},
    ),
    "sam of unequal sizes": (
        POOL + "[sam]\nfrom=0\n",
        "8x16x16 and layer 0 is 8x32x32",
        {"line": 14, "key": "from", "layer": 2},
    ),
    "reorg with a stride that does not divide": (
        "[reorg]\nstride=5\n",
        "8 channels, 32 rows and 32 columns cannot be reordered with stride 5",
        {"line": 11, "key": "stride", "layer": 1, "found": "8x32x32"},
    ),
    "softmax groups that do not divide": (
        "[softmax]\ngroups=3\n",
        "groups=3 must divide the 8192 inputs",
        {"line": 11, "key": "groups", "layer": 1, "found": "8192 inputs"},
    ),
    "kernel larger than the padded input": (
        "[convolutional]\nsize=99\npad=0\n",
        "1 x 1 x -66 x -66 values (images, channels, rows, columns): the input is too small",
        {"line": 10, "section": "convolutional", "layer": 1, "found": "1 x 1 x -66 x -66"},
    ),
    "output below 1x1": (
        "[avgpool]\n[convolutional]\nsize=3\n",
        "enlarge width= and height= of [net] or reduce size= here",
        {"line": 11, "layer": 2, "found": "1 x 1 x -1 x -1"},
    ),
    "pool larger than its input": (
        "[maxpool]\nsize=100\nstride=2\npadding=0\n",
        "the input is too small",
        {"line": 10, "section": "maxpool", "layer": 1},
    ),
    "upsampled beyond 2^31 values": (
        "[upsample]\nstride=4096\n",
        "less than 2^31 values",
        {"line": 10, "layer": 1, "found": "1 x 8 x 131072 x 131072"},
    ),
    "connected layer too large": (
        "[connected]\noutput=16000000\n",
        "weights of 16000000 x 8192 values are more than 2^31 - 1",
        {"line": 10, "section": "connected", "layer": 1, "found": "16000000 x 8192"},
    ),
    "convolution of a flat list": (
        POOL + "[route]\nlayers=0,1\n[convolutional]\n",
        "a flat list of 10240 values (a [route] over unequal rows or columns makes one)",
        {"line": 15, "layer": 3, "found": "10240 values"},
    ),
}

UNKNOWN: dict[str, tuple[str, str, dict[str, Any]]] = {
    "misspelt section": ("[convolutonal]\n", "[convolutional] comes nearest", {"line": 10, "layer": 1}),
    "section in other letters": ("[MaxPool]\n", "[maxpool] comes nearest", {"line": 10, "layer": 1}),
    "section like no other": ("[xyzzyxyzzy]\n", "[xyzzyxyzzy] is no known layer: correct", {"line": 10, "layer": 1}),
    "section of 3000 letters": (f"[{'x' * 3000}]\n", "is no known layer", {"line": 10, "layer": 1}),
    "darkflow's [extract]": ("[extract]\n", "a section of darkflow", {"line": 10, "layer": 1}),
    "a second [net]": ("[net]\nwidth=8\n", "remove this one", {"line": 10, "layer": 1}),
    "coordconv=1": ("[convolutional]\ncoordconv=1\n", "coordconv=1 changes", {"line": 11, "layer": 1}),
}


def section(name: str, defaults: dict[str, object], given: dict[str, object]) -> str:
    values = {**defaults, **given}
    return f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in values.items() if value is not None)


def check(path: Path, cfg: str | bytes, error: type[Exception], said: str, fields: dict[str, Any]) -> None:
    """From a path the message starts with it; from bytes all else is the same."""
    content = cfg.encode() if isinstance(cfg, str) else cfg
    path.write_bytes(content)
    line = refused(error, said, lambda: pydn.load(path, device="ref"), file=str(path), **fields)
    place = fields.get("line", 0)
    assert line.startswith(f"{path}:{place}: " if place else str(path))
    refused(error, said, lambda: pydn.load(content, device="ref"), file="", **fields)


def rows(table: dict[str, Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", table.values(), ids=table)


@rows(TEXTS)
def test_text(row: tuple[str | bytes, str, dict[str, Any]], tmp_path: Path) -> None:
    cfg, said, fields = row
    check(tmp_path / "bad.cfg", cfg, CfgError, said, fields)


@rows(NETS)
def test_net(row: tuple[dict[str, object], str, dict[str, Any]], tmp_path: Path) -> None:
    given, said, fields = row
    cfg = section("net", {"width": 32, "height": 32, "channels": 3}, given) + CONV
    check(tmp_path / "bad.cfg", cfg, CfgError, said, {"section": "net", **fields})


@rows(CONVOLUTIONS)
def test_convolution(row: tuple[dict[str, object], str, dict[str, Any]], tmp_path: Path) -> None:
    given, said, fields = row
    cfg = NET + section("convolutional", {"filters": 8, "size": 3, "pad": 1, "activation": "leaky"}, given)
    check(tmp_path / "bad.cfg", cfg, CfgError, said, {"section": "convolutional", **fields})


@rows(SECTIONS)
def test_section(row: tuple[str, str, dict[str, Any]], tmp_path: Path) -> None:
    text, said, fields = row
    check(tmp_path / "bad.cfg", NET + CONV + text, CfgError, said, fields)


@rows(SHAPES)
def test_layers_that_do_not_fit(row: tuple[str, str, dict[str, Any]], tmp_path: Path) -> None:
    text, said, fields = row
    check(tmp_path / "bad.cfg", NET + CONV + text, ShapeError, said, fields)


@rows(UNKNOWN)
def test_what_the_engine_does_not_run(row: tuple[str, str, dict[str, Any]], tmp_path: Path) -> None:
    text, said, fields = row
    check(tmp_path / "bad.cfg", NET + CONV + text, UnsupportedError, said, fields)


def test_input_beyond_all_memory(tmp_path: Path) -> None:
    cfg = NET.replace("32", "1000000") + CONV
    fields = {"line": 1, "section": "net", "found": "1 x 3 x 1000000 x 1000000", "layer": None}
    check(tmp_path / "bad.cfg", cfg, ShapeError, "more than 2^31: reduce the batch, width= or height=", fields)


def test_inputs_that_contradict_the_size(tmp_path: Path) -> None:
    fields = {"line": 5, "section": "net", "key": "inputs", "expected": "3072", "found": "5"}
    check(tmp_path / "bad.cfg", NET + "inputs=5\n" + CONV, ShapeError, "32·32·3 = 3072; remove inputs=", fields)


def test_weights_as_cfg_and_cfg_as_weights(tmp_path: Path) -> None:
    (tmp_path / "x.cfg").write_text(NET + CONV)
    (tmp_path / "x.weights").write_bytes(WEIGHTS)
    swapped = refused(CfgError, "give the .cfg file", lambda: pydn.load(tmp_path / "x.weights", tmp_path / "x.cfg"))
    assert swapped.startswith(f"{tmp_path / 'x.weights'}:1: ")


# ---- what darknet takes, with a warning


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            WIDE.format(21) + YOLO.replace(",37,58", ""),
            "line 15: anchors= of layer 2 has 4 numbers, num=3 needs 6",
            id="too few anchors",
        ),
        pytest.param(WIDE.format(21) + YOLO.replace(",58", ""), "has 5 numbers, num=3 needs 6", id="half an anchor"),
        pytest.param("[convolutional]\nfiltres=3\n", "line 11: filtres=3 of [convolutional] is not used", id="a typo"),
        pytest.param(
            "[convolutional]\nactivation=leeky\n", "activation=leeky is unknown; relu", id="unknown activation"
        ),
        pytest.param("filters 3\n", "line 10: 'filters3' is neither [section] nor key=value", id="missing ="),
        pytest.param("filters=\n", "line 10: 'filters=' is neither [section] nor key=value", id="missing value"),
        pytest.param("filters=9\n", "line 10: filters=9 of [convolutional] is not used: line 6 has", id="a key twice"),
    ],
)
def test_warnings(text: str, said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "odd.cfg"
    path.write_text(NET + CONV + text)
    with caplog.at_level(logging.WARNING, "pydn"):
        pydn.load(path, device="ref")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert caplog.records[0].getMessage().startswith(f"{path}: ")
    assert said in caplog.records[0].getMessage()


# ---- files that a cfg names

TREE = "[softmax]\ntree=my.tree\n"


@pytest.mark.parametrize(
    ("tree", "error", "said", "fields"),
    [
        pytest.param(b"", CfgError, 'it needs "name parent" on every line', {}, id="empty"),
        pytest.param(b"animal\n", CfgError, 'must say "name parent" in line 1', {}, id="no parent"),
        pytest.param(b"animal -1\ndog dog\n", CfgError, 'must say "name parent" in line 2', {}, id="parent is a word"),
        pytest.param(b"animal -1\ndog 5\n", CfgError, "parent 5 in line 2, must be -1 or an earlier", {}, id="later"),
        pytest.param(PNG, CfgError, "in line 1", {}, id="binary"),
        pytest.param(b"animal -1\ndog 0\n", ShapeError, "2 nodes, the input 8192 values", {"layer": 1}, id="too small"),
    ],
)
def test_tree(tree: bytes, error: type[Exception], said: str, fields: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "my.tree").write_bytes(tree)
    path = tmp_path / "tree.cfg"
    path.write_text(NET + CONV + TREE)
    refused(error, said, lambda: pydn.load(path, device="ref"), file=str(path), section="softmax", **fields)


def test_tree_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "tree.cfg"
    path.write_text(NET + CONV + TREE)
    said = refused(FileNotFoundError, "which does not exist: put it there or hand it in", lambda: pydn.load(path))
    assert f"{path} says tree=my.tree" in said


def test_map(tmp_path: Path) -> None:
    """It matters to training only, so a missing one is no error; a wrong one is."""
    path = tmp_path / "map.cfg"
    path.write_text(NET + CONV + WIDE.format(21) + YOLO + "map=my.map\n")
    assert pydn.load(path, device="ref").classes == 2
    (tmp_path / "my.map").write_text("0\n1\n2\n")
    fields = {"line": 18, "section": "yolo", "key": "map", "found": "my.map"}
    refused(CfgError, "class numbers from 0 to 1; number 3 of it is none", lambda: pydn.load(path), **fields)


# ---- sizes that must not be tried

_HUNGRY = """
import json, resource, sys
limit = 3 << 30
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
import pydn
net = "[net]\\nwidth=32\\nheight=32\\nchannels=3\\n"
found = {}
for name, text in json.load(sys.stdin).items():
    try:
        pydn.load((net + text).encode(), device="ref")
        found[name] = ["loaded", ""]
    except Exception as error:
        found[name] = [type(error).__name__, getattr(error, "needed", None)]
print(json.dumps(found))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space")
def test_nothing_that_is_too_large_is_tried() -> None:
    """In 3 GiB of addresses: what cannot be had is an error, and never the end of the process."""
    cases = {
        "one layer of 7 GB": ("[connected]\noutput=600000\n", "OutOfMemoryError"),
        "a thousand layers of 38 MB": ("[convolutional]\nfilters=1024\nsize=3\npad=1\n" * 1000, "OutOfMemoryError"),
        "an output of 8 GB": ("[upsample]\nstride=800\n", "OutOfMemoryError"),
        "an output of 2^32 values": ("[upsample]\nstride=1200\n", "ShapeError"),
        "filters of 2^24 values": ("[convolutional]\nfilters=16777216\nsize=1\n", "ShapeError"),
        "99999 layers": ("[dropout]\n" * 99999, "loaded"),
    }
    texts = {name: text for name, (text, _) in cases.items()}
    done = subprocess.run(
        [sys.executable, "-c", _HUNGRY],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {name: kind for name, (kind, _) in found.items()} == {name: error for name, (_, error) in cases.items()}
    # 600000 outputs of 3072 inputs, and as many biases
    assert found["one layer of 7 GB"][1] >= 4 * 600000 * 3073
