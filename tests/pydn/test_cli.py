"""The command line: what it prints and writes, and its exit status."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import pydn
from pydn import demo
from pydn.cli import COMMANDS, main

Output = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the demo's detector, a classifier, and two pictures."""
    monkeypatch.chdir(tmp_path)
    Path("net.cfg").write_text(demo._CFG)
    Path("net.weights").write_bytes(demo.weights())
    Path("my names").write_text("\n".join(demo.NAMES))
    Path("obj.data").write_text("classes=4\nnames = my names\n")
    for seed in (0, 1):
        cv2.imwrite(f"{seed}.png", demo.picture(seed)[0])
    # the classifier's output k is the mean of channel k, times 4: red wins in a red picture
    Path("cls.cfg").write_text(
        "[net]\nwidth=4\nheight=4\nchannels=3\n[convolutional]\nfilters=3\nsize=1\nactivation=linear\n[avgpool]\n[softmax]\n"
    )
    header = np.array([0, 2, 5, 0, 0], "<i4").tobytes()
    Path("cls.weights").write_bytes(header + np.zeros(3, "<f4").tobytes() + (4 * np.eye(3, dtype="<f4")).tobytes())
    Path("cls.names").write_text("red\ngreen\nblue\n")
    Path("cls.data").write_text("classes=3\nnames=cls.names\ntop=2\n")
    cv2.imwrite("red.png", np.full((6, 9, 3), (0, 0, 255), np.uint8))
    return tmp_path


TEST = ["detector", "test", "obj.data", "net.cfg", "net.weights"]


def rows(output: str) -> list[tuple[str, int]]:
    return [(name, int(percent)) for name, percent in re.findall(r"^(\w+): (\d+)%$", output, re.MULTILINE)]


def test_detector_test(folder: Path, capsys: Output) -> None:
    assert main([*TEST, "0.png", "-dont_show", "-i", "0", "-thresh", "0.25"]) == 0
    out, err = capsys.readouterr()
    assert re.match(r"0\.png: Predicted in \d+\.\d{6} milli-seconds\.\n", out)
    expected = sorted(demo.picture(0)[1], key=lambda shape: shape.xyxy[0])
    assert [name for name, _ in rows(out)] == [shape.name for shape in expected]
    assert "   layer   filters  size/strd(dil)      input                output\n" in err
    assert "Loading weights from net.weights...\n\n seen 64, trained: 0 K-images (0 Kilo-batches_64) \n" in err
    assert "Done! Loaded 6 layers from weights-file \n" in err
    drawn = cv2.imread("predictions.jpg")
    assert drawn.shape == (480, 640, 3)
    assert np.abs(drawn.astype(int) - cv2.imread("0.png")).max() > 100


def test_flags_stand_anywhere(folder: Path, capsys: Output) -> None:
    assert (
        main(["detector", "test", "-dont_show", "obj.data", "--thresh", ".25", "net.cfg", "net.weights", "0.png"]) == 0
    )
    first = rows(capsys.readouterr().out)
    assert main([*TEST, "0.png", "-dont_show\r"]) == 0
    assert rows(capsys.readouterr().out) == first


