"""Histories: written while a training runs, read back, gone on with."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import pydn
from pydn.training import History, Step, TrainResult, read_history
from pydn.training.measuring import Judge

from .watching import figures, result_of, trained


@pytest.mark.parametrize("name", ["made/history.jsonl", "made/history.csv"])
def test_reads_back_what_was_done(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    values = iter((0.25, 0.75, 0.5))
    result = trained(6, [History(path)], judge=Judge("top1", lambda _: next(values)), score_every=2)
    back = read_history(path)
    if path.suffix == ".jsonl":
        assert back.steps == result.steps
    assert back.to_csv() == result.to_csv()
    assert [(score.iteration, score.name, score.value) for score in back.scores] == [
        (2, "top1", 0.25),
        (4, "top1", 0.75),
        (6, "top1", 0.5),
    ]
    assert back.best == back.scores[1]


def test_a_line_an_iteration_at_once(tmp_path: Path) -> None:
    """What is in the file while it runs."""
    path, seen = tmp_path / "history.jsonl", []
    trained(3, [History(path), lambda *_: seen.append(path.read_text().splitlines())])
    assert [len(lines) for lines in seen] == [1, 2, 3]
    assert [json.loads(line)["iteration"] for line in seen[-1]] == [1, 2, 3]


@pytest.mark.parametrize("form", ["json", "csv"])
def test_figures_of_heads_come_back(tmp_path: Path, form: str) -> None:
    """All of them by layer from JSONL; from CSV their sums."""
    heads = {3: figures(matched=4, iou=3, recall_50=2), 9: figures(matched=4, iou=1, recall_50=4, cost=7)}
    result = TrainResult([Step(1, 2.5, 2.5, 0.1, 0.5, 64, heads)])
    path = tmp_path / "x"
    (result.to_json if form == "json" else result.to_csv)(path)
    step = read_history(path)[0]
    assert (step.iou, step.recall, step.count) == (0.5, 0.75, 8)
    if form == "json":
        assert step.heads == heads


@pytest.mark.parametrize("name", ["history.jsonl", "history.csv"])
def test_going_on_drops_what_came_later(tmp_path: Path, name: str) -> None:
    """The state is of iteration 4, the history of 6 and a half: as after a kill."""
    path = tmp_path / name
    whole = trained(8, [])
    before = trained(4, [History(path)], backup=tmp_path)
    later = result_of([9.0] * 6)
    lines = (later.to_csv().splitlines(True)[1:], later.to_json().splitlines(True))[name.endswith("l")]
    with path.open("a") as file:
        file.writelines([*lines[4:], ("7,0.5,", '{"iteration": 7, "lo')[name.endswith("l")]])
    history = History(path)
    after = trained(8, [history], backup=tmp_path, resume=True)
    assert [step.iteration for step in after] == [5, 6, 7, 8]
    back = read_history(path)
    assert [step.loss for step in back] == [step.loss for step in whole]
    assert [step.seconds for step in back] == [step.seconds for step in (*before, *after)]
    assert [step.iteration for step in history.past] == [1, 2, 3, 4]


def test_a_training_from_scratch_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    trained(3, [History(path)])
    trained(2, [History(path)])
    assert len(read_history(path)) == 2


def test_a_measure_that_is_new_gets_a_column(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    trained(2, [History(path)], backup=tmp_path)
    trained(4, [History(path)], backup=tmp_path, resume=True, judge=Judge("map", lambda _: 0.5), score_every=4)
    assert path.read_text().splitlines()[0].endswith(",count,map")
    assert [score.iteration for score in read_history(path).scores] == [4]


def test_other_files_are_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "thesis.txt"
    path.write_text("months of work\n")
    with pytest.raises(pydn.errors.DataError, match="is no history") as caught:
        History(path)
    assert caught.value.file == str(path)
    assert path.read_text() == "months of work\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"iteration": 1}\n', 1),
        (f"{json.dumps({'iteration': 1, 'loss': 'x'})}\n", 1),
        ("GOOD[1, 2]\n", 2),
        ("GOOD" + '{"iteration": 1e400, "loss": 1}\n', 2),
        ("GOOD{" + '"a":[' * 100_000 + "\n", 2),
        ("iteration,loss,average_loss,learning_rate,seconds,images\n1,2,3\n", 2),
        ("iteration,loss,average_loss,learning_rate,seconds,images\n1.5,2,2,0.1,1,64\n", 2),
    ],
)
def test_broken_lines_are_named(tmp_path: Path, text: str, line: int) -> None:
    path = tmp_path / "history"
    path.write_text(text.replace("GOOD", result_of([1.0]).to_json()))
    with pytest.raises(pydn.errors.DataError, match="no line of a history") as caught:
        read_history(path)
    assert (caught.value.file, caught.value.line) == (str(path), line)


@pytest.mark.parametrize("text", ["", "\n\n", "iteration,loss,average_loss\n", "nothing about it\n"])
def test_files_without_iterations(tmp_path: Path, text: str) -> None:
    path = tmp_path / "history"
    path.write_text(text)
    with pytest.raises(pydn.errors.DataError, match="no line about an iteration"):
        read_history(path)


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_kill_leaves_all_lines_but_perhaps_the_last(tmp_path: Path) -> None:
    path, told = tmp_path / "history.jsonl", tmp_path / "told"
    program = f"""
import pydn, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from watching import trained
from pydn.training import History
told = open({str(told)!r}, "w")
def tell(trainer, step):
    told.write(str(step.iteration) + "\\n")
    told.flush()
trained(10**6, [History({str(path)!r}), tell])
"""
    process = subprocess.Popen([sys.executable, "-c", program], env=os.environ)
    end = time.monotonic() + 60
    while not told.exists() or told.read_text().count("\n") < 20:
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    known = told.read_text().count("\n")
    assert [step.iteration for step in read_history(path)][:known] == list(range(1, known + 1))
