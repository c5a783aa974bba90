"""Stages: files of them, what each trains, results, going on where they were stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydn
from pydn.cli import main
from pydn.demo_training import draw_set
from pydn.training import Step
from pydn.training.staged import StagedResult, read_stages, staged

CFG = b"""[net]
batch=2
width=48
height=32
channels=3
learning_rate=0.01
max_batches=100
policy=steps
steps=70,90
scales=.1,.1

[convolutional]
batch_normalize=1
filters=6
size=3
stride=4
pad=1
activation=leaky
[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky
[convolutional]
filters=27
size=1
activation=linear
[yolo]
mask=0,1,2
anchors=6,6, 8,8, 10,10
classes=4
num=3
"""
STAGES = """[stages]
data=shapes.data
cfg=tiny.cfg
weights=tiny.weights
iterations=3

[stage]
name=M0
ternary=1
learning_rate=.02

[stage]
name=M1
ternary=all
seed=5

[stage]
name=once
ternary=all
weights=start
"""


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a cfg and a file of stages."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.cfg").write_bytes(CFG)
    Path("tiny.stages").write_text(STAGES)
    return tmp_path


@pytest.fixture
def shapes(written: Path) -> Path:
    """And pictures, and weights that have seen many."""
    draw_set(written, 6, 2)
    with pydn.load("tiny.cfg") as net:
        net.seen = 10**6
        net.save("tiny.weights")
    return written


def test_what_a_file_says(written: Path) -> None:
    """Keys of [stages] hold where a stage has none; paths are beside the file."""
    plan = read_stages(written / "tiny.stages")
    assert [stage.name for stage in plan.stages] == ["M0", "M1", "once"]
    assert [stage.ternary for stage in plan.stages] == [(1,), "all", "all"]
    assert [stage.seed for stage in plan.stages] == [0, 5, 0]
    start = str(written / "tiny.weights")
    assert [stage.weights for stage in plan.stages] == [start, "M0", start]
    assert plan.backup == written / "backup"
    assert plan.stages[0].base == "tiny_M0"


def test_the_cfg_of_a_stage(written: Path) -> None:
    """Nothing changes but what the stage says; steps keep their share of the iterations."""
    first, second, _ = read_stages("tiny.stages").stages
    with pydn.load(first.text(CFG)) as net:
        assert [layer.facts.get("ternary") for layer in net.layers] == [0, 1, 0, None]
        facts = net.facts(-1)
        assert (facts["learning_rate"], facts["max_batches"]) == (pytest.approx(0.02), 3)
        assert [int(step) for step in facts["steps"]] == [2, 3]
    before, after = CFG.decode().split("\n"), second.text(CFG).decode().split("\n")
    assert [line for line in after if line not in before] == ["max_batches=3", "steps=2,3", *["ternary=1"] * 3]
    assert set(before) - set(after) == {"max_batches=100", "steps=70,90"}


def test_all_but_some(written: Path) -> None:
    Path("tiny.stages").write_text(STAGES.replace("ternary=all\nseed", "ternary=all\nfloat=0,2\nseed"))
    with pydn.load(read_stages("tiny.stages").stages[1].text(CFG)) as net:
        assert [layer.facts.get("ternary") for layer in net.layers] == [0, 1, 0, None]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("[stages]", "[net]", 0, "begins with"),
        ("[stage]\nname=M1", "[layer]\nname=M1", 12, r"\[layer\] is not \[stage\]"),
        ("iterations=3", "iterations=0", 5, "iterations=0: a whole number above 0"),
        ("iterations=3", "itterations=3", 5, "itterations= is not one of"),
        ("learning_rate=.02", "learning_rate=nan", 10, "a number above 0"),
        ("ternary=1", "ternary=1,x", 9, "layer numbers, all or none"),
        ("name=M1", "name=M0", 13, "a name of its own"),
        ("name=M1", "name=../M1", 13, "no path"),
        ("name=M1", "name=start", 13, "a name of its own"),
        ("seed=5", "seed=-5", 15, "a whole number expected"),
        ("cfg=tiny.cfg\n", "", 6, "stage M0 has no cfg="),
    ],
)
def test_files_that_are_refused(written: Path, old: str, new: str, line: int, words: str) -> None:
    Path("tiny.stages").write_text(STAGES.replace(old, new, 1))
    with pytest.raises(pydn.DataError, match=words) as error:
        read_stages("tiny.stages")
    assert (error.value.file, error.value.line) == ("tiny.stages", line)


def test_layers_that_cannot_be_ternary(written: Path) -> None:
    Path("tiny.stages").write_text(STAGES.replace("ternary=1\n", "ternary=1,3\n"))
    with pytest.raises(pydn.DataError, match=r"layer 3 of .*tiny\.cfg is no"):
        staged("tiny.stages")
    with pytest.raises(FileNotFoundError):
        staged("other.stages")


def weights_of(result: StagedResult) -> dict[str, bytes]:
    return {row.name: Path(row.weights).read_bytes() for row in result.rows}


def trained_by_hand(cfg: str, weights: str, **options: Any) -> bytes:
    """What a stage is: a training that begins with no images seen; the weights of the least average loss."""
    data = pydn.DataFile.read("shapes.data")
    with pydn.load(cfg, weights, data=data) as net:
        net.train(data, backup="by_hand", base="n", clear=True, minloss=True, **options)
    return Path("by_hand/n.minloss.weights").read_bytes()


def test_stages_from_stage_to_stage(shapes: Path) -> None:
    """Each begins where the best of the one before was, or where it says; all are measured and written down."""
    steps: list[tuple[str, int, int]] = []
    path = shapes / "tiny.stages"
    result = staged(path, on_step=lambda stage, step: steps.append((stage.name, step.iteration, step.images)))
    assert steps == [(name, k, 2 * k) for name in ("M0", "M1", "once") for k in (1, 2, 3)]
    assert [(row.name, row.ternary, row.convolutions, row.iterations) for row in result.rows] == [
        ("start", 0, 3, 0), ("M0", 1, 3, 3), ("M1", 3, 3, 3), ("once", 3, 3, 3),
    ]  # fmt: skip
    first, second, once = (result[name] for name in ("M0", "M1", "once"))
    assert (first.learning_rate, second.learning_rate) == (pytest.approx(0.02), pytest.approx(0.01))
    assert first.weights == str(shapes / "backup/M0/tiny_M0.minloss.weights")
    for row, ternary in ((first, [1]), (second, [0, 1, 2])):
        with pydn.load(f"backup/{row.name}/tiny_{row.name}.cfg", row.weights) as net:
            counts = [len(np.unique(net.layers[k].weights)) for k in range(3)]
            assert [k for k in range(3) if counts[k] <= 3] == ternary
            found = net.map("shapes.data")
            assert (row.map, row.average_iou) == pytest.approx((found.map, found.average_iou), nan_ok=True)
    by_hand = trained_by_hand("backup/M1/tiny_M1.cfg", first.weights, seed=5)
    assert by_hand == Path(second.weights).read_bytes()
    assert trained_by_hand("backup/once/tiny_once.cfg", "tiny.weights") == Path(once.weights).read_bytes()
    written = json.loads(Path("backup/results.json").read_text())
    assert [row["name"] for row in written] == ["start", "M0", "M1", "once"]
    assert Path("backup/results.txt").read_text() == f"{result}\n"
    assert len(str(result).splitlines()) == 5


def test_going_on(shapes: Path) -> None:
    """Stopped in the second stage, then called again: as if nothing had happened, and nothing is done twice."""
    whole = weights_of(staged("tiny.stages"))

    def stop(stage: Any, step: Step) -> bool:
        return not (stage.name == "M1" and step.iteration == 2)

    stopped = staged("tiny.stages", restart=True, on_step=stop)
    assert stopped.stopped == "interrupted"
    assert [row.name for row in stopped.rows] == ["start", "M0"]
    steps: list[tuple[str, int]] = []
    result = staged("tiny.stages", on_step=lambda stage, step: steps.append((stage.name, step.iteration)))
    assert steps == [("M1", 3), ("once", 1), ("once", 2), ("once", 3)]
    assert result.stopped == "finished"
    assert weights_of(result) == whole
    assert staged("tiny.stages", on_step=lambda stage, step: pytest.fail("trained again")).rows == result.rows
    Path("backup/results.json").unlink()  # killed while a stage was measured
    again = staged("tiny.stages", on_step=lambda stage, step: pytest.fail("trained again"))
    assert [(row.name, row.map, row.loss) for row in again.rows] == [
        pytest.approx((row.name, row.map, row.loss), nan_ok=True) for row in result.rows
    ]


def test_other_settings_do_not_mix(shapes: Path) -> None:
    staged("tiny.stages")
    Path("tiny.stages").write_text(STAGES.replace("seed=5", "seed=6"))
    with pytest.raises(pydn.DataError, match=r"tiny.stages:12: stage M1 was begun with other settings"):
        staged("tiny.stages")
    assert staged("tiny.stages", restart=True).stopped == "finished"
    Path("backup/results.json").write_text("{}[")
    with pytest.raises(pydn.DataError, match="not the results"):
        staged("tiny.stages")


def test_the_verb(shapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["staged", "tiny.stages", "-workers", "1"]) == 0
    printed = capsys.readouterr()
    assert printed.out == Path("backup/results.txt").read_text()
    assert "M1" in printed.err
    assert main(["staged", "tiny.stages"]) == 0
    assert capsys.readouterr().out == printed.out
    assert main(["staged", "missing.stages"]) == 1
    assert main(["staged"]) == 2
    assert main(["staged", "--help"]) == 0
