"""Charts of trainings: pictures whose lines are where the numbers are, and bars of letters."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from pydn.training import TrainResult
from pydn.training.chart import ChartFile, both_charts, chart, save_chart
from pydn.training.text_chart import text_chart

from .watching import result_of, trained

LEFT, RIGHT, TOP, BOTTOM = 70, 940, 40, 590
AVERAGE, SCORE = (190, 90, 20), (40, 40, 200)


def rows(image: np.ndarray, x: int, colour: tuple[int, int, int]) -> np.ndarray:
    """Where a column of a picture has a colour, from the top of the axes to their bottom."""
    return np.flatnonzero((image[TOP - 3 : BOTTOM + 4, x] == colour).all(1)) + TOP - 3


def height(share: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * share


def test_linear_axis() -> None:
    """Averages from 10 down to 2 over 100 iterations; the axis ends at 10."""
    image = chart(result_of(np.linspace(10, 2, 101).tolist()[1:]), iterations=100)
    for iteration in (25, 50, 75):
        x = LEFT + (RIGHT - LEFT) * iteration // 100
        assert rows(image, x, AVERAGE).mean() == pytest.approx(height((10 - 0.08 * iteration) / 10), abs=2)


def test_logarithmic_axis() -> None:
    """From 100 down to 1, a power of ten every 50 iterations: a straight line."""
    image = chart(result_of([10 ** (2 - k / 50) for k in range(1, 101)]), log=True)
    for iteration in (25, 50, 75):
        x = LEFT + (RIGHT - LEFT) * iteration // 100
        assert rows(image, x, AVERAGE).mean() == pytest.approx(height(1 - iteration / 100), abs=2)


def test_scores() -> None:
    image = chart(result_of([1.0] * 100, [(40, 0.5), (80, 0.75)]))
    for iteration, value in ((40, 0.5), (60, 0.625), (80, 0.75)):
        x = LEFT + (RIGHT - LEFT) * iteration // 100
        assert rows(image, x, SCORE).mean() == pytest.approx(height(value), abs=2)


def test_highest_loss() -> None:
    image = chart(result_of([5.0] * 100), highest=20)
    assert rows(image, 500, AVERAGE).mean() == pytest.approx(height(0.25), abs=2)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(
    "averages", [[], [math.nan] * 3, [1.0, math.nan, math.inf, 0.5], [0.0] * 3, [-1.0, 2.0], [1e300, 1e-300], [3.0]]
)
def test_odd_numbers(averages: list[float], log: bool) -> None:
    result = result_of(averages, [(1, math.nan), (2, 1.0)])
    assert chart(result, log=log).shape == (640, 1000, 3)
    assert text_chart(result, log=log)


def test_both(tmp_path: Path) -> None:
    result = result_of([4.0, 2.0, 1.0], [(2, 0.5)])
    save_chart(tmp_path / "both.png", result)
    save_chart(tmp_path / "log.png", result, log=True)
    both, log = (cv2.imread(str(tmp_path / name)) for name in ("both.png", "log.png"))
    np.testing.assert_array_equal(both, both_charts(result))
    np.testing.assert_array_equal(both, np.vstack([chart(result), chart(result, log=True)]))
    np.testing.assert_array_equal(log, chart(result, log=True))


def test_drawn_while_it_runs(tmp_path: Path) -> None:
    """Every 100 iterations, and at the end, with what was before."""
    path, there = tmp_path / "chart.png", []
    past = TrainResult()
    result = trained(101, [ChartFile(path, past), lambda _, step: there.append(path.exists())])
    assert there == [False] * 99 + [True] * 2
    np.testing.assert_array_equal(cv2.imread(str(path)), both_charts(result, iterations=101))


def test_bars() -> None:
    """8, 4, 2, 1, 2: bars of eight letters for the largest; the axis ends at four times the median, 8."""
    text = text_chart(result_of([8, 4, 2, 1, 2]), width=36 + 16)
    assert text.splitlines() == [
        "iteration  average loss",
        "        1             8  ################",
        "        2             4  ########",
        "        3             2  ####",
        "        4             1  ##  <- minimum",
        "        5             2  ####",
        "MIN 1 after iteration 4 of 5",
    ]


def test_bars_of_many_iterations() -> None:
    """A part of the training each; the lowest is shown where it is, not at its part's end."""
    averages = [100.0 - k for k in range(60)] + [41.0 + k for k in range(40)]
    lines = text_chart(result_of(averages), rows=4).splitlines()
    assert [int(line.split()[0]) for line in lines[1:-1]] == [25, 50, 60, 100]
    assert lines[3].endswith("<- minimum")
    assert lines[-1] == "MIN 41 after iteration 60 of 100"


def test_a_bar_that_is_too_long() -> None:
    lines = text_chart(result_of([1000, 1, 1, 1, 1]), width=36 + 8).splitlines()
    assert lines[1].endswith("  #######>")
    assert lines[2].split()[2] == "##"
    logarithmic = text_chart(result_of([1000, 1, 1, 1, 1]), width=36 + 8, log=True).splitlines()
    assert logarithmic[1].endswith("  ########")
