"""`pydn plot`, and the flags of the training verbs that let one watch."""

import io
import re
from pathlib import Path

import cv2
import pytest

import pydn
from pydn import progress
from pydn.cli import main
from pydn.demo_training import cfg, draw_set
from pydn.training import read_history

LINE = " {0}: {1}, {1} avg loss, 0.001 rate, 1.0 seconds, {2} images, 1.0 hours left\n"


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    text = "".join(LINE.format(k, v, 64 * k) for k, v in ((1, 8.0), (2, 4.0), (3, 1.0), (4, 2.0)))
    Path("train.log").write_text(f"{text} mean_average_precision (mAP@0.50) = 0.625000 \n 5: 1.")
    return "train.log"


def test_plot(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", log]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in printed[1:5]] == [["1", "8"], ["2", "4"], ["3", "1"], ["4", "2"]]
    assert printed[3].endswith("<- minimum")
    assert printed[5:] == [
        "MIN 1 after iteration 3 of 4",
        "map 62.50 % after iteration 4, best 62.50 % after 4",
    ]


def test_plot_files(log: str) -> None:
    assert main(["plot", log, "--out", "both.png", "--csv", "table.csv", "-rows", "2"]) == 0
    assert cv2.imread("both.png").shape == (1280, 1000, 3)
    assert main(["plot", "table.csv", "-log", "-out", "log.png"]) == 0
    assert cv2.imread("log.png").shape == (640, 1000, 3)
    table = Path("table.csv").read_text().splitlines()
    assert table[0] == "iteration,loss,average_loss,learning_rate,seconds,images,iou,recall,count,map"
    assert table[4] == "4,2.0,2.0,0.001,1.0,256,0.0,0.0,0,0.625"


def test_plot_of_something_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("bread, milk\n")
    assert main(["plot", str(path)]) == 1
    assert capsys.readouterr().err == f"pydn: {path}: has no line about an iteration of a training\n"
    assert main(["plot", str(tmp_path / "none")]) == 1


@pytest.mark.parametrize("flags", [["-live", "0"], ["-mjpeg_port", "0"]])
def test_training_is_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], flags: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    draw_set(tmp_path, 16, 2)
    Path("shapes.cfg").write_bytes(cfg(2))
    assert main(["detector", "train", "shapes.data", "shapes.cfg", "-history", "h.csv", *flags]) == 0
    printed = capsys.readouterr()
    assert re.search(r"^pydn: the training is at http://127\.0\.0\.1:\d{4,5}/$", printed.err, re.MULTILINE)
    history = read_history("h.csv")
    assert [step.iteration for step in history] == [1, 2]
    # what it printed is a log as darknet's
    Path("log").write_text(printed.out)
    assert [f"{step.loss:f}" for step in read_history("log")] == [f"{step.loss:f}" for step in history]


def test_a_port_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Words after -live that are no port are words; the reference's -1 means no port."""
    monkeypatch.chdir(tmp_path)
    assert main(["detector", "train", "-live", "missing.data", "missing.cfg"]) == 1
    assert "missing.data" in capsys.readouterr().err
    draw_set(tmp_path, 16, 2)
    Path("shapes.cfg").write_bytes(cfg(1))
    assert main(["detector", "train", "shapes.data", "shapes.cfg", "-mjpeg_port", "-1"]) == 0
    assert "http" not in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_on_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    """Of `Network.train`, with rate, time left and loss; of the verb where its lines go elsewhere."""
    monkeypatch.chdir(tmp_path)
    draw_set(tmp_path, 16, 2)
    Path("shapes.cfg").write_bytes(cfg(3))
    shown = r"\rtraining 2/3 66 %  [\d.]+( s each|/s)  \d+:\d\d left  average loss [\d.]+"
    monkeypatch.setattr(progress, "_WAIT", 0.0)
    monkeypatch.setattr(progress, "_INTERVAL", 0.0)
    for run in (
        lambda: pydn.load("shapes.cfg").train(pydn.DataFile.read("shapes.data"), workers=1),
        lambda: main(["detector", "train", "shapes.data", "shapes.cfg"]),
    ):
        screen = Terminal() if terminal else io.StringIO()
        with monkeypatch.context() as patch:
            patch.setattr("sys.stderr", screen)
            run()
        assert bool(re.search(shown, screen.getvalue())) == terminal
        assert ("training" in screen.getvalue()) == terminal
