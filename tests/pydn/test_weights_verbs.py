"""The verbs on weights: what they print and write, and their exit status."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import pydn
from pydn import tools
from pydn._core.plan import Plan
from pydn.cli import main

from .test_weights_tools import BODY, NET, filled, same

Output = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a cfg and three weights files of it."""
    monkeypatch.chdir(tmp_path)
    Path("net.cfg").write_text(NET + BODY)
    for seed in (1, 2, 3):
        filled(NET + BODY, seed=seed).save(f"{seed}.weights")
    return tmp_path


def read(path: str, cfg: str = "net.cfg", dialect: str = "alexeyab") -> pydn.Weights:
    return pydn.Weights.load(path, cfg, dialect=dialect)


def test_average(folder: Path) -> None:
    files = [f"{seed}.weights" for seed in (1, 2, 3)]
    inputs = [read(name) for name in files]
    assert main(["average", "net.cfg", "out.weights", *files]) == 0
    assert same(read("out.weights"), tools.average(inputs, as_darknet=True))
    assert main(["average", "net.cfg", "out.weights", *files, "-exact"]) == 0
    assert same(read("out.weights"), tools.average(inputs))
    assert main(["average", "net.cfg", "out.weights", *files, "-coefficients", "1,2,.5"]) == 0
    assert same(read("out.weights"), tools.average(inputs, [1, 2, 0.5]))


@pytest.mark.parametrize("verb", ["rescale", "rgbgr", "reset"])
def test_verbs_that_keep_the_cfg(folder: Path, verb: str) -> None:
    assert main([verb, "net.cfg", "1.weights", "out.weights"]) == 0
    function = getattr(tools, verb)
    arguments = {"as_darknet": True} if verb == "rescale" else {}
    assert Path("out.weights").read_bytes() == function(read("1.weights"), **arguments).tobytes()
    if verb != "rgbgr":
        assert main([verb, "net.cfg", "1.weights", "out.weights", "-exact"]) == 0
        assert Path("out.weights").read_bytes() == function(read("1.weights")).tobytes()


@pytest.mark.parametrize("verb", ["normalize", "denormalize"])
def test_verbs_that_change_the_cfg(folder: Path, capsys: Output, verb: str) -> None:
    expected = getattr(tools, verb)((NET + BODY).encode(), read("1.weights"))
    assert main([verb, "net.cfg", "1.weights", "out.weights", "-cfg", "out.cfg", "-exact"]) == 0
    assert "Saving cfg to out.cfg" in capsys.readouterr().err
    assert Path("out.cfg").read_bytes() == expected.cfg
    assert same(read("out.weights", "out.cfg"), expected.weights)
    Path("out.cfg").unlink()
    assert main([verb, "net.cfg", "1.weights", "out.weights"]) == 0
    assert not Path("out.cfg").exists()
    assert "-cfg FILE writes it" in capsys.readouterr().err


def test_in_dialect_pjreddie_the_header_is_pjreddies(folder: Path) -> None:
    text = NET + BODY.replace("[batchnorm]\n", "")
    Path("pj.cfg").write_text(text)
    filled(text, "pjreddie").save("pj.weights")
    assert main(["reset", "pj.cfg", "pj.weights", "out.weights", "-compat", "pjreddie"]) == 0
    new = read("out.weights", "pj.cfg", "pjreddie")
    assert new.header == (0, 2, 0, 6400)
    assert (new[0, "rolling_variance"] == 1).all()


def test_oneoff(folder: Path, capsys: Output) -> None:
    layers = "[convolutional]\nfilters={}\nsize=1\nactivation=linear\n[softmax]\n"
    filled(NET + layers.format(4)).save("classifier.weights")
    Path("detector.cfg").write_text(NET + layers.format(27))
    assert main(["oneoff", "detector.cfg", "classifier.weights", "out.weights", "-classes", "4"]) == 0
    assert capsys.readouterr().out == "27\n"
    expected = tools.oneoff(Path("detector.cfg").read_bytes(), Path("classifier.weights").read_bytes(), 4)
    assert Path("out.weights").read_bytes() == expected.tobytes()
    Path("out.weights").unlink()
    assert main(["oneoff", "detector.cfg", "classifier.weights", "out.weights"]) == 1
    assert "9372" in capsys.readouterr().err
    assert not Path("out.weights").exists()


def test_oneoff2(folder: Path) -> None:
    Path("twice.cfg").write_text(NET + "[convolutional]\nfilters=3\nsize=3\npad=1\n" * 2)
    filled(Path("twice.cfg").read_text()).save("twice.weights")
    assert main(["oneoff2", "twice.cfg", "twice.weights", "out.weights", "1"]) == 0
    assert Path("out.weights").read_bytes() == tools.oneoff2(read("twice.weights", "twice.cfg"), 1).tobytes()


