"""The verbs ``detector demo``, ``yolo demo``, ``coco demo`` and ``classifier demo``."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from threading import Thread

import cv2
import numpy as np
import pytest

import pydn
from pydn.cli import main, video
from pydn.cli.video_text import object_lines
from pydn.video import window

from .video_data import FPS, LEVELS, SIZE, confidence, read_video, write_network, write_video

Output = pytest.CaptureFixture[str]

DEMO = ["detector", "demo", "a.data", "net.cfg", "net.weights"]
HIDDEN = ["-dont_show"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a video, a detector and its data file."""
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "grey.avi")
    write_network(tmp_path)
    Path("a.data").write_text("names=a.names\n")
    Path("a.names").write_text("dark\nbright\n")
    return tmp_path


def without_rates(output: str) -> str:
    return re.sub(r"FPS:\d+\.\d", "FPS:_", output)


def test_alexeyab_lines(folder: Path, capsys: Output) -> None:
    assert main([*DEMO, "grey.avi", *HIDDEN]) == 0
    sure = [100 * confidence(image) for image in read_video("grey.avi")]
    frames = [
        "Objects:\n\n" + (f"bright: {percent:.0f}% \n" if percent > 25 else "") + "\nFPS:_ \t AVG_FPS:_\n"
        for percent in sure
    ]
    out, err = capsys.readouterr()
    assert without_rates(out) == (
        "Demo\nvideo file: grey.avi\nVideo stream: 32 x 16 \n" + "".join(frames) + "input video stream closed. \n"
    )
    assert re.search(r"\npydn: 7 frames in \d+\.\d s, \d+\.\d a second\n$", err)
    assert main([*DEMO, "grey.avi", *HIDDEN, "-ext_output", "-thresh", "0.97", "-out_filename", "o.avi"]) == 0
    out = capsys.readouterr().out
    assert out.count(" \t(left_x:    8   top_y:    6   width:   16   height:    4)\n") == sum(s > 97 for s in sure) > 0
    assert out.endswith("input video stream closed. \noutput_video_writer closed. \n")


def test_pjreddie_lines(folder: Path, capsys: Output) -> None:
    assert main([*DEMO, "grey.avi", *HIDDEN, "-compat", "pjreddie", "-avg", "1"]) == 0
    sure = [100 * confidence(image) for image in read_video("grey.avi")]
    wanted = [
        "\033[2J\033[1;1H\nFPS:_\nObjects:\n\n" + (f"bright: {percent:.0f}%\n" if percent > 50 else "")
        for percent in sure
    ]
    # letterboxed: the grey above and below does not reach the maximum of a brighter frame
    bright = slice(4, None)
    out = without_rates(capsys.readouterr().out).split("\033[2J")
    assert out[0] == "Demo\nvideo file: grey.avi\n"
    assert [f"\033[2J{frame}" for frame in out[1:]][bright] == wanted[bright]


def test_several_classes_of_a_box_share_a_line() -> None:
    columns = {"objectness": [0.9] * 3, "image_size": (10, 10), "class_id": [0, 1, 2], "label": ["a", "b", "c"]}
    found = pydn.Detections(xyxy=[[1, 1, 5, 5], [1, 1, 5, 5], [2, 2, 3, 3]], confidence=[0.8, 0.6, 0.5], **columns)
    assert object_lines(found, False, False) == "a: 80% , b: 60% \nc: 50% \n"
    assert object_lines(found, True, False) == (
        "a: 80% , b: 60% \t(left_x:    1   top_y:    1   width:    4   height:    4)\n"
        "c: 50% \t(left_x:    2   top_y:    2   width:    1   height:    1)\n"
    )
    assert object_lines(found, False, True) == "a: 80%\nb: 60%\nc: 50%\n"


def test_files(folder: Path, capsys: Output) -> None:
    flags = ["-out_filename", "o.avi", "-json_file_output", "o.json", "-prefix", "p"]
    assert main([*DEMO, "grey.avi", *flags]) == 0
    frames = json.loads(Path("o.json").read_text())
    images = read_video("grey.avi")
    assert [frame["frame_id"] for frame in frames] == list(range(1, 8))
    for frame, image in zip(frames, images, strict=True):
        sure = confidence(image)
        assert [o["confidence"] for o in frame["objects"]] == pytest.approx([sure] if sure > 0.25 else [], abs=1e-4)
    written = read_video("o.avi")
    assert [image.shape for image in written] == [(16, 32, 3)] * len(LEVELS)
    assert cv2.VideoCapture("o.avi").get(cv2.CAP_PROP_FPS) == FPS
    assert np.ptp(written[-1]) > 100  # a coloured box on even grey
    assert sorted(path.name for path in folder.glob("p_*")) == [f"p_0000000{number}.jpg" for number in range(1, 8)]
    assert main([*DEMO, "grey.avi", *flags, *HIDDEN, "-dontdraw_bbox", "-s", "1"]) == 0
    written = read_video("o.avi")
    assert len(written) == 4
    assert all(np.ptp(image) < 10 for image in written)
    assert cv2.VideoCapture("o.avi").get(cv2.CAP_PROP_FPS) == FPS / 2  # as long as before
    assert [frame["frame_id"] for frame in json.loads(Path("o.json").read_text())] == [1, 3, 5, 7]
    assert main([*DEMO, "grey.avi", "-prefix", "q", "-compat", "pjreddie"]) == 0
    assert sorted(path.name for path in folder.glob("q_*"))[0] == "q_00000000.jpg"


