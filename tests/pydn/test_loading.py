"""Everything that `load` accepts."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydn

CFG = b"""[net]
width=8
height=8
channels=3

[convolutional]
filters=4
size=3
pad=1
activation=leaky

[convolutional]
filters=14
size=1

[yolo]
mask=0,1
anchors=1,1, 2,2
classes=2
num=2

[route]
layers=-3

[convolutional]
filters=7
size=1

[yolo]
mask=0
anchors=4,4
classes=2
num=1
"""
TREE = b"animal -1\ncat 0\ndog 0\nthing -1\n"
TREE_CFG = (
    b"[net]\nwidth=4\nheight=4\nchannels=3\n[convolutional]\nfilters=9\n"
    b"[region]\nclasses=4\nnum=1\nanchors=1,1\nsoftmax=1\ntree = data/my.tree\nmap=data/absent.map\n"
)


@pytest.fixture
def weights() -> bytes:
    return pydn.load(CFG).weights.tobytes()


def same(net: pydn.Network, weights: bytes) -> bool:
    return net.weights.tobytes() == weights


def test_sources(tmp_path: Path, weights: bytes) -> None:
    cfg_path, weights_path = tmp_path / "ä.cfg", tmp_path / "ä.weights"
    cfg_path.write_bytes(CFG)
    weights_path.write_bytes(weights)
    assert same(pydn.load(cfg_path, weights_path), weights)
    assert same(pydn.load(str(cfg_path), str(weights_path)), weights)
    assert same(pydn.load(CFG, weights), weights)
    assert same(pydn.load(bytearray(CFG), memoryview(weights)), weights)
    assert same(pydn.load(io.BytesIO(CFG), io.BytesIO(weights)), weights)
    with cfg_path.open("rb") as cfg_file, weights_path.open("rb") as weights_file:
        assert same(pydn.load(cfg_file, weights_file), weights)
    assert same(pydn.load(cfg_path, weights_path, mmap=True), weights)
    weights_path.unlink()  # a mapped file is not needed once it is loaded


def test_wrong_sources(tmp_path: Path, weights: bytes) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.cfg"):
        pydn.load(tmp_path / "absent.cfg")
    with pytest.raises(FileNotFoundError, match=r"absent\.weights"):
        pydn.load(CFG, tmp_path / "absent.weights")
    with pytest.raises(TypeError, match="mode 'rb'"):
        pydn.load(io.StringIO(CFG.decode()))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not int"):
        pydn.load(7)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="mmap=True needs the path"):
        pydn.load(CFG, weights, mmap=True)
    empty = tmp_path / "empty.weights"
    empty.touch()
    for mapped in (False, True):
        with pytest.raises(pydn.WeightsError) as caught:
            pydn.load(CFG, empty, mmap=mapped)
        assert caught.value.file == str(empty)


def test_errors_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bad.cfg"
    path.write_bytes(CFG.replace(b"size=3", b"size=many"))
    with pytest.raises(pydn.CfgError) as caught:
        pydn.load(path)
    assert (caught.value.file, caught.value.line) == (str(path), 8)


def test_left_over_bytes(weights: bytes) -> None:
    with pytest.raises(pydn.WeightsError):
        pydn.load(CFG, weights + b"1234")
    net = pydn.load(CFG, weights + b"1234", strict=False)
    assert net.report is not None
    assert net.report.bytes_left == 4
    assert same(net, weights)


def test_names(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "x.names").write_bytes(b"cat\r\ndog\r\n\r\n")
    (tmp_path / "x.data").write_text("classes=2\nnames = x.names\n")
    (tmp_path / "none.data").write_text("classes=2\n")
    with caplog.at_level(logging.WARNING, "pydn"):
        assert pydn.load(CFG, names=tmp_path / "x.names").names == ["cat", "dog"]
        assert pydn.load(CFG, names=["a", "b"]).names == ["a", "b"]
        assert pydn.load(CFG, data=tmp_path / "x.data").names == ["cat", "dog"]
        assert pydn.load(CFG, data=pydn.DataFile.read(tmp_path / "x.data")).names == ["cat", "dog"]
        assert pydn.load(CFG, data=tmp_path / "x.data", names=["a", "b"]).names == ["a", "b"]
        assert pydn.load(CFG, data=tmp_path / "none.data").names == ["class 0", "class 1"]
    assert caplog.records == []
    assert pydn.load(CFG, names=["cat"]).names == ["cat", "class 1"]
    assert "1 names for 2 classes" in caplog.text
    (tmp_path / "x.names").unlink()
    with pytest.raises(FileNotFoundError, match=r"x\.data:2"):
        pydn.load(CFG, data=tmp_path / "x.data")


def test_files_that_the_cfg_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"files=\{'data/my.tree': bytes\}"):
        pydn.load(TREE_CFG)
    assert pydn.load(TREE_CFG, files={"data/my.tree": TREE}).classes == 4
    with pytest.raises(pydn.CfgError):
        pydn.load(TREE_CFG, files={"data/my.tree": b"not a tree"})

    folder = tmp_path / "darknet" / "cfg"
    for place in (tmp_path / "data", folder.parent / "data", folder / "data"):
        place.mkdir(parents=True)
    (folder / "x.cfg").write_bytes(TREE_CFG)
    for place in (tmp_path / "data", folder.parent / "data", folder / "data"):
        (place / "my.tree").write_bytes(TREE)
        assert pydn.load(folder / "x.cfg").classes == 4
        (place / "my.tree").unlink()
        with pytest.raises(FileNotFoundError):
            pydn.load(folder / "x.cfg")


def test_only_files_that_the_cfg_names_are_read(tmp_path: Path) -> None:
    (tmp_path / "x.cfg").write_bytes(CFG)
    (tmp_path / "tree").mkdir()
    pydn.load(tmp_path / "x.cfg")
    commented = TREE_CFG.replace(b"tree =", b"#tree =").replace(b"map=", b";map=")
    assert pydn.load(commented).classes == 4


def test_the_first_layers(weights: bytes) -> None:
    """The others have what they would have without weights; those of another head do not matter."""
    other = weights[:20] + (np.frombuffer(weights[20:], np.float32) + 1).tobytes()
    with pydn.load(CFG, other[:-4] + b"more", layers=2) as part:
        first = part.partial(2).tobytes()
        assert part.report is not None
        assert part.report.layers_loaded == 2
        assert part.weights.tobytes() == other[: len(first)] + weights[len(first) :]
    with pydn.load(CFG, other, layers=0) as none:
        assert none.weights.tobytes() == pydn.load(CFG).weights.tobytes()
    with pytest.raises(ValueError, match="layers must be 0 to"):
        pydn.load(CFG, weights, layers=-1)


def test_another_number_of_classes(weights: bytes) -> None:
    source = pydn.load(CFG, weights)
    net = pydn.load(CFG, weights, classes=5)
    assert net.classes == 5
    assert [layer.output_shape[1] for layer in net.layers] == [4, 20, 20, 4, 10, 10]
    np.testing.assert_array_equal(net.layers[0].weights, source.layers[0].weights)
    assert net.layers[1].weights.shape == (20, 4, 1, 1)
    assert same(pydn.load(CFG, weights, classes=2), weights)
    assert pydn.load(CFG, classes=1).classes == 1


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"device": "tpu"}, ValueError),
        ({"precision": "fp4"}, ValueError),
        ({"outputs": "some"}, ValueError),
        ({"prepare": "quickly"}, ValueError),
        ({"dialect": "hank"}, ValueError),
        ({"isa": "mmx"}, ValueError),
        ({"classes": 0}, ValueError),
    ],
)
def test_wrong_options(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        pydn.load(CFG, **options)


def test_yolo9000_with_its_tree(shared: Path) -> None:
    """The real tree stands in another folder than the cfg expects, so it is handed in."""
    cfg = (shared / "data/cfgs/AlexeyAB__darknet/yolo9000.cfg").read_bytes()
    tree = (shared / "data/names/9k.tree").read_bytes()
    small = cfg.replace(b"filters=1024", b"filters=8").replace(b"filters=512", b"filters=8")
    assert pydn.load(small, files={"data/9k.tree": tree}).classes == 9418
