"""`yolo`, `coco`, `cifar`, `tag`, `regressor` and `segmenter`: tiny networks that learn, lines, files, refusals."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from pydn.class_names import COCO_NAMES, VOC_NAMES
from pydn.cli import main

from .test_masks import palette_png

NUMBER = r"-?[\d.]+"
EPOCHS = rf"^(\d+), ([\d.]+): ({NUMBER}), ({NUMBER}) avg, [\d.]+ rate, [\d.]+ seconds, (\d+) images$"
VERSION1 = rf"^(\d+): ({NUMBER}), ({NUMBER}) avg, [\d.]+ rate, [\d.]+ seconds, (\d+) images$"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("cfg").mkdir()
    return tmp_path


def net(batch: int, side: int, iterations: int, rate: float = 0.1, more: str = "flip=0\nhue=0\n") -> str:
    return (
        f"[net]\nbatch={batch}\nwidth={side}\nheight={side}\nchannels=3\nmin_crop={side}\nmax_crop={side}\n"
        f"learning_rate={rate}\nmomentum=0.9\ndecay=0\nmax_batches={iterations}\n{more}"
    )


def names_in(folder: str) -> set[str]:
    return {path.name for path in Path(folder).iterdir()}


# ---- tags and values


def coloured(folder: str, count: int, label: str) -> None:
    """Pictures with more or less blue and red; `label` makes the text beside each from blue and red, 0..1."""
    Path(folder).mkdir()
    rng = np.random.default_rng(4)
    lines = []
    for number in range(count):
        blue, red = rng.integers(0, 2, 2) if label == "tags" else rng.uniform(0, 1, 2)
        pixels = np.full((8, 8, 3), (20 + 200 * blue, 100, 20 + 200 * red), np.uint8)
        cv2.imwrite(f"{folder}/{number}.png", pixels)
        text = " ".join(str(k) for k, on in enumerate((blue, red)) if on) if label == "tags" else f"{blue} {red}\n"
        Path(f"{folder}/{number}.txt").write_text(text)
        lines.append(f"{folder}/{number}.png\n")
    Path("list.txt").write_text("".join(lines))


TAGS = "[avgpool]\n[connected]\noutput=2\nactivation=linear\n[logistic]\n"
VALUES = "[avgpool]\n[connected]\noutput=2\nactivation=linear\n[cost]\ntype=sse\n"


def test_tags(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    coloured("imgs", 24, "tags")
    Path("cfg/tag.data").write_text("train=list.txt\nbackup=made\nnames=tags.names\n")
    Path("tags.names").write_text("blue\nred\n")
    Path("t.cfg").write_text(net(6, 8, 200, 1.0) + TAGS)
    assert main(["tag", "train", "t.cfg", "-savelast", "100"]) == 0
    lines = re.findall(EPOCHS, capsys.readouterr().out, re.MULTILINE)
    assert [(line[0], line[1], line[4]) for line in lines[:3]] == [
        ("1", "0.250", "6"),
        ("2", "0.500", "12"),
        ("3", "0.750", "18"),
    ]
    assert float(lines[-1][3]) < 0.2 * float(lines[0][3])
    assert {"t.backup", "t.weights", "t_final.weights", "t_1.weights", "t_50.weights"} <= names_in("made")
    for blue, red in ((0, 1), (1, 0), (1, 1)):
        cv2.imwrite("new.png", np.full((8, 8, 3), (20 + 200 * blue, 100, 20 + 200 * red), np.uint8))
        assert main(["tag", "test", "t.cfg", "made/t.weights", "new.png", "-data", "cfg/tag.data"]) == 0
        out = capsys.readouterr().out
        assert out.startswith("new.png: Predicted in ")
        shares = {name: float(share) for share, name in re.findall(r"^([\d.]+)%: (\w+)$", out, re.MULTILINE)}
        assert (shares["blue"] > 50, shares["red"] > 50) == (blue, red)


def test_values(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    coloured("images", 36, "values")
    Path("v.data").write_text("train=list.txt\nbackup=made\n")
    Path("v.cfg").write_text(net(12, 8, 150, 1.0) + VALUES)
    assert main(["regressor", "train", "v.data", "v.cfg"]) == 0
    lines = re.findall(EPOCHS, capsys.readouterr().out, re.MULTILINE)
    assert float(lines[-1][3]) < 0.1 * float(lines[0][3])
    pixels = np.full((8, 8, 3), (20 + 200 * 0.25, 100, 20 + 200 * 0.75), np.uint8)
    cv2.imwrite("new.png", pixels)
    for verb in ("test", "predict"):
        assert main(["regressor", verb, "v.data", "v.cfg", "made/v.weights", "new.png"]) == 0
        out = capsys.readouterr().out
        found = re.match(rf"Predicted: ({NUMBER}) ({NUMBER})\nnew\.png: Predicted in [\d.]+ seconds\.\n", out)
        assert found is not None
        np.testing.assert_allclose([float(value) for value in found.groups()], [0.25, 0.75], atol=0.08)


def test_broken_numbers_are_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    coloured("images", 6, "values")
    Path("images/1.txt").write_text("0.5 zebra\n")
    Path("images/2.txt").write_text("0.5\n")
    Path("images/3.txt").unlink()
    Path("v.data").write_text("train=list.txt\nbackup=made\n")
    Path("v.cfg").write_text(net(2, 8, 3) + VALUES)
    assert main(["regressor", "train", "v.data", "v.cfg"]) == 1
    told = capsys.readouterr().err
    assert "3 problems in the data" in told
    assert "images/1.txt:1: 'zebra' is not a number" in told
    assert "images/2.txt: 1 values, the network has 2 outputs" in told
    assert main(["regressor", "train", "v.data", "v.cfg", "-lenient"]) == 0
    Path("images/0.txt").write_text("7 0\n")
    Path("cfg/tag.data").write_text("train=list.txt\nbackup=made\n")
    assert main(["tag", "train", "v.cfg"]) == 1
    assert "images/0.txt:1: '7' is not a tag from 0 to 1" in capsys.readouterr().err


# ---- cifar


@pytest.fixture
def cifar(here: Path) -> Path:
    """CIFAR-10's own form, of two classes that differ in brightness."""
    folder = Path("data/cifar/cifar-10-batches-bin")
    folder.mkdir(parents=True)
    Path("data/cifar/labels.txt").write_text("night\nday\n")
    rng = np.random.default_rng(2)
    for name, count in (("data_batch_1.bin", 12), ("data_batch_2.bin", 4), ("test_batch.bin", 8)):
        classes = np.arange(count) % 2
        pixels = np.clip(rng.normal(60 + 120 * classes[:, None], 20, (count, 3072)), 0, 255)
        folder.joinpath(name).write_bytes(np.hstack([classes[:, None], pixels]).astype(np.uint8).tobytes())
    Path("cfg/cifar.data").write_text(
        "classes=2\ntrain=data/cifar/train.list\nvalid=data/cifar/test.list\nlabels=data/cifar/labels.txt\nbackup=made\n"
    )
    layers = "[convolutional]\nfilters=2\nsize=1\nactivation=linear\n[avgpool]\n[softmax]\n"
    Path("two.cfg").write_text(net(8, 32, 40, 0.2) + layers)
    return here


