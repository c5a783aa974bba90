"""`detector train` and `classifier train` give the reference's losses and weights (`goldens/end_to_end`)."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from pydn.cli import main

CASES = (
    "classifier_train",
    "classifier_train_label_smooth",
    "detector_train_region",
    "detector_train_yolov3",
    "detector_train_yolov4",
)


def values(path: Path) -> np.ndarray:
    return np.frombuffer(path.read_bytes()[20:], np.float32)


@pytest.mark.parametrize("device", ["ref", "cpu"])
@pytest.mark.parametrize("case", CASES)
def test_recorded_runs(
    shared: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    case: str,
    device: str,
) -> None:
    folder = tmp_path / case
    shutil.copytree(shared / "goldens/end_to_end" / case, folder)
    cfg = folder / "net.cfg"
    cfg.write_text(cfg.read_text().replace("[net]", "[net]\nreference_cpu=1", 1))
    monkeypatch.chdir(folder)
    kind = case.partition("_")[0]
    assert main([kind, "train", "set.data", "net.cfg", "init.weights", "-device", device]) == 0
    printed = capsys.readouterr().out
    expected = json.loads((folder / "expected_losses.json").read_text())["iterations"]
    form = r"^ ?(\d+)(?:, [\d.]+)?: ([\d.]+), ([\d.]+) avg(?: loss)?, ([\d.]+) rate, [\d.]+ seconds, \d+ images"
    lines = re.findall(form, printed, re.MULTILINE)
    assert len(lines) == len(expected) == 12
    for (iteration, loss, average, rate), record in zip(lines, expected, strict=True):
        assert int(iteration) == record["iteration"]
        assert float(loss) == pytest.approx(record["loss"], rel=1e-4)
        assert float(average) == pytest.approx(record["avg_loss"], rel=1e-4)
        assert float(rate) == pytest.approx(record["learning_rate_printed"], abs=1e-6)
    final = next((folder / "backup").glob("*_final.weights"))
    np.testing.assert_allclose(values(final), values(folder / "expected_final.weights"), atol=1e-4)
