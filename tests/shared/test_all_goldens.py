"""No recorded case is forgotten: the tests beside this one name every one there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from . import test_anchors, test_detection, test_forward, test_preprocess, test_recurrent, test_weights


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_forward_cases(shared: Path) -> None:
    tested = test_forward.CASES + test_recurrent.CASES
    assert sorted(tested) == names(shared / "goldens/forward")
    assert len(tested) == 78


def test_detection_cases(shared: Path) -> None:
    folder = shared / "goldens/detection"
    assert sorted(test_detection.CASES) == names(folder)
    assert sorted(test_detection.PJREDDIE) == [file.parent.name for file in sorted(folder.glob("*/*_pjreddie.json"))]


def test_preprocess_cases(shared: Path) -> None:
    """The arrays of each operation and image are those that the test of that operation goes through."""
    folder = shared / "goldens/preprocess"
    operations = ("loaded", "resize", "letterbox", "resizemin", "crop", "flip", "distort")
    tested = [
        key
        for name in test_preprocess.IMAGES
        for operation in operations
        for key, _, _ in test_preprocess.keys(folder, name, operation)
    ]
    assert sorted(tested) == sorted(np.load(folder / "expected.npz").files)


def test_utility_cases(shared: Path) -> None:
    folder = shared / "goldens/utility"
    assert names(folder) == ["calc_anchors", "layer_tables.json", "weights"]
    tables = json.loads((folder / "layer_tables.json").read_text())
    assert sorted(tables) == sorted(test_weights.TABLES)
    assert sorted(json.loads((folder / "calc_anchors/expected.json").read_text())) == sorted(test_anchors.CALLS)
    sources = "".join(
        path.read_text() for path in Path(__file__).parent.glob("test_weights*.py")
    )  # files of weights are named there, numbers of layers left open
    for file in (folder / "weights").iterdir():
        stem = re.sub(r"\d+$", "", file.stem) if file.stem.startswith("partial_") else file.stem
        assert stem in sources, file.name