def test_cifar(cifar: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cifar", "extract"]) == 0
    first = Path("data/cifar/cifar-10-batches-bin/data_batch_1.bin").read_bytes()
    pixels = cv2.imread("data/cifar/train/1_day.png")
    assert pixels is not None
    np.testing.assert_array_equal(
        pixels[..., ::-1].transpose(2, 0, 1).ravel(), np.frombuffer(first, np.uint8)[3074:6146]
    )
    assert len(Path("data/cifar/train.list").read_text().splitlines()) == 16
    assert main(["cifar", "train", "two.cfg"]) == 0
    lines = re.findall(EPOCHS, capsys.readouterr().out, re.MULTILINE)
    assert float(lines[-1][3]) < 0.5 * float(lines[0][3])
    assert {"two.weights", "two_final.weights", "two_1.weights", "two_20.weights"} <= names_in("made")
    assert main(["cifar", "test", "two.cfg", "made/two.weights"]) == 0
    assert re.fullmatch(r"top1: 1\.000000, [\d.]+ seconds, 8 images\n", capsys.readouterr().out)
    assert main(["cifar", "multi", "two.cfg", "made/two.weights"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "   7: 100.00%"
    for verb, count in (("csv", 8), ("csvtrain", 16)):
        assert main(["cifar", verb, "two.cfg", "made/two.weights"]) == 0
        printed = capsys.readouterr()
        rows = np.array([[float(value) for value in line.split(",")] for line in printed.out.splitlines()])
        assert rows.shape == (count, 2)
        np.testing.assert_allclose(rows.sum(1), 1, atol=1e-5)
        assert "Accuracy: 1.000000" in printed.err


def test_broken_cifar(cifar: Path, capsys: pytest.CaptureFixture[str]) -> None:
    batch = Path("data/cifar/cifar-10-batches-bin/test_batch.bin")
    whole = batch.read_bytes()
    for contents in (b"", whole[:-1], b"\x02" + whole[1:]):
        batch.write_bytes(contents)
        assert main(["cifar", "extract"]) == 1
        assert "test_batch.bin: " in capsys.readouterr().err
    Path("data/cifar/labels.txt").write_text("night\n../day\n")
    assert main(["cifar", "extract"]) == 1
    assert "'../day' cannot be part of a file's name" in capsys.readouterr().err


def test_cifar_without_its_card(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("two.cfg").write_text(net(8, 32, 40) + "[avgpool]\n[softmax]\n")
    assert main(["cifar", "train", "two.cfg"]) == 2
    assert "there is no cfg/cifar.data: name the .data file by -data FILE" in capsys.readouterr().err


# ---- segmenter


def squares(count: int, classes: int) -> None:
    """Dark pictures with a bright square for each class, of its own colour, and masks with an unknown border."""
    rng = np.random.default_rng(6)
    for folder in ("VOC/JPEGImages", "VOC/SegmentationClass"):
        Path(folder).mkdir(parents=True)
    lines = []
    for number in range(count):
        pixels, mask = np.full((32, 40, 3), 30, np.uint8), np.zeros((32, 40), int)
        for class_id in range(classes):
            top, left = 2 + rng.integers(0, 14), 2 + 19 * class_id + rng.integers(0, 4)
            mask[top - 1 : top + 13, left - 1 : left + 13] = 255
            mask[top : top + 12, left : left + 12] = class_id + 1
            pixels[top : top + 12, left : left + 12] = ((40, 60, 220), (220, 60, 40))[class_id]
        cv2.imwrite(f"VOC/JPEGImages/{number}.png", pixels)
        Path(f"VOC/SegmentationClass/{number}.png").write_bytes(palette_png(mask))
        lines.append(f"VOC/SegmentationClass/{number}.png\n")
    Path("masks.txt").write_text("".join(lines))
    Path("pictures.txt").write_text("".join(lines).replace("SegmentationClass", "JPEGImages"))


@pytest.mark.parametrize(("classes", "div"), [(1, 1), (2, 2)])
def test_segmenter(here: Path, capsys: pytest.CaptureFixture[str], classes: int, div: int) -> None:
    """One plane for all that is there, or one for each class at half of the picture's size."""
    squares(8, 2)
    Path("s.data").write_text("train=masks.txt\nvalid=pictures.txt\nbackup=made\nnames=s.names\n")
    Path("s.names").write_text("red\nblue\n")
    convolution = "[convolutional]\nfilters={}\nsize={}\nstride={}\npad=1\nactivation={}\n"
    layers = convolution.format(6, 3, div, "leaky") + convolution.format(classes, 1, 1, "linear") + "[logistic]\n"
    Path("s.cfg").write_text(net(4, 32, 120, 0.005) + layers)
    assert main(["segmenter", "train", "s.data", "s.cfg"]) == 0
    lines = re.findall(EPOCHS, capsys.readouterr().out, re.MULTILINE)
    assert float(lines[-1][3]) < 0.4 * float(lines[0][3])
    assert {"s.backup", "s.weights", "s_1.weights"} <= names_in("made")
    assert main(["segmenter", "map", "s.data", "s.cfg", "made/s.weights"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("validate 8 images\n0.500000 threshold\n")
    assert len(re.findall(r"^[\d.]+mAP$", out, re.MULTILINE)) == 8
    mean = re.search(r"^  ([\d.]+) mAP Predicted in [\d.]+ seconds [\d.]+ FPS\.$", out, re.MULTILINE)
    assert mean is not None
    assert float(mean[1]) > 80
    assert ("foreground" in out) == (classes == 1)
    assert main(["segmenter", "test", "s.data", "s.cfg", "made/s.weights", "VOC/JPEGImages/0.png", "-dont_show"]) == 0
    found = cv2.imread("prediction.png", cv2.IMREAD_UNCHANGED)
    assert found is not None
    assert found.shape == (32, 40)
    assert sorted(np.unique(found)) == list(range(classes + 1))
    assert Path("predictions.jpg").exists()


def test_broken_masks_are_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    squares(3, 2)
    Path("VOC/SegmentationClass/1.png").unlink()
    Path("VOC/SegmentationClass/2.png").write_bytes(palette_png(np.full((32, 40), 9)))
    Path("s.data").write_text("train=pictures.txt\nbackup=made\n")
    Path("s.cfg").write_text(net(2, 32, 2) + "[convolutional]\nfilters=2\nactivation=linear\n[logistic]\n")
    assert main(["segmenter", "train", "s.data", "s.cfg"]) == 1
    told = capsys.readouterr().err
    assert "2 problems" in told
    assert "class 9 is beyond the network's 2" in told
    Path("t.cfg").write_text(net(2, 32, 2) + "[avgpool]\n[softmax]\n")
    assert main(["segmenter", "train", "s.data", "t.cfg"]) == 1
    assert "ends in [softmax]" in capsys.readouterr().err


# ---- yolo and coco


@pytest.mark.parametrize(("verb", "names"), [("yolo", VOC_NAMES), ("coco", COCO_NAMES)])
def test_version_1(here: Path, capsys: pytest.CaptureFixture[str], verb: str, names: tuple[str, ...]) -> None:
    rng, lines = np.random.default_rng(8), []
    for number in range(8):
        class_id = 3 * (number % 2)
        x, y = rng.integers(2, 20, 2)
        pixels = np.full((32, 32, 3), 30, np.uint8)
        pixels[y : y + 10, x : x + 10] = (40, 60, 220) if class_id else (220, 60, 40)
        cv2.imwrite(f"{100 + number}.png", pixels)
        Path(f"{100 + number}.txt").write_text(f"{class_id} {(x + 5) / 32} {(y + 5) / 32} {10 / 32} {10 / 32}\n")
        lines.append(f"{100 + number}.png\n")
    Path("list.txt").write_text("".join(lines))
    Path(f"cfg/{verb if verb == 'coco' else 'voc'}.data").write_text(
        f"classes={len(names)}\ntrain=list.txt\nvalid=list.txt\nbackup=made\nresults=found\n"
    )
    values = 9 * (len(names) + 2 * 5)
    layers = (
        "[convolutional]\nfilters=8\nsize=3\nstride=2\npad=1\nactivation=leaky\n"
        f"[connected]\noutput={values}\nactivation=linear\n"
        f"[detection]\nclasses={len(names)}\ncoords=4\nrescore=1\nside=3\nnum=2\nsoftmax=0\nsqrt=1\njitter=0\n"
        "object_scale=1\nnoobject_scale=.5\nclass_scale=1\ncoord_scale=5\n"
    )
    Path("v1.cfg").write_text(net(8, 32, 100, 0.002) + layers)
    assert main([verb, "train", "v1.cfg", "-dont_show"]) == 0
    printed = capsys.readouterr()
    found = re.findall(VERSION1, printed.out, re.MULTILINE)
    assert [int(line[0]) for line in found] == list(range(1, 101))
    assert float(found[-1][2]) < 0.5 * float(found[0][2])
    form = r"^Detection Avg IOU: [\d.]+, Pos Cat: -?[\d.]+, Pos Obj: -?[\d.]+, Any Obj: -?[\d.]+, count: 8$"
    assert len(re.findall(form, printed.err, re.MULTILINE)) == 100
    assert names_in("made") == {"v1_100.weights", "v1.backup", "v1_final.weights", "v1.state"}
    words = ["v1.cfg", "made/v1_final.weights"]
    assert main([verb, "valid", *words]) == 0
    if verb == "coco":
        records = json.loads(Path("found/coco_results.json").read_text())
        assert {record["image_id"] for record in records} <= set(range(100, 108))
        assert {1, 4} <= {record["category_id"] for record in records}
    else:
        assert {f"comp4_det_test_{name}.txt" for name in names} == names_in("found")
        assert Path("found/comp4_det_test_aeroplane.txt").read_text().startswith("10")
    capsys.readouterr()
    assert main([verb, "recall", *words]) == 0
    row = r"^\s+(\d) +(\d+) +(\d+)\tRPs/Img: [\d.]+\tIOU: [\d.]+%\tRecall:[\d.]+%$"
    rows = re.findall(row, capsys.readouterr().out, re.MULTILINE)
    assert len(rows) == 8
    assert rows[-1][2] == "8"