def test_statistics(folder: Path, capsys: Output) -> None:
    assert main(["statistics", "net.cfg", "1.weights"]) == 0
    out = capsys.readouterr().out
    titles = re.findall(r"^(\w+) Layer (\d)$", out, re.MULTILINE)
    assert titles == [
        ("Convolutional", "0"),
        ("Convolutional", "1"),
        ("Convolutional", "2"),
        ("Batchnorm", "3"),
        ("Connected", "4"),
        ("Connected", "5"),
    ]
    scales = read("1.weights")[4, "scales"].astype(float)
    line = f"Scales MSE: {np.sqrt((scales**2).mean()):.6f}, Mean: {scales.mean():.6f}, Variance: {scales.var():.6f}\n"
    part = out.split("Connected Layer 4\n")[1].split("\n\n")[0]
    assert part.startswith(line + "Biases MSE: ")
    assert [row.split(" MSE")[0] for row in part.splitlines()] == [
        "Scales",
        "Biases",
        "Weights",
        "Rolling Mean",
        "Rolling Variance",
    ]


def test_print(folder: Path, capsys: Output) -> None:
    assert main(["print", "net.cfg", "1.weights", "1"]) == 0
    out = capsys.readouterr().out
    rows = np.array([line.split() for line in out.splitlines()], np.float32)
    np.testing.assert_allclose(rows, read("1.weights")[1, "weights"].reshape(4, 6), rtol=1e-5)
    assert out.splitlines()[0].endswith(" ")


@pytest.mark.parametrize(
    ("flags", "which"), [([], "alexeyab"), (["-compat", "pjreddie"], "pjreddie"), (["-layers"], "count")]
)
def test_ops(folder: Path, capsys: Output, flags: list[str], which: str) -> None:
    assert main(["ops", "net.cfg", *flags]) == 0
    count = getattr(tools.ops(pydn.load("net.cfg")), which)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == [f"Floating Point Operations: {count}", "Floating Point Operations: 0.00 Bn"]
    assert len(lines) == (9 if which == "count" else 2)


def test_speed(folder: Path, capsys: Output) -> None:
    assert main(["speed", "net.cfg", "5"]) == 0
    out = capsys.readouterr().out
    assert re.fullmatch(r"\n5 evals, [\d.]+ Seconds\nSpeed: [\d.]+ sec/eval\nSpeed: [\d.]+ Hz\n", out)
    assert main(["speed", "net.cfg", "5", "-compat", "pjreddie"]) == 0
    assert re.search(r"^FLOPS: [\d.]+ Bn$", capsys.readouterr().out, re.MULTILINE)


def test_cfglayers(folder: Path, capsys: Output) -> None:
    Path("more").mkdir()
    Path("more/odd.cfg").write_text("[net]\n[conv]\n[conv]\n[no_such_layer]\n")
    assert main(["cfglayers"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "more/odd.cfg: 3 layers: convolutional 2, no_such_layer 1",
        "net.cfg: 7 layers: convolutional 3, connected 2, batchnorm 1, softmax 1",
    ]
    assert main(["cfglayers", "nowhere"]) == 1


def test_version_and_help(capsys: Output) -> None:
    assert main(["version"]) == 0
    assert capsys.readouterr().out == f"pydn {pydn.__version__}\n"
    assert main(["help"]) == 0
    overview = capsys.readouterr().out
    for verb in ("average", "denormalize", "oneoff2", "statistics", "cfglayers"):
        assert f"\n  {verb} " in overview
        assert main([verb, "--help"]) == 0
        assert capsys.readouterr().out.startswith(f"usage: pydn {verb} ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["average", "net.cfg", "out.weights"],
        ["average", "net.cfg", "out.weights", "1.weights", "2.weights", "-coefficients", "1"],
        ["average", "net.cfg", "out.weights", "1.weights", "-coefficients", "x"],
        ["rescale", "net.cfg", "1.weights"],
        ["rgbgr", "net.cfg", "1.weights", "out.weights", "more"],
        ["oneoff", "net.cfg", "1.weights", "out.weights", "-classes", "0"],
        ["oneoff2", "net.cfg", "1.weights", "out.weights", "one"],
        ["print", "net.cfg", "1.weights", "7"],
        ["speed", "net.cfg", "many"],
        ["reset", "net.cfg", "1.weights", "out.weights", "-compat", "other"],
    ],
)
def test_wrong_command_lines(folder: Path, capsys: Output, arguments: list[str]) -> None:
    assert main(arguments) == 2
    assert re.search(r"^pydn: .+\n", capsys.readouterr().err, re.MULTILINE)
    assert not Path("out.weights").exists()


def test_failed_work_leaves_the_old_file(folder: Path, capsys: Output) -> None:
    Path("out.weights").write_bytes(b"old")
    Path("gray.cfg").write_text(NET.replace("channels=3", "channels=1") + "[convolutional]\nfilters=2\n")
    pydn.Weights(Plan(Path("gray.cfg").read_bytes())).save("gray.weights")
    assert main(["rgbgr", "gray.cfg", "gray.weights", "out.weights"]) == 1
    assert "no red and blue" in capsys.readouterr().err
    assert main(["average", "net.cfg", "out.weights", "1.weights", "missing.weights"]) == 1
    assert main(["average", "net.cfg", "out.weights", "1.weights", "gray.weights"]) == 1
    assert Path("out.weights").read_bytes() == b"old"
    assert not list(folder.glob(".*.tmp"))
