"""Pictures of a data set, a group at a time."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pydn import DataError, Error, evaluation
from pydn.evaluation.streaming import stream


def mean(pixels: NDArray[np.generic]) -> NDArray[np.float32]:
    return np.full((1, 1, 1), pixels.mean(), np.float32)


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    """Grey pictures whose value is their number; 3 is damaged, 4 is missing."""
    for number in (0, 1, 2, 5, 6):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((4, 4, 3), number, np.uint8))
    (tmp_path / "3.png").write_bytes(b"no picture")
    return [str(tmp_path / f"{number}.png") for number in range(7)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 20])
def test_every_readable_picture_once_in_order(paths: list[str], size: int) -> None:
    failed: list[tuple[int, Error | OSError]] = []
    found = list(stream(iter(paths), size, mean, lambda *what: failed.append(what), total=7))
    assert [(index, float(ready.x[0, 0, 0])) for group in found for index, ready in group] == [
        (0, 0), (1, 1), (2, 2), (5, 5), (6, 6),
    ]  # fmt: skip
    assert max(map(len, found)) <= size
    assert [(index, type(error)) for index, error in failed] == [(3, DataError), (4, FileNotFoundError)]


def test_what_the_report_raises_ends_it(paths: list[str]) -> None:
    def fail(_: int, error: Exception) -> None:
        raise error

    with pytest.raises(DataError, match=r"3\.png"):
        list(stream(paths, 2, mean, fail))


def test_nothing_is_logged(paths: list[str], caplog: pytest.LogCaptureFixture) -> None:
    list(stream(paths, 4, mean, lambda *_: None))
    assert caplog.records == []


def test_the_package_names_what_a_user_calls() -> None:
    for name in evaluation.__all__:
        assert getattr(evaluation, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = evaluation.nothing
