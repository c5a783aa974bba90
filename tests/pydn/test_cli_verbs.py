"""The verbs of the command line for inference: what each prints, writes and returns."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import ArrayLike

from pydn.class_names import COCO_NAMES, VOC_NAMES
from pydn.cli import main

Output = pytest.CaptureFixture[str]

_V1 = """[net]
width=8
height=8
channels=3
[connected]
output={outputs}
activation=linear
[detection]
classes={classes}
coords=4
side=1
num=1
softmax=0
sqrt=0
"""
_V2 = """[net]
width=8
height=8
channels=3
[maxpool]
size=8
stride=8
[convolutional]
filters={filters}
size=1
activation=linear
[region]
anchors=0.5,0.25
classes={classes}
num=1
softmax=1
"""


def weights(*parameters: ArrayLike) -> bytes:
    header = np.array([0, 2, 5, 0, 0], "<i4").tobytes()
    return header + b"".join(np.asarray(values, "<f4").tobytes() for values in parameters)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with detectors that see the same in every image, a classifier, and pictures."""
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("red.png", np.full((8, 8, 3), (0, 0, 255), np.uint8))
    cv2.imwrite("blue.png", np.full((8, 8, 3), (255, 0, 0), np.uint8))
    Path("many").mkdir()
    for name in ("10.png", "2.png"):
        shutil.copy("red.png", Path("many") / name)
    Path("many/notes.md").write_text("no image")
    return tmp_path


def region(classes: int, class_id: int, confidence: float) -> None:
    """Write net.cfg and net.weights: one box in the middle, half as wide and a quarter as high as the image."""
    Path("net.cfg").write_text(_V2.format(filters=5 + classes, classes=classes))
    biases = np.zeros(5 + classes)
    biases[4] = np.log(confidence / (1 - confidence))
    biases[5 + class_id] = 40  # the softmax of the others is 0
    Path("net.weights").write_bytes(weights(biases, np.zeros(3 * (5 + classes))))


def objects(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.endswith("%")]


def test_detect_names_coco(folder: Path, capsys: Output) -> None:
    region(80, 3, 0.243)
    assert main(["detect", "net.cfg", "net.weights", "red.png", "-dont_show"]) == 0  # its threshold is 0.24
    out, err = capsys.readouterr()
    assert objects(out) == ["motorbike: 24%"]
    assert "there is no" not in err
    assert cv2.imread("predictions.jpg").shape == (8, 8, 3)
    for flags in (["-compat", "pjreddie"], ["-thresh", "0.25"]):
        assert main(["detect", "net.cfg", "net.weights", "red.png", "-dont_show", *flags]) == 0
        assert objects(capsys.readouterr().out) == []