def test_ext_output(folder: Path, capsys: Output) -> None:
    assert main([*TEST, "0.png", "-dont_show", "-ext_output"]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    found = pydn.load("net.cfg", "net.weights", names="my names").detect("0.png")
    assert len(lines) == len(found) > 3
    for line, detection in zip(lines, found, strict=True):
        left, top, width, height = detection.xywh
        assert line == (
            f"{detection.label}: {detection.confidence * 100:.0f}%"
            f"\t(left_x: {left:4.0f}   top_y: {top:4.0f}   width: {width:4.0f}   height: {height:4.0f})"
        )


def test_out_and_save_labels(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("0.png\n\n  absent.png\n1.png\n"))
    assert main([*TEST, "-dont_show", "-out", "result.json", "-save_labels"]) == 1  # one could not be read
    out, err = capsys.readouterr()
    assert out.count("Enter Image Path: ") == 5
    assert out.count("Predicted in") == 2
    assert "pydn: absent.png: No such file or directory\n" in err
    frames = json.loads(Path("result.json").read_text())
    assert [(frame["frame_id"], frame["filename"]) for frame in frames] == [(1, "0.png"), (3, "1.png")]
    for seed, frame in zip((0, 1), frames, strict=True):
        assert {row["name"] for row in frame["objects"]} == {shape.name for shape in demo.picture(seed)[1]}
        labels = np.loadtxt(f"{seed}.txt", ndmin=2)
        wanted = [
            [
                row["class_id"],
                *(row["relative_coordinates"][key] for key in ("center_x", "center_y", "width", "height")),
            ]
            for row in frame["objects"]
        ]
        np.testing.assert_allclose(labels, wanted, atol=6e-5)


def test_out_is_valid_json_when_the_image_is_bad(folder: Path, capsys: Output) -> None:
    assert main([*TEST, "absent.png", "-dont_show", "-out", "result.json"]) == 1
    assert json.loads(Path("result.json").read_text()) == []
    assert capsys.readouterr().err.endswith("pydn: absent.png: No such file or directory\n")


def test_compat(folder: Path, capsys: Output) -> None:
    assert main([*TEST, "0.png", "-dont_show", "-compat", "pjreddie"]) == 0
    assert re.match(r"0\.png: Predicted in \d\.\d{6} seconds\.\n", capsys.readouterr().out)
    assert main(["classifier", "predict", "cls.data", "cls.cfg", "cls.weights", "red.png", "--compat", "pj"]) == 0
    # letterboxed, half of the input is grey: softmax of 4 · (0.75, 0.25, 0.25)
    assert capsys.readouterr().out == "78.70%: red\n10.65%: green\n"


def test_left_over_bytes_are_warned_about(folder: Path, capsys: Output) -> None:
    Path("net.weights").write_bytes(demo.weights() + bytes(8))
    assert main([*TEST, "0.png", "-dont_show"]) == 0
    assert "pydn: warning: net.weights: 8 bytes are left over" in capsys.readouterr().err


def test_classifier_predict(folder: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    predict = ["classifier", "predict", "cls.data", "cls.cfg", "cls.weights"]
    assert main([*predict, "red.png"]) == 0  # softmax of (4, 0, 0)
    assert re.fullmatch(
        r"red\.png: Predicted in [\d.]+ milli-seconds\.\nred: 0\.964663\ngreen: 0\.017668\n", capsys.readouterr().out
    )
    assert main([*predict, "red.png", "-t", "1"]) == 0
    assert capsys.readouterr().out.endswith("seconds.\nred: 0.964663\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO("red.png\nred.png"))
    assert main(predict) == 0
    assert capsys.readouterr().out.count("red: 0.964663") == 2


def test_partial(folder: Path, capsys: Output) -> None:
    assert main(["partial", "net.cfg", "net.weights", "net.conv.2", "2"]) == 0
    assert "Saving weights to net.conv.2\n" in capsys.readouterr().err
    size = 20 + 4 * (6 + 18 + 2 + 12)
    assert Path("net.conv.2").read_bytes() == demo.weights()[:size]
    assert main([*TEST[:4], "net.conv.2", "0.png", "-dont_show"]) == 0
    assert "net.conv.2 ends after layer 1 of 6: the layers after it have random weights" in capsys.readouterr().err


def test_info(folder: Path, capsys: Output) -> None:
    assert main(["info", "net.cfg", "net.weights"]) == 0
    out = capsys.readouterr().out
    net = pydn.load("net.cfg")
    assert out.startswith(net.summary())
    assert re.search(rf"^parameters +{net.parameters:,}$", out, re.MULTILINE)
    assert re.search(r"^weights file +version 0\.2\.5, 0 images seen, 6 of 6 layers$", out, re.MULTILINE)
    assert re.search(r"^memory +\d+\.\d [KM]iB", out, re.MULTILINE)
    Path("net.cfg").write_text(demo._CFG.replace("channels=3", "channels=3\ncolour=blue"))
    assert main(["info", "net.cfg"]) == 0
    assert re.search(r"^unused, line 5 +colour=blue in \[net\]$", capsys.readouterr().out, re.MULTILINE)


def test_demo(folder: Path, capsys: Output, thorough: bool) -> None:
    """After so few iterations it says that nothing is learned yet; a whole one takes a minute."""
    if thorough:
        assert main(["demo"]) == 0
    assert main(["demo", "-iterations", "3", "-folder", "drawn", "-seed", "2"]) == 1
    out = capsys.readouterr().out
    assert "250 pictures of 1 sizes" in out
    assert re.search(r"^ +3: average loss \d+\.\d+", out, re.MULTILINE)
    assert out.count("average precision 0.") == len(demo.NAMES)
    assert re.search(r"^\d+ of \d\d shapes in four new pictures", out, re.MULTILINE)
    assert out.endswith("an mAP of 0.9 was expected\n")
    assert cv2.imread("drawn/found.png").shape == (960, 1280, 3)
    assert Path("drawn/chart.png").exists()
    for line in re.findall(r"^  pydn (.+)$", out, re.MULTILINE):
        words = ["-iterations", "4", "-savelast", "0"] if " train " in line else ["-dont_show"]
        assert main([*line.split(), *words]) == 0


def test_quick_demo(folder: Path, capsys: Output) -> None:
    assert main(["demo", "-quick", "-out", "shapes.png", "-seed", "4"]) == 0
    out = capsys.readouterr().out
    assert out.endswith("saved shapes.png\n")
    for shape in demo.picture(4)[1]:
        assert re.search(rf"^{shape.name} .* {shape.name} +\d+ +0\.[5-9]\d$", out, re.MULTILINE)
    assert cv2.imread("shapes.png").shape == (480, 640, 3)
    assert main(["demo", "--out", "shapes.nonsense"]) == 1  # before anything is trained
    assert capsys.readouterr().err.startswith("pydn: shapes.nonsense: OpenCV cannot write this kind of image")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nonsense"], "there is no verb 'nonsense'"),
        (["detector"], "detector needs a verb; there is: test"),
        (["detector", "fly"], "there is no detector 'fly'; there is: test"),
        (["detector", "test"], "DATA is missing"),
        (["detector", "test", "a"], "CFG is missing"),
        (["detector", "test", *"abcde"], "'e' is one word too many"),
        (["detector", "test", "a", "b", "-nonsense"], "unknown flag -nonsense"),
        (["detector", "test", "a", "b", "-thresh"], "-thresh needs a value"),
        (["detector", "test", "a", "b", "-thresh", "high"], "-thresh needs a number, not 'high'"),
        (["classifier", "predict", "a", "b", "-t", "1.5"], "-t needs a whole number, not '1.5'"),
        (["partial", "net.cfg", "net.weights", "out", "many"], "N must be a whole number, not 'many'"),
        (["partial", "net.cfg", "net.weights", "out", "7"], "N must be 0 to 6"),
        (["info", "net.cfg", "-compat", "hank"], "-compat is alexeyab or pjreddie, not 'hank'"),
        (["info", "net.cfg", "-device", "tpu"], "-device is cpu, ref, cuda or cuda:N, not 'tpu'"),
        (["info", "net.cfg", "-threads", "0"], "-threads must be 1 or more"),
    ],
)
def test_wrong_command_lines(folder: Path, capsys: Output, words: list[str], said: str) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"pydn: {said}" in err
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("change", "words", "said"),
    [
        ({}, ["info", "absent.cfg"], r"absent\.cfg: No such file or directory"),
        ({"net.cfg": "[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nsize=x\n"}, ["info", "net.cfg"],
         r"net\.cfg:6: .*"),
        ({"obj.data": "classes=4\nnonsense\n"}, [*TEST, "0.png"], r"obj\.data:2: 'nonsense' is not of the form .*"),
        ({"obj.data": "names=absent.names\n"}, [*TEST, "0.png"], r"absent\.names: obj\.data:1: names= .*"),
        ({"0.png": "no picture"}, [*TEST, "0.png"], r"0\.png: not an image .*"),
        ({"net.weights": "short"}, [*TEST, "0.png"], r"net\.weights: .*"),
        ({}, ["detector", "test", "cls.data", "cls.cfg", "cls.weights", "red.png"], r".*no detection layer.*"),
        ({}, ["classifier", "predict", "obj.data", "net.cfg", "net.weights", "0.png"], r".*use detect\(\)"),
    ],
)  # fmt: skip
def test_failures_are_one_line(
    folder: Path, capsys: Output, change: dict[str, str], words: list[str], said: str
) -> None:
    for name, content in change.items():
        Path(name).write_text(content)
    assert main(words) == 1
    err = capsys.readouterr().err
    assert re.fullmatch(f"pydn: {said}", err.splitlines()[-1])
    assert "Traceback" not in err
    assert main([*words, "--traceback"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_help(capsys: Output) -> None:
    for words in ([], ["--help"], ["help"]):
        assert main(words) == 0
        out = capsys.readouterr().out
        assert all(verb in out for verb in COMMANDS)
    for verb, (command, _) in COMMANDS.items():
        assert main([*verb.split(), "--help"]) == 0
        out = capsys.readouterr().out
        assert out.startswith(f"usage: pydn {verb}")
        assert all(f"  -{flag.name}" in out for flag in command.flags)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"pydn {pydn.__version__}\n"


def test_as_a_program(folder: Path) -> None:
    ran = subprocess.run([sys.executable, "-m", "pydn", *TEST, "0.png", "-dont_show"], capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(b"0.png: Predicted in")
    assert subprocess.run([sys.executable, "-m", "pydn", "x"], capture_output=True, check=False).returncode == 2


@pytest.mark.skipif(sys.platform == "win32", reason="pipes differ")
def test_a_reader_that_goes_away(folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "pydn", "info", "net.cfg"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
