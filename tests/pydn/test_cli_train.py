"""`pydn detector train` and `classifier train` on drawn sets: lines, files, refusals."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

import pydn
from pydn.cli import main
from pydn.demo_training import cfg, draw_set

LINE = r"^ (\d+): [\d.]+, [\d.]+ avg loss, [\d.]+ rate, [\d.]+ seconds, (\d+) images, [\d.]+ hours left$"
HEAD = r"^v3 \(iou loss, Normalizer: \(iou: 0\.20, obj: 1\.00, cls: 1\.00\) Region 7 Avg \(IOU: [\d.]+\), count: \d+, "


@pytest.fixture
def shapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    draw_set(tmp_path, 16, 2)
    Path("shapes.cfg").write_bytes(cfg(4))
    return tmp_path


def test_lines_and_files(shapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detector", "train", "shapes.data", "shapes.cfg", "-dont_show"]) == 0
    printed = capsys.readouterr()
    assert re.findall(LINE, printed.out, re.MULTILINE) == [(str(k), str(16 * k)) for k in range(1, 5)]
    assert len(re.findall(HEAD, printed.err, re.MULTILINE)) == 4
    assert "total_bbox = " in printed.err
    assert "Learning Rate: 0.005, Momentum: 0.9, Decay: 0.0005" in printed.err
    assert sorted(path.name for path in (shapes / "backup").iterdir()) == ["shapes.state", "shapes_final.weights"]
    assert (shapes / "chart.png").exists()
    assert pydn.load("shapes.cfg", "backup/shapes_final.weights").iteration == 4


def test_pjreddie_lines(shapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detector", "train", "shapes.data", "shapes.cfg", "-compat", "pjreddie"]) == 0
    printed = capsys.readouterr()
    assert len(re.findall(r"^\d: [\d.]+, [\d.]+ avg, [\d.]+ rate, [\d.]+ seconds, \d+ images$", printed.out, re.M)) == 4
    assert len(re.findall(r"^Region 7 Avg IOU: .*\.75R: [\d.]+,  count: \d+$", printed.err, re.MULTILINE)) == 4


def test_a_finished_training_resumes_and_clears(shapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another word after the weights is ignored; weights that have seen it all begin anew."""
    assert main(["detector", "train", "shapes.data", "shapes.cfg"]) == 0
    final = "backup/shapes_final.weights"
    assert main(["detector", "train", "shapes.data", "shapes.cfg", final, final]) == 0
    assert "begins anew" in capsys.readouterr().err
    Path("more.cfg").write_bytes(cfg(6))
    assert main(["detector", "train", "shapes.data", "more.cfg", final]) == 0
    assert re.findall(LINE, capsys.readouterr().out, re.MULTILINE) == [("5", "80"), ("6", "96")]


def test_best_by_map(shapes: Path) -> None:
    data = pydn.DataFile.read("shapes.data")
    with pydn.load("shapes.cfg", data=data) as net:
        result = net.train(data, measure="map", measure_every=2, seed=3)
    assert [score.iteration for score in result.scores] == [2, 4]
    assert result.best is not None
    assert "shapes_best.weights" in result.files


def test_broken_sets_are_refused(shapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shapes / "train0003.txt").write_text("77 0.5 0.5 0.1 0.1\n")
    (shapes / "train0005.png").unlink()
    assert main(["detector", "train", "shapes.data", "shapes.cfg"]) == 1
    told = capsys.readouterr().err
    assert "train0003.txt" in told
    assert "train0005.png" in told
    assert main(["detector", "train", "shapes.data", "shapes.cfg", "-lenient"]) == 0


def test_the_other_kind_is_refused(shapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classifier", "train", "shapes.data", "shapes.cfg"]) == 1
    assert "use detector train" in capsys.readouterr().err


def test_classifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(8):
        name = ("dark", "bright")[number % 2]
        cv2.imwrite(f"{number}_{name}.png", np.full((16, 16, 3), 40 + 150 * (number % 2), np.uint8))
    pictures = "".join(f"{number}_{('dark', 'bright')[number % 2]}.png\n" for number in range(8))
    Path("list.txt").write_text(pictures)
    Path("labels.txt").write_text("dark\nbright\n")
    Path("two.data").write_text(
        "classes=2\ntrain=list.txt\nvalid=list.txt\nlabels=labels.txt\nbackup=made/new\ntop=2\n"
    )
    net = "[net]\nbatch=8\nwidth=8\nheight=8\nchannels=3\nlearning_rate=0.1\nmax_batches=30\n"
    layers = "[convolutional]\nfilters=2\nsize=1\nactivation=linear\n[avgpool]\n[softmax]\n"
    Path("two.cfg").write_text(net + layers)
    assert main(["classifier", "train", "two.data", "two.cfg", "-topk"]) == 0
    form = r"^(\d+), [\d.]+: [\d.]+, [\d.]+ avg, [\d.]+ rate, [\d.]+ seconds, \d+ images, [\d.]+ hours left$"
    assert len(re.findall(form, capsys.readouterr().out, re.MULTILINE)) == 30
    assert {path.name for path in Path("made/new").iterdir()} == {"two.state", "two.weights", "two_final.weights"}
    assert pydn.load("two.cfg", "made/new/two.weights").valid(pydn.DataFile.read("two.data")).top1 == 1


def test_flags_of_both_programs(shapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What darknet's verbs take is taken; several GPUs are spoken of; what no program has is refused."""
    flags = "-map -mAP_epochs 1 -clear -gpus 0,1 -i 0 -dont_show -show_imgs -mjpeg_port -1 -json_port -1 -letter_box "
    flags += "-chart c.png -thresh .3 -iou_thresh .5 -points 101 -hier .5 -benchmark_layers -avgframes 3 -out x -nogpu "
    flags += "-http_post_host h -time_limit_sec 5 -ext_output -save_labels -prefix p -c 0 -s 0 -verbose -log l.txt"
    assert main(["detector", "train", "shapes.data", "shapes.cfg", *flags.split()]) == 0
    assert "with 2 GPUs darknet's rate is 2 times the cfg's" in capsys.readouterr().err
    assert Path("c.png").exists()
    assert main(["detector", "train", "shapes.data", "shapes.cfg", "-map_points", "11"]) == 2
    assert "unknown flag -map_points" in capsys.readouterr().err


def test_intervals_of_the_data_file(shapes: Path) -> None:
    with Path("shapes.data").open("a") as file:
        file.write("saveweights = 3\nsavelast = 2\n")
    assert main(["detector", "train", "shapes.data", "shapes.cfg"]) == 0
    names = {path.name for path in (shapes / "backup").iterdir()}
    assert names == {"shapes_3.weights", "shapes_last.weights", "shapes_final.weights", "shapes.state"}
    assert main(["detector", "train", "shapes.data", "shapes.cfg", "-saveweights", "2", "-minloss"]) == 0
    names = {path.name for path in (shapes / "backup").iterdir()} - names
    assert {"shapes_2.weights", "shapes_4.weights"} <= names


def test_a_line_for_each_mini_batch(shapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("shapes.cfg").write_bytes(cfg(2).replace(b"batch=16", b"batch=16\nsubdivisions=4"))
    assert main(["detector", "train", "shapes.data", "shapes.cfg"]) == 0
    assert len(re.findall(HEAD, capsys.readouterr().err, re.MULTILINE)) == 8
