"""Weights that darknet's verbs wrote, byte for byte, by the command line and by the functions (`goldens/utility`)."""

import json
from pathlib import Path

import numpy as np
import pytest

import pydn
from pydn import tools
from pydn._core.plan import Plan
from pydn.cli import main

Output = pytest.CaptureFixture[str]

VERBS = {
    "rescale": [],
    "rgbgr": [],
    "normalize": [],
    "pjreddie_reset": ["-compat", "pjreddie"],
    "pjreddie_denormalize": ["-compat", "pjreddie"],
}


@pytest.fixture
def golden(shared: Path) -> Path:
    return shared / "goldens/utility/weights"


def weights(golden: Path, name: str = "init", dialect: str = "alexeyab") -> pydn.Weights:
    return pydn.Weights.load(golden / f"{name}.weights", golden / "net.cfg", dialect=dialect)


@pytest.mark.parametrize("name", VERBS)
def test_verb_writes_darknets_bytes(golden: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out.weights"
    verb = name.removeprefix("pjreddie_")
    assert main([verb, str(golden / "net.cfg"), str(golden / "init.weights"), str(out), *VERBS[name]]) == 0
    assert out.read_bytes() == (golden / f"{name}.weights").read_bytes()


def test_average_writes_darknets_bytes(golden: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.weights"
    inputs = [str(golden / "init.weights"), str(golden / "second.weights")]
    assert main(["average", str(golden / "net.cfg"), str(out), *inputs]) == 0
    assert out.read_bytes() == (golden / "average.weights").read_bytes()


def test_average_of_everything(golden: Path) -> None:
    """What the reference averages is the same; the batch norm of the connected layer is averaged as well."""
    first, second, reference = (weights(golden, name) for name in ("init", "second", "average"))
    mean = tools.average([first, second])
    for key, values in mean.items():
        if key in [(4, "scales"), (4, "rolling_mean"), (4, "rolling_variance")]:
            np.testing.assert_array_equal(reference[key], first[key])
            np.testing.assert_allclose(values, (first[key] + second[key]) / 2, rtol=1e-6)
        else:
            np.testing.assert_array_equal(values, reference[key])
    assert mean.header == reference.header


def test_ops(golden: Path, capsys: Output) -> None:
    expected = json.loads((golden / "expected.json").read_text())["ops"]
    assert main(["ops", str(golden / "net.cfg")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"Floating Point Operations: {figure}" for figure in expected]
    counted = tools.ops(pydn.load(golden / "net.cfg"))
    pooling = 4 * 8 * 6 * 2 * 2  # the reference leaves it out
    assert counted.count == int(expected[0]) + pooling


@pytest.mark.parametrize("layer", [0, 2, 3, 4, 5])
def test_exact_and_darknets_folding_differ_by_rounding_only(golden: Path, layer: int) -> None:
    cfg = (golden / "net.cfg").read_bytes()
    new = tools.denormalize(cfg, weights(golden, dialect="pjreddie"))
    reference = pydn.Weights.load(golden / "pjreddie_denormalize.weights", Plan(new.cfg, dialect="pjreddie"))
    for name in ("weights", "biases"):
        np.testing.assert_allclose(new.weights[layer, name], reference[layer, name], rtol=3e-5)


@pytest.mark.parametrize("case", ["gru", "gru_pjreddie", "lstm", "lstm_pjreddie", "batchnorm"])
def test_recorded_files_give_no_warning(shared: Path, caplog: pytest.LogCaptureFixture, case: str) -> None:
    folder = shared / "goldens/forward" / case
    reference = json.loads((folder / "meta.json").read_text())["reference"].partition("/")[0]
    pydn.load(folder / "net.cfg", folder / "init.weights", dialect=reference.lower())  # type: ignore[arg-type]
    assert not [record for record in caplog.records if "dialect" in record.message]