def test_detect_reads_its_data_file(folder: Path, capsys: Output) -> None:
    region(2, 1, 0.75)
    assert main(["detect", "net.cfg", "net.weights", "red.png", "-dont_show"]) == 0
    out, err = capsys.readouterr()
    assert objects(out) == ["class 1: 75%"]
    assert "there is no cfg/coco.data to name the 2 classes" in err.replace("\\", "/")
    Path("cfg").mkdir()
    Path("cfg/coco.data").write_text("names=my.names\n")
    Path("my.names").write_text("one\ntwo\n")
    assert main(["detect", "net.cfg", "net.weights", "red.png", "-dont_show", "-ext_output"]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line == "two: 75%\t(left_x:    2   top_y:    3   width:    4   height:    2)"


def test_images_of_folders_patterns_and_lists(folder: Path, capsys: Output) -> None:
    region(80, 0, 0.9)
    Path("list.txt").write_text("many/10.png\nabsent.png\nmany/2.png\n")
    Path("broken.txt").write_text("broken.png\nred.png\n")
    Path("broken.png").write_text("no picture")
    detect = ["detect", "net.cfg", "net.weights", "-dont_show", "-out", "out.json"]
    for word, wanted in (
        ("many", ["many/2.png", "many/10.png"]),
        ("many/1*.png", ["many/10.png"]),
        ("list.txt", ["many/10.png", "many/2.png"]),
        ("broken.txt", ["red.png"]),
    ):
        assert main([*detect, word]) == int(word.endswith(".txt"))
        out, err = capsys.readouterr()
        seen = re.findall(r"^(\S+): Predicted in", out, re.MULTILINE)
        assert [path.replace("\\", "/") for path in seen] == wanted
        assert [frame["filename"] for frame in json.loads(Path("out.json").read_text())] == seen
        assert ("pydn: absent.png: No such file" in err) == (word == "list.txt")
        assert ("pydn: broken.png: not an image" in err) == (word == "broken.txt")
    for word in ("many/*.jpg", "absent.txt"):
        assert main([*detect, word]) == 1
        assert "Predicted" not in capsys.readouterr().out
    Path("predictions.jpg").unlink()
    Path("predictions.jpg").mkdir()  # a picture that cannot be written is not skipped
    assert main([*detect, "many"]) == 1
    assert capsys.readouterr().out.count("Predicted") == 1


def test_out_of_pjreddie_is_the_picture(folder: Path) -> None:
    region(80, 0, 0.9)
    command = ["detect", "net.cfg", "net.weights", "red.png", "-dont_show", "-out", "found"]
    assert main([*command, "-compat", "pjreddie"]) == 0
    assert cv2.imread("found.jpg").shape == (8, 8, 3)
    assert not Path("found").exists()
    assert not Path("predictions.jpg").exists()


@pytest.mark.parametrize("verb", ["yolo", "coco"])
def test_yolo_and_coco(folder: Path, capsys: Output, verb: str) -> None:
    names = VOC_NAMES if verb == "yolo" else COCO_NAMES
    outputs = len(names) + 5  # class probabilities, confidence, x, y, width, height
    Path("v1.cfg").write_text(_V1.format(outputs=outputs, classes=len(names)))
    biases = np.zeros(outputs)
    biases[[4, 7]] = 1, 0.5
    biases[len(names) :] = 0.5, 0.5, 0.5, 0.5, 0.25
    Path("v1.weights").write_bytes(weights(biases, np.zeros(192 * outputs)))
    picture = "predictions.jpg" if verb == "yolo" else "prediction.jpg"
    for compat in ("alexeyab", "pjreddie"):
        Path(picture).unlink(missing_ok=True)
        words = [verb, "test", "v1.cfg", "v1.weights", "red.png", "-dont_show", "-compat", compat]
        assert main(words) == 0
        out = capsys.readouterr().out
        assert re.match(r"red\.png: Predicted in \d+\.\d{6} seconds\.\n", out)
        # 0.5 · 1 and 0.5 · 0.5 are above 0.2
        assert sorted(objects(out)) == sorted([f"{names[4]}: 50%", f"{names[7]}: 25%"])
        assert Path(picture).exists()
        assert main([*words, "-thresh", "0.3"]) == 0
        assert objects(capsys.readouterr().out) == [f"{names[4]}: 50%"]


_CLASSIFIER = """[net]
width={size}
height={size}
channels=3
[convolutional]
filters=6
size=1
activation=linear
[avgpool]
[softmax]
"""


def classifier(size: int = 4, x: float = 0) -> None:
    """Write cls.cfg, cls.weights and cls.data.

    Before the softmax, output k of 0..2 is the mean of channel k, times 4; that of 3 is x, those of 4 and 5 are 0.
    """
    Path("cls.cfg").write_text(_CLASSIFIER.format(size=size))
    Path("cls.weights").write_bytes(weights([0, 0, 0, x, 0, 0], np.vstack([4 * np.eye(3), np.zeros((3, 3))])))
    Path("cls.names").write_text("red\ngreen\nblue\nx\ny\nz\n")
    Path("cls.data").write_text("classes=6\nnames=cls.names\ntop=2\ntest=test.list\n")
    Path("test.list").write_text("red.png\nblue.png\n")


def softmax(*values: float) -> np.ndarray:
    exponentials = np.exp(values)
    return exponentials / exponentials.sum()


def test_classify(folder: Path, capsys: Output) -> None:
    classifier()
    best, other = softmax(4, 0, 0, 0, 0, 0)[:2]
    assert main(["classify", "cls.cfg", "cls.weights", "red.png"]) == 0
    out, err = capsys.readouterr()
    assert re.match(r"red\.png: Predicted in [\d.]+ milli-seconds\.\n", out)
    wanted = [("class 0", best), *((f"class {k}", other) for k in (1, 2, 3, 4))]
    assert out.splitlines()[1:] == [f"{name}: {p:f}" for name, p in wanted]
    assert "there is no cfg/imagenet1k.data to name the classes" in err.replace("\\", "/")
    Path("cfg").mkdir()
    Path("cfg/imagenet1k.data").write_text("labels=cls.names\n")
    assert main(["classify", "cls.cfg", "cls.weights", "red.png", "-compat", "pjreddie"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{100 * best:5.2f}%: red",
        *(f"{100 * other:5.2f}%: {name}" for name in ("green", "blue", "x", "y")),
    ]


def tall() -> None:
    """Write tall.png: from the top 3 rows of red, 8 of green, 4 of blue."""
    pixels = np.zeros((15, 8, 3), np.uint8)
    pixels[:3, :, 2] = pixels[3:11, :, 1] = pixels[11:, :, 0] = 255
    cv2.imwrite("tall.png", pixels)


def table(output: str) -> dict[str, list[float]]:
    rows = [line.split("\t") for line in output.splitlines()]
    return {path: [float(value) for value in values] for path, *values in rows}


# stretched to 8 rows, every other row of tall.png counts: 2 red, 4 green, 2 blue; its middle is green
@pytest.mark.parametrize("verb", ["test", "fout"])
@pytest.mark.parametrize("compat", ["alexeyab", "pjreddie"])
def test_classifier_scores(folder: Path, capsys: Output, verb: str, compat: str) -> None:
    classifier(8)
    tall()
    Path("test.list").write_text("red.png\ntall.png\n")
    Path("cls.data").write_text("classes=5\nnames=cls.names\nvalid=test.list\n")
    assert main(["classifier", verb, "cls.data", "cls.cfg", "cls.weights", "-compat", compat]) == 0
    out, err = capsys.readouterr()
    assert "2 images, 2 total" in err
    shown = 6 if verb == "test" else 5
    found = table(out)
    assert list(found) == ["red.png", "tall.png"]
    np.testing.assert_allclose(found["red.png"], softmax(4, 0, 0, 0, 0, 0)[:shown], rtol=1e-4)
    expected = softmax(1, 2, 1, 0, 0, 0) if verb == "test" else softmax(0, 4, 0, 0, 0, 0)
    np.testing.assert_allclose(found["tall.png"], expected[:shown], rtol=1e-4)
    assert all(re.fullmatch(r"\S+(\t[\d.e-]+)+", line) for line in out.splitlines())


def test_classifier_label(folder: Path, capsys: Output) -> None:
    classifier(8)
    tall()
    Path("test.list").write_text("tall.png\nabsent.png\nblue.png\n")
    label = ["classifier", "label", "cls.data", "cls.cfg", "cls.weights"]
    assert main(label) == 1
    out, err = capsys.readouterr()
    assert out == "green\n\nblue\n"
    assert "absent.png" in err
    assert main([*label, "many"]) == 0
    assert capsys.readouterr().out == "red\nred\n"
    Path("cls.data").write_text("classes=2\nnames=cls.names\n")
    assert main([*label, "test.list"]) == 1
    assert capsys.readouterr().out == "green\n\nred\n"  # of the first two classes
    Path("cls.data").write_text("names=cls.names\n")
    assert main([*label, "blue.png"]) == 0
    assert capsys.readouterr().out == "blue\n"  # the third of all
    assert main(label) == 1
    assert "data/train.list: " in capsys.readouterr().err


def test_classifier_csv(folder: Path, capsys: Output) -> None:
    classifier()
    Path("cls.data").write_text("classes=6\nnames=cls.names\ntest=test.list\ntop=3\n")
    assert main(["classifier", "csv", "cls.data", "cls.cfg", "cls.weights"]) == 0
    assert capsys.readouterr().out == "red.png\t0\t1\t2\nblue.png\t2\t0\t1\n"
    Path("cls.data").write_text("classes=6\nnames=cls.names\n")
    assert main(["classifier", "csv", "cls.data", "cls.cfg", "cls.weights", "blue.png"]) == 0
    assert capsys.readouterr().out == "blue.png\t2\n"
    # letterboxed, a quarter of the input is red and the rest grey: 4 (1/4 + 3/8) = 2.5, and 1.5 for green and blue
    cv2.imwrite("wide.png", np.full((2, 8, 3), (0, 0, 255), np.uint8))
    for x, best in ((2.4, 0), (2.6, 3)):
        classifier(8, x)
        assert main(["classifier", "csv", "cls.data", "cls.cfg", "cls.weights", "wide.png"]) == 0
        assert capsys.readouterr().out.startswith(f"wide.png\t{best}\t")


def test_lists_are_for_classifiers(folder: Path, capsys: Output) -> None:
    region(80, 0, 0.9)
    classifier()
    for verb in ("test", "label", "csv", "fout"):
        assert main(["classifier", verb, "cls.data", "net.cfg", "net.weights"]) == 1
        assert "it is a detector" in capsys.readouterr().err


def test_classifier_try(folder: Path, capsys: Output) -> None:
    Path("try.cfg").write_text(_CLASSIFIER.format(size=224).replace("filters", "batch_normalize=1\nfilters"))
    kernel = np.vstack([0.25 * np.eye(3), np.zeros((3, 3))])
    mean, variance, scale = np.linspace(-0.5, 0.5, 6), np.linspace(0.5, 1, 6), np.linspace(1, 2, 6)
    Path("try.weights").write_bytes(weights(np.zeros(6), scale, mean, variance, kernel))
    classifier()
    # scaled to 256 and cut to 224, a band of the upper 32 rows of 256 must be cut to its lower half
    pixels = np.full((256, 512, 3), (0, 0, 255), np.uint8)
    pixels[:16] = pixels[-16:] = pixels[:, :144] = pixels[:, -144:] = 0
    cv2.imwrite("framed.png", pixels)
    command = ["classifier", "try", "cls.data", "try.cfg", "try.weights", "framed.png"]
    red = (np.array([1, 0, 0]) - [0.48263312050943, 0.45230225481413, 0.40099074308742]) / [
        0.22590347483426, 0.22120921437787, 0.22103996251583,
    ]  # fmt: skip
    wanted = scale * (kernel @ red - mean) / np.sqrt(variance)
    for compat in ("alexeyab", "pjreddie"):
        assert main([*command, "1", "-compat", compat]) == 0
        lines = capsys.readouterr().out.splitlines()
        np.testing.assert_allclose([float(line) for line in lines[:6]], wanted, atol=1e-4)
        assert re.fullmatch(r"framed\.png: Predicted in \d+\.\d{6} seconds\.", lines[6])
        best = np.argsort(-wanted)[:2]
        assert [line.split(": ")[0] for line in lines[7:]] == [["red", "green", "blue", *"xyz"][k] for k in best]
        found = [float(line.split(": ")[1]) for line in lines[7:]]
        np.testing.assert_allclose(found, softmax(*wanted)[best], atol=1e-5)
    assert main([*command, "0"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [f"{m:f} {v:f} {s:f}" for m, v, s in list(zip(mean, variance, scale, strict=True))[:3]]
    assert len(lines) == 3 + 6 * 224 * 224 + 1 + 2
    assert main([*command, "3"]) == 2


@pytest.mark.parametrize(
    "verb", ["go", "art", "captcha", "dice", "writing", "3d", "nightmare", "lsd", "super", "voxel", "compare", "swag"]
)
def test_verbs_that_are_not_provided(capsys: Output, verb: str) -> None:
    for words in ([verb], [verb, "train", "a.cfg", "-clear"], [verb, "--help"], ["help", verb]):
        assert main(words) == 2
        out, err = capsys.readouterr()
        assert (out, err) == ("", f"pydn: darknet's verb {verb} is not provided: see docs/compatibility.md\n")


def test_help_by_group(capsys: Output) -> None:
    assert main(["help"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 160
    assert "\n\nlook into networks and images\n  info [CFG] [WEIGHTS]  " in out
    listed = [line.split(" DATA")[0].split(" CFG")[0].strip() for line in out.splitlines() if line.startswith("  ")]
    for verb in ("detector test", "detect", "classify", "yolo test", "coco test", "classifier fout", "visualize"):
        assert verb in listed
    assert "not provided: go, art" in out
    assert main(["classifier", "--help"]) == 0
    out = capsys.readouterr().out
    assert "classifier predict" in out
    assert "detector" not in out.split("\n", 1)[1].replace("find and name", "")
    assert main(["help", "classifier", "csv"]) == 0
    assert capsys.readouterr().out.startswith("usage: pydn classifier csv DATA CFG [WEIGHTS] [LIST]")
    assert main(["help", "nonsense"]) == 2


def test_flags_of_the_reference_are_taken(folder: Path) -> None:
    """Scripts hand them to all verbs of a kind, whether or not they change something there."""
    classifier()
    region(80, 0, 0.9)
    flags = ["-dont_show", "-benchmark", "-show_imgs", "-topk", "-c", "0", "-mjpeg_port", "8090", "-i", "0", "-nogpu"]
    for verb in ("test", "label", "csv", "fout", "predict"):
        assert main(["classifier", verb, "cls.data", "cls.cfg", "cls.weights", "red.png", "-t", "1", *flags]) == 0
    assert main(["classify", "cls.cfg", "cls.weights", "red.png", *flags]) == 0
    assert main(["detect", "net.cfg", "net.weights", "red.png", "-dont_show", "-fullscreen", "-cuda_debug_sync"]) == 0


def test_scores_of_a_class_tree(folder: Path, capsys: Output) -> None:
    """Classes 2 and 3 are below 0; all are equally probable among their kind. csv counts leaves only."""
    Path("some.tree").write_text("a -1\nb -1\nc 0\nd 0\n")
    Path("tree.cfg").write_text(
        _CLASSIFIER.format(size=4).replace("filters=6", "filters=4").replace("[softmax]", "[softmax]\ntree=some.tree")
    )
    Path("tree.weights").write_bytes(weights(np.zeros(4), np.zeros(12)))
    Path("tree.data").write_text("top=2\n")
    for verb, wanted in (("fout", "0.5\t0.5\t0.25\t0.25"), ("csv", "1\t2"), ("test", "0.5\t0.5\t0.5\t0.5")):
        assert main(["classifier", verb, "tree.data", "tree.cfg", "tree.weights", "red.png"]) == 0
        assert capsys.readouterr().out == f"red.png\t{wanted}\n"


def test_predict_goes_on_after_an_unreadable_image(folder: Path, capsys: Output) -> None:
    classifier()
    Path("list.txt").write_text("many/2.png\nabsent.png\nblue.png\n")
    assert main(["classifier", "predict", "cls.data", "cls.cfg", "cls.weights", "list.txt", "-t", "1"]) == 1
    out, err = capsys.readouterr()
    assert re.findall(r"^(\w+): 0\.\d{6}$", out, re.MULTILINE) == ["red", "blue"]
    assert "pydn: absent.png: No such file or directory\n" in err
