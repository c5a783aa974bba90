"""Labels of real data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pydn.evaluation.truth import TruthSet


def test_every_label_equals_numpy(shared: Path) -> None:
    folder = shared / "data" / "datasets" / "coco128"
    for part in ("train2017", "val2017"):
        truth = TruthSet(folder / "images" / part, classes=80)
        assert len(truth) == 64
        for one in truth:
            path = folder / "labels" / part / (Path(one.path).stem + ".txt")
            expected = np.loadtxt(path, np.float32, ndmin=2) if path.is_file() and path.stat().st_size else ()
            np.testing.assert_allclose(one.boxes, np.reshape(expected, (-1, 5)), rtol=1e-6)


@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
def test_the_real_bad_labels_are_found(shared: Path, dialect: str) -> None:
    """The data set's own description: 2 of its 4888 boxes are degenerate or out of range."""
    truth = TruthSet(shared / "data" / "datasets" / "bccd" / "JPEGImages", dialect=dialect, classes=3)
    assert sum(len(one.boxes) for one in truth) == 4888
    assert len([problem for problem in truth.check() if problem.line]) == 2