def test_mean_of_frames(folder: Path, capsys: Output) -> None:
    single = [confidence(image) for image in read_video("grey.avi")]
    assert main([*DEMO, "grey.avi", *HIDDEN, "-json_file_output", "o.json", "-thresh", "0", "-avgframes", "2"]) == 0
    found = [max(o["confidence"] for o in frame["objects"]) for frame in json.loads(Path("o.json").read_text())]
    wanted = [single[0], *((a + b) / 2 for a, b in itertools.pairwise(single))]
    assert found == pytest.approx(wanted, abs=1e-4)


def test_interrupted(folder: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = []

    def interrupt(*arguments: object, **more: object) -> str:
        printed.append(arguments)
        if len(printed) == 5:
            raise KeyboardInterrupt
        return ""

    monkeypatch.setattr(video, "frame_text", interrupt)
    assert main([*DEMO, "grey.avi", *HIDDEN, "-out_filename", "o.mp4", "-json_file_output", "o.json"]) == 1
    assert capsys.readouterr().err.endswith("pydn: interrupted\n")
    assert len(json.loads(Path("o.json").read_text())) == 4
    assert [image.shape for image in read_video("o.mp4")] == [(16, 32, 3)] * 4
    assert not list(folder.glob(".*"))


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c(folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "pydn", *DEMO, "grey.avi", "-benchmark", "-json_file_output", "o.json", *HIDDEN],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for _ in range(3):  # a frame is printed before it is written
            while "AVG_FPS" not in process.stdout.readline():
                assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 1, err
    assert err.endswith("pydn: interrupted\n")
    frames = json.loads(Path("o.json").read_text())
    assert len(frames) > 0
    assert all(frame["objects"] == frames[0]["objects"] for frame in frames)


def test_time_limit_and_benchmark(folder: Path, capsys: Output) -> None:
    start = time.monotonic()
    assert main([*DEMO, "grey.avi", *HIDDEN, "-benchmark", "-time_limit_sec", "1", "-thresh", "0"]) == 0
    assert time.monotonic() - start >= 1
    out = capsys.readouterr().out
    assert out.count("Objects:\n\n\nFPS:") > len(LEVELS)  # no objects are printed, and the video is repeated
    assert "bright" not in out


def test_servers(folder: Path, capsys: Output) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for flag in ("-mjpeg_port", "-json_port"):
            assert main([*DEMO, "grey.avi", *HIDDEN, flag, str(port), "-out_filename", "o.avi"]) == 1
            err = capsys.readouterr().err.splitlines()[-1]
            assert err == f"pydn: 127.0.0.1:{port}: Address already in use: choose another port or address"
    assert not list(folder.glob("*o.avi"))
    got: list[bytes] = []

    def read() -> None:
        for _ in range(200):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
                    got.append(answer.read())
                return
            except OSError:
                time.sleep(0.02)

    reader = Thread(target=read)
    reader.start()
    flags = ["-json_port", str(port), "-benchmark", "-time_limit_sec", "1"]
    assert main([*DEMO, "grey.avi", *HIDDEN, *flags]) == 0
    reader.join()
    numbers = [frame["frame_id"] for frame in json.loads(got[0])]
    assert len(numbers) > 2
    assert numbers == sorted(set(numbers))


def test_errors(folder: Path, capsys: Output) -> None:
    Path("text.mp4").write_text("no video")
    for words, said in (
        (["absent.mp4"], "pydn: absent.mp4: No such file or directory"),
        (["text.mp4"], "pydn: text.mp4: not a video that OpenCV can read: "),
        (["-c", "987"], "pydn: camera 987: OpenCV finds no such camera"),
        (["grey.avi", "-out_filename", "o.xyz"], "pydn: o.xyz: the name of a video must end in .mp4 "),
        (["grey.avi", "-out_filename", "no/o.mp4"], "pydn: no/o.mp4: No such file or directory"),
        (["grey.avi", "-json_file_output", "no/o.json"], "pydn: no/o.json: No such file or directory"),
        (["grey.avi", "-json_port", "0", "-mjpeg_port", "-1", "-prefix", "no/o"], "pydn: no/o_00000001.jpg: No such"),
    ):
        assert main([*DEMO, *words, *HIDDEN]) == 1, words
        assert capsys.readouterr().err.splitlines()[-1].startswith(said)
    for flags in (["-s", "-1"], ["-mjpeg_port", "65536"], ["-avgframes", "0"], ["-c", "-1"], ["-time_limit_sec", "-1"]):
        assert main([*DEMO, "grey.avi", *flags]) == 2
        assert f"pydn: {flags[0]} must be " in capsys.readouterr().err
    assert main([*DEMO, "grey.avi", *HIDDEN, "-http_post_host", "example.org"]) == 0
    assert "warning: -http_post_host is of no effect" in capsys.readouterr().err


def test_window(folder: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures: list[np.ndarray] = []
    monkeypatch.setattr(window, "has_screen", lambda: True)
    monkeypatch.setattr(cv2, "namedWindow", lambda *_: None)
    monkeypatch.setattr(cv2, "resizeWindow", lambda *_: None)
    monkeypatch.setattr(cv2, "destroyWindow", lambda *_: None)
    monkeypatch.setattr(cv2, "imshow", lambda _, picture: pictures.append(picture))
    monkeypatch.setattr(cv2, "waitKey", lambda _: 27 if len(pictures) == 3 else -1)
    assert main([*DEMO, "grey.avi"]) == 0
    assert [picture.shape for picture in pictures] == [(SIZE[1], SIZE[0], 3)] * 3  # the third time Esc was pressed
    assert main([*DEMO, "grey.avi", "-dont_show"]) == 0
    assert len(pictures) == 3

    def headless(*_: object) -> None:
        raise cv2.error("no windows in this build")

    monkeypatch.setattr(cv2, "namedWindow", headless)
    assert main([*DEMO, "grey.avi"]) == 0
    assert capsys.readouterr().out.count("AVG_FPS") == 3 + 7 + 7


@pytest.mark.parametrize(("verb", "classes", "label"), [("yolo", 20, "bicycle"), ("coco", 80, "bicycle")])
def test_version_1(folder: Path, capsys: Output, verb: str, classes: int, label: str) -> None:
    write_network(folder, classes, 1)
    assert main([verb, "demo", "net.cfg", "net.weights", "grey.avi", *HIDDEN]) == 0
    wanted = sum(confidence(image) > 0.2 for image in read_video("grey.avi"))
    assert capsys.readouterr().out.count(f"{label}: ") == wanted > 0


def test_classifier_demo(folder: Path, capsys: Output) -> None:
    Path("c.cfg").write_text(
        "[net]\nwidth=4\nheight=4\nchannels=3\n[connected]\noutput=3\nactivation=linear\n[softmax]\n"
    )
    biases = np.log(np.array([0.2, 0.7, 0.1], "<f4"))
    header = np.array([0, 2, 5, 0, 0], "<i4").tobytes()
    Path("c.weights").write_bytes(header + biases.tobytes() + np.zeros(3 * 48, "<f4").tobytes())
    Path("c.data").write_text("names=c.names\ntop=2\n")
    Path("c.names").write_text("one\ntwo\nthree\n")
    words = ["classifier", "demo", "c.data", "c.cfg", "c.weights", "grey.avi", *HIDDEN]
    clear = "\033[2J\033[1;1H"
    assert main(words) == 0
    out = re.sub(r"FPS: \d+\.\d\d", "FPS: _", capsys.readouterr().out)
    assert out == "Classifier Demo\nvideo file: grey.avi\nVideo stream: 32 x 16 \n" + 7 * (
        f"{clear}\rFPS: _  (use -benchmark command line flag for correct measurement)\n70.0%: two\n20.0%: one\n\n"
    )
    assert main([*words, "-compat", "pjreddie"]) == 0
    out = re.sub(r"FPS:\d+", "FPS:_", capsys.readouterr().out)
    assert out == "Classifier Demo\nvideo file: grey.avi\n" + 7 * f"{clear}\nFPS:_\n70.0%: two\n20.0%: one\n"
    assert main([*words, "-benchmark", "-time_limit_sec", "1"]) == 0
    out = re.sub(r"\d+\.\d\d", "_", capsys.readouterr().out)
    assert out.count(f"{clear}\rFPS: _ \t AVG_FPS = _ ") > 7
