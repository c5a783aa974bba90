"""The command lines of five published recipes that cut weights and train, at a reduced scale.

Each line is run as it was published, with the command in place of `./darknet`: the files have the published names,
the networks fewer filters or smaller images, the sets a few drawn pictures. What is printed is matched by the lines
that the recipes show."""

import re
import shlex
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

import pydn
from pydn.cli import main
from pydn.demo import HEIGHT, NAMES, WIDTH, picture

LOSSES = r"[\d.]+, [\d.]+ avg"
DETECTOR = rf"^ (\d+): {LOSSES} loss, [\d.]+ rate, [\d.]+ seconds, (\d+) images, [\d.]+ hours left$"
CLASSIFIER = rf"^(\d+), [\d.]+: {LOSSES}, [\d.]+ rate, [\d.]+ seconds, (\d+) images, [\d.]+ hours left$"
REGION = r"^Region Avg IOU: {0}, Class: {0}, Obj: {0}, No Obj: {0}, Avg Recall: {0},  count: \d+$".format(r"-?[\w.]+")
RECALL = r"^ {4}\d +\d+ +\d+\tRPs/Img: [\d.]+\tIOU: -?[\w.]+%\tRecall:-?[\w.]+%$"


class Printed(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[[str], Printed]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a line of a recipe in an empty folder, which is also the home folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    def one(line: str) -> Printed:
        words = [word.replace("~", str(tmp_path), 1) if word.startswith("~/") else word for word in shlex.split(line)]
        words = words[1:] if words[0] == "sudo" else words
        assert words[0] in ("darknet", "./darknet", "pydn")
        status = main(words[1:])
        return Printed(status, *capsys.readouterr())

    return one


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def with_keys(cfg: str, **keys: object) -> str:
    """The cfg with other keys of [net]; None: without the key."""
    net, brace, layers = cfg.partition("\n\n")
    for key, value in keys.items():
        net = re.sub(rf"\n{key}=.*", "", net) + ("" if value is None else f"\n{key}={value}")
    return net + brace + layers


def thinner(cfg: str, by: int) -> str:
    """The cfg with fewer filters, but for those before the heads."""
    sections = re.split(r"\n(?=\[|#)", cfg)
    for number, section in enumerate(sections):
        following = next((one for one in sections[number + 1 :] if one.startswith("[")), "")
        if not following.startswith(("[yolo]", "[region]")):
            sections[number] = re.sub(r"filters=(\d+)", lambda found: f"filters={max(2, int(found[1]) // by)}", section)
    return "\n".join(sections)


def draw(folder: str, count: int, *, size: tuple[int, int] = (64, 64), stem: str = "") -> list[str]:
    """Pictures of shapes with their labels; returns the paths."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        pixels, shapes = picture(number)
        path = f"{folder}/{stem}{number}.jpg"
        cv2.imwrite(path, cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
        lines = []
        for shape in shapes:
            left, top, right, bottom = shape.xyxy
            x, y = (left + right) / 2 / WIDTH, (top + bottom) / 2 / HEIGHT
            lines.append(f"{NAMES.index(shape.name)} {x} {y} {(right - left) / WIDTH} {(bottom - top) / HEIGHT}\n")
        Path(path).with_suffix(".txt").write_text("".join(lines))
        paths.append(path)
    return paths


def classes(folder: str, names: Sequence[str], each: int) -> list[str]:
    """Pictures of one colour a class, in a folder for each; returns the paths."""
    rng, paths = np.random.default_rng(3), []
    for number, name in enumerate(names):
        Path(folder, name).mkdir(parents=True, exist_ok=True)
        colour = np.array([[220, 30, 30], [30, 220, 30], [30, 30, 220], [200, 200, 30], [30, 200, 200]])[number]
        for k in range(each):
            path = f"{folder}/{name}/{name}_{k}.JPEG"
            cv2.imwrite(path, np.clip(colour + rng.normal(0, 10, (40, 40, 3)), 0, 255).astype(np.uint8))
            paths.append(path)
    return paths


def lines_of(pattern: str, text: str) -> list[tuple[str, ...]]:
    return [found.groups() for found in re.finditer(pattern, text, re.MULTILINE)]


def counted(pattern: str, text: str, images: int) -> int:
    """How many iterations were reported; their numbers and images must follow each other."""
    found = lines_of(pattern, text)
    first = int(found[0][0])
    assert found == [(str(k), str(k * images)) for k in range(first, first + len(found))]
    return len(found)


def size_of(path: str) -> int:
    return Path(path).stat().st_size


def test_000_a_classifier_becomes_a_detector(run: Run) -> None:
    names = [f"n0000000{k}" for k in range(4)]
    paths = classes("get_imagenet/images", names, 4)
    write("get_imagenet/train_500c.txt", "".join(f"{path}\n" for path in paths))
    write("get_imagenet/val_500c.txt", "".join(f"{path}\n" for path in paths[::2]))
    write("get_imagenet/darknet.labels_500c.txt", "".join(f"{name}\n" for name in names))
    write(
        "classifier_500c.data",
        "classes=4\ntrain  = get_imagenet/train_500c.txt\nvalid  = get_imagenet/val_500c.txt\n"
        "labels = get_imagenet/darknet.labels_500c.txt\nbackup = INET\ntop = 5\n",
    )
    pre = pydn.cfg_template("ttt5_pre", classes=4, size=32)
    write("cfg/ttt5_pre.cfg", with_keys(pre, batch=8, burn_in=2, learning_rate=0.01, max_batches=6))
    printed = run("darknet classifier train classifier_500c.data cfg/ttt5_pre.cfg")
    assert printed.status == 0
    assert counted(CLASSIFIER, printed.out, 8) == 6
    assert Path("INET/ttt5_pre.weights").read_bytes() == Path("INET/ttt5_pre_final.weights").read_bytes()

    printed = run("darknet partial cfg/ttt5_pre.cfg INET/ttt5_pre.weights INET/ttt5_pre_7.weights 7")
    assert printed.status == 0
    assert "Loading weights from INET/ttt5_pre.weights..." in printed.err
    assert "Saving weights to INET/ttt5_pre_7.weights" in printed.err
    whole, part = (Path(f"INET/ttt5_pre{end}.weights").read_bytes() for end in ("", "_7"))
    assert len(part) == 2_537_940
    assert part[20:] == whole[20 : len(part)]
    assert part[12:20] == bytes(8)

    paths = draw("voc", 6, size=(96, 64))
    for name in ("train", "2012"):
        write(f"{name}.txt", "".join(f"{path}\n" for path in paths))
    write("data/voc.names", "".join(f"{name}\n" for name in NAMES))
    write(
        "cfg/coco.data",
        "classes= 80\ntrain  = train.txt\nvalid  = 2012.txt\nnames = data/voc.names\nbackup = COCO_WEIGHTS\n",
    )
    detector = pydn.cfg_template("ttt5", classes=len(NAMES), width=96, height=64)
    write("cfg/ttt5_224_160.cfg", with_keys(detector, batch=4, subdivisions=2, max_batches=4))
    part_twice = "INET/ttt5_pre_7.weights INET/ttt5_pre_7.weights"
    printed = run(f"darknet detector train cfg/coco.data cfg/ttt5_224_160.cfg {part_twice}")
    assert printed.status == 0
    assert "says classes=80, the cfg has" in printed.err
    assert "Done! Loaded 7 layers from weights-file" in printed.err
    assert counted(DETECTOR, printed.out, 4) == 4
    assert len(lines_of(REGION, printed.err)) == 8

    printed = run("darknet detector recall cfg/coco.data cfg/ttt5_224_160.cfg  COCO_WEIGHTS/ttt5_224_160_final.weights")
    assert printed.status == 0
    assert len(lines_of(RECALL, printed.out)) == 6


def test_001_yolo_class(run: Run) -> None:
    write("yolov3-tiny.cfg", pydn.cfg_template("yolov3-tiny"))
    with pydn.load("yolov3-tiny.cfg") as net:
        net.save("yolov3-tiny_370000.weights")
    assert size_of("yolov3-tiny_370000.weights") == 35_434_956
    assert run("./darknet partial yolov3-tiny.cfg yolov3-tiny_370000.weights tiny-voc-good.conv.5 5").status == 0
    assert size_of("tiny-voc-good.conv.5") == 95_700

    names = ("n01440764", "n01443537")
    paths = classes("ILSVRC2012", names, 2)
    cfg = thinner(pydn.cfg_template("yolov4", classes=2, size=64), 16)
    cfg = with_keys(cfg, batch=2, subdivisions=1, mosaic=0, burn_in=1, max_batches=2)
    write("cfg/yolo-obj.cfg", cfg)
    write("cfg/yolov4.cfg", cfg)
    write("data/train.txt", "".join(f"{path}\n" for path in paths))
    write("data/names.txt", "".join(f"{name}\n" for name in names))
    card = (
        "classes=2\ntrain = data/train.txt\nvalid = data/train.txt\nnames = data/names.txt\nbackup = backup\ntop = 5\n"
    )
    write("data/imagenet1k.data", card)
    write("cfg/imagenet1k.data", card)
    with pydn.load("cfg/yolo-obj.cfg") as net:
        Path("w").mkdir()
        net.partial(137, "w/yolov4.conv.137")
        net.seen = 2 * 500_000
        net.save("w/yolov4.weights")

    line = "sudo ./darknet detector train data/imagenet1k.data cfg/yolo-obj.cfg w/yolov4.conv.137"
    printed = run(line)
    assert printed.status == 1  # darknet trains on pictures without labels, and never says so
    assert "4 problems in the data" in printed.err
    for number, path in enumerate(paths):
        Path(path).with_suffix(".txt").write_text(f"{number // 2} 0.5 0.5 0.5 0.5\n")
    printed = run(line)
    assert printed.status == 0
    assert "Done! Loaded 137 layers from weights-file" in printed.err
    assert counted(DETECTOR, printed.out, 2) == 2
    printed = run("sudo ./darknet detector train data/imagenet1k.data cfg/yolo-obj.cfg w/yolov4.weights")
    assert printed.status == 0
    assert "the weights have seen 500000 iterations, the cfg ends after 2: training begins anew" in printed.err
    assert counted(DETECTOR, printed.out, 2) == 2
    shutil.copy("backup/yolo-obj_final.weights", "backup/yolo-obj_last.weights")
    for valid in ("yolo-obj.cfg ~/backup/yolo-obj_last.weights", "yolov4.cfg ~/backup/yolo-obj_final.weights"):
        printed = run(f"./darknet classifier valid cfg/imagenet1k.data cfg/{valid}")
        assert printed.status == 1
        assert "detector" in printed.err.splitlines()[-1]


STAGES = {
    0: [23, 24, 26, 29],
    1: [*range(12, 17), *range(18, 25), 26, 29],
    2: [2, 4, 5, 6, 8, 9, 10, *range(12, 17), *range(18, 25), 26, 29],
    3: [0, 2, 4, 5, 6, 8, 9, 10, *range(12, 17), *range(18, 25), 26, 29, 30],
}
"""Layers that are ternary in each stage."""


def staged_cfg(stage: int) -> str:
    cfg = thinner(pydn.cfg_template("yolov2-voc", classes=len(NAMES), size=64), 16)
    cfg = with_keys(cfg, batch=4, subdivisions=2, burn_in=1, max_batches=4, steps="3,4")
    sections = re.split(r"\n(?=\[)", cfg)  # a comment, [net], then the layers
    for layer in STAGES[stage]:
        assert sections[layer + 2].startswith("[convolutional]")
        sections[layer + 2] = sections[layer + 2].replace("]", "]\nternary=1", 1)
    return "\n".join(sections)


def test_002_stages_of_ternary_weights(run: Run) -> None:
    """Each stage begins with the least-loss weights of the one before, under the name without the stage."""
    paths = draw("VOCdevkit", 6)
    write("train.txt", "".join(f"{path}\n" for path in paths))
    write("voc.names", "".join(f"{name}\n" for name in NAMES))
    for stage in STAGES:
        card = f"train = train.txt\nvalid = train.txt\nnames = voc.names\nbackup = backup_M{stage}\n"
        write(f"voc_M{stage}.data", f"classes= {len(NAMES)}\n{card}")
        write(f"yolov2-voc_M{stage}.cfg", staged_cfg(stage))
    with pydn.load("yolov2-voc_M0.cfg") as net:
        net.save("yolov2-voc.weights")
    before = "yolov2-voc.weights"
    for stage in STAGES:
        printed = run(f"./darknet detector train voc_M{stage}.data yolov2-voc_M{stage}.cfg {before}")
        assert printed.status == 0
        saved = [float(found[0]) for found in lines_of(r"^Saving weights at minimum loss = ([\d.]+)$", printed.err)]
        assert saved
        assert saved == sorted(saved, reverse=True)
        before = f"backup_M{stage}/yolov2-voc.minloss.weights"
        assert Path(before).samefile(f"backup_M{stage}/yolov2-voc_M{stage}.minloss.weights")
        with pydn.load(f"yolov2-voc_M{stage}.cfg", before) as net:
            assert net.iteration > 1
            for layer in STAGES[stage]:
                assert len(np.unique(net.weights[layer, "weights"])) <= 3


def test_003_logos(run: Run) -> None:
    paths = draw("data/logos", 8, stem="6_")
    write("data/train.txt", "".join(f"{path}\n" for path in paths[2:]))
    write("data/test.txt", "".join(f"{path}\n" for path in paths[:2]))
    write("data/all.txt", "".join(f"{path}\n" for path in paths))
    write("data/logos.txt", "".join(f"logo{k}\n" for k in range(27)))
    write(
        "data/logos.data",
        "classes= 27\ntrain  = data/train.txt\nvalid  = data/all.txt\n#valid = data/test.txt\n"
        "names = data/logos.txt\nbackup = backup/\nsaveweights = 2\n",
    )
    cfg = pydn.cfg_template("yolov2-tiny-voc", classes=27, size=64)
    keys = {"batch": 16, "subdivisions": 8, "max_batches": 2}
    write("cfg/yolov2-tiny-logos.cfg", with_keys(cfg, **keys))
    with pydn.load(pydn.cfg_template("yolov2-tiny-voc", size=64).encode()) as net:
        net.save("yolov2-tiny-voc.weights")
    cut = "yolov2-tiny-logos.conv.13"
    printed = run(f"./darknet partial cfg/yolov2-tiny-logos.cfg yolov2-tiny-voc.weights {cut} 13")
    assert printed.status == 0
    assert size_of(cut) == 25_193_940

    printed = run(f"./darknet detector train data/logos.data cfg/yolov2-tiny-logos.cfg {cut}")
    assert printed.status == 0
    assert "Learning Rate: 0.001, Momentum: 0.9, Decay: 0.0005" in printed.err
    assert len(lines_of(REGION, printed.err)) == 2 * 8
    assert counted(DETECTOR, printed.out, 16) == 2
    assert len(lines_of(r"^Loaded: [\d.]+ seconds$", printed.out)) == 2
    found = re.search(r"^Resizing\n(\d+) x (\d+)$", printed.out, re.MULTILINE)
    assert found is not None
    assert found[1] == found[2]
    assert int(found[1]) % 32 == 0
    assert int(found[1]) > 64  # the largest comes first
    for published in (11000, 15000, 15300):
        weights = f"backup/yolov2-tiny-logos_{published}.weights"
        Path(weights).hardlink_to("backup/yolov2-tiny-logos_2.weights")
        printed = run(f"./darknet detector map data/logos.data cfg/yolov2-tiny-logos.cfg {weights}")
        assert printed.status == 0
        assert "mean average precision (mAP@0.50) = " in printed.out


def test_004_tiny_darknet(run: Run) -> None:
    names = [f"n0000000{k}" for k in range(5)]
    paths = classes("imagenet", names, 4)
    write("train.list", "".join(f"{path}\n" for path in paths))
    write("labels.list", "".join(f"{name}\n" for name in names))
    write(
        "imagenet.data",
        "classes=5\ntrain = train.list\nvalid = train.list\nlabels = labels.list\nbackup = ckpt\ntop = 5\n",
    )
    cfg = pydn.cfg_template("tiny", classes=5, size=32)
    write("tiny.cfg", with_keys(cfg, batch=10, max_batches=8, learning_rate=0.02))
    for devices in ("-i 0", "-gpus 0,1,2,3,4,5,6,7"):
        printed = run(f"pydn classifier train imagenet.data tiny.cfg {devices}")
        assert printed.status == 0
        assert counted(CLASSIFIER, printed.out, 10) == 8
        told = [line for line in printed.err.splitlines() if "loss is " in line]
        assert [
            re.fullmatch(rf"epoch: {k} step: 2, loss is [\d.]+", line) is not None for k, line in enumerate(told, 1)
        ] == 4 * [True]
        assert len(lines_of(r"^Epoch time: [\d.]+, per step time: [\d.]+$", printed.err)) == 4
    assert "8 GPUs" in printed.err
    printed = run("pydn classifier valid imagenet.data tiny.cfg ckpt/tiny.weights -accuracy")
    assert printed.status == 0
    form = r"^accuracy:  \{'top_1_accuracy': ([\d.]+), 'top_5_accuracy': 1\.0\}$"
    shares = [line for line in printed.out.splitlines() if "accuracy: " in line]
    assert len(shares) == 1
    share = re.match(form, shares[0])
    assert share is not None
    last = re.findall(r"^19: top 1: ([\d.]+), top 5: 1\.000000$", printed.out, re.MULTILINE)
    assert float(last[0]) == pytest.approx(float(share[1]), abs=1e-6)
