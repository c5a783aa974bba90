"""Accuracies and printed lines of classifiers against both programs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import pydn
from pydn.cli import main
from pydn.evaluation.listing import Listing

MODELS = ["tiny-darknet-imagenet", "cifar_small", "mnist_lenet"]
NUMBER = re.compile(r"\d+\.\d+")


def folded(text: str) -> list[str]:
    """Lines without the blanks around them and without empty ones."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def assert_equal_lines(found: list[str], expected: list[str], tolerance: float) -> None:
    """Equal but for the last digits of numbers: the accuracies in them differ by no more than `tolerance`."""
    assert len(found) == len(expected)
    for line, other in zip(found, expected, strict=True):
        assert NUMBER.sub("N", line) == NUMBER.sub("N", other)
        numbers, others = ([float(n) for n in NUMBER.findall(text)] for text in (line, other))
        assert numbers == pytest.approx(others, abs=tolerance), (line, other)


@pytest.mark.parametrize("net", ["softmax", "connected"])
@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
def test_printed_lines_equal_the_reference(
    shared: Path, net: str, dialect: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shared / "goldens" / "evaluation" / "classifier"
    texts = json.loads((folder / f"{net}_raw_text.json").read_text())
    expected = folded(texts["valid" if dialect == "alexeyab" else "pjreddie_valid"])
    monkeypatch.chdir(folder)
    assert main(["classifier", "valid", "set.data", f"{net}.cfg", f"{net}.weights", "-compat", dialect]) == 0
    found = folded(capsys.readouterr().out)
    if dialect == "alexeyab":
        assert found.pop(0) == "TOP calculation..."
    assert [line for line in found if "top" in line] == [line for line in expected if "top" in line]
    assert_equal_lines(found, expected, 2e-5)  # the tolerance of probabilities


@pytest.mark.parametrize("net", ["softmax", "connected"])
@pytest.mark.parametrize(("case", "top"), [("valid", None), ("valid_top3", 3)])
def test_running_accuracies_equal_the_reference(
    shared: Path, net: str, case: str, top: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shared / "goldens" / "evaluation" / "classifier"
    expected: list[dict[str, Any]] = json.loads((folder / f"{net}_expected.json").read_text())[case]
    monkeypatch.chdir(folder)
    result = pydn.load(f"{net}.cfg", f"{net}.weights").valid("set.data", top)
    assert result.k == expected[-1]["k"]
    assert result.count == len(expected) == 20
    numbers = [[float(n) for n in NUMBER.findall(line)] for line in result.lines()]
    assert numbers == [pytest.approx([one["top1"], one["topk"]], abs=1e-4) for one in expected]
    assert (result.top1, result.topk) == pytest.approx((expected[-1]["top1"], expected[-1]["topk"]), abs=1e-6)
    assert str(result) == list(result.lines())[-1]
    assert result.problems == []


@pytest.fixture
def real(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function from a model's name to its folder, its .data file and its record, in the folder of the record."""
    data = shared / "data"
    monkeypatch.chdir(data)

    def prepare(name: str) -> tuple[Path, Path, dict[str, Any]]:
        folder = data / "models" / name
        record = json.loads((folder / "expected_classify.json").read_text())
        said = record["data_file"]
        place = record["dataset"].split()[0]
        paths = [f"{place}/{path.name}" for path in sorted((data / place).iterdir())]
        if "[::3]" in record["dataset"]:
            paths = paths[::3]
        assert len(paths) == record["images"]
        (tmp_path / "valid.txt").write_text("\n".join(paths))
        lines = [f"{key}={value}\n" for key, value in said.items()]
        (tmp_path / "set.data").write_text("".join(lines) + f"valid={tmp_path / 'valid.txt'}\n")
        return folder, tmp_path / "set.data", record

    return prepare


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
def test_real_models_within_one_picture(real: Any, name: str, dialect: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every line: never more than one picture from the record, whose program decodes JPEG otherwise."""
    folder, data, record = real(name)
    verb = ["classifier", "valid", str(data), str(folder / "net.cfg"), str(folder / "net.weights")]
    assert main([*verb, "-compat", dialect]) == 0
    found = [line for line in folded(capsys.readouterr().out) if ": top 1: " in line]
    recorded = folded((folder / f"expected_classify_valid_{dialect}.txt").read_text())
    expected = [line for line in recorded if ": top 1: " in line]
    assert len(found) == len(expected) == record["images"]
    for number, (line, other) in enumerate(zip(found, expected, strict=True), 1):
        assert NUMBER.sub("N", line) == NUMBER.sub("N", other)
        right = [[round(float(n) * number) for n in NUMBER.findall(text)] for text in (line, other)]
        assert max(abs(a - b) for a, b in zip(*right, strict=True)) <= 1, (line, other)
    program = next(key for key in record["valid"] if key.lower().startswith(dialect))
    assert NUMBER.sub("N", found[-1]) == NUMBER.sub("N", record["valid"][program]["last_line"])


def test_both_dialects_on_a_picture_each(real: Any) -> None:
    """The paths and classes that pjreddie's program prints."""
    folder, data, _ = real("tiny-darknet-imagenet")
    net = pydn.load(folder / "net.cfg", folder / "net.weights", data=data, dialect="pjreddie")
    found = [line for line in net.valid(data).lines() if ": top" not in line]
    recorded = (folder / "expected_classify_valid_pjreddie.txt").read_text()
    expected = [line for line in folded(recorded) if line.startswith("datasets") and line.endswith(",")]
    assert_equal_lines([line.strip() for line in found], expected, 2e-3)


@pytest.mark.parametrize("form", ["multi", "10", "full", "crop"])
def test_other_forms_are_about_as_often_right(real: Any, form: Any) -> None:
    """There is no record of them: Tiny Darknet is not much worse in any, seeing some of the pictures."""
    folder, data, _ = real("tiny-darknet-imagenet")
    net = pydn.load(folder / "net.cfg", folder / "net.weights")
    paths = Path(Listing(data).file).read_text().split("\n")[:: 40 if form == "multi" else 8]
    labels = "datasets/imagenet-sample/imagenet.labels.list"
    size = net.width, net.height
    result = net.valid(paths, 5, form=form, labels=labels)
    assert (net.width, net.height) == size
    assert (result.count, result.k) == (len(paths), 5)
    assert result.topk > 0.6
