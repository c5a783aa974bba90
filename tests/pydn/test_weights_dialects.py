"""`pydn.tools.convert_dialect`, and the warning about headers of the other dialect."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pydn
from pydn import tools
from pydn.tools.dialects import disagreement

from .test_weights_tools import BODY, DIALECTS, NET, filled, outputs


def test_dialects_there_and_back() -> None:
    cfg = (NET + BODY).encode()
    weights = filled(NET + BODY, "pjreddie")
    there = tools.convert_dialect(cfg, weights, "alexeyab")
    assert there.plan.dialect == "alexeyab"
    assert there.header == (0, 2, 5, 6400)
    assert there.nbytes == weights.nbytes + 4 * 4  # biases of [batchnorm]
    assert not there[3, "biases"].any()
    assert tools.convert_dialect(cfg, there, "pjreddie").tobytes() == weights.tobytes()
    assert tools.convert_dialect(cfg, there, "alexeyab").tobytes() == there.tobytes()


def test_biases_of_batchnorm_go_into_the_mean(rng: np.random.Generator) -> None:
    x = rng.uniform(-1, 1, (2, 3, 8, 10)).astype(np.float32)
    cfg = (NET + BODY).encode()
    weights = filled(NET + BODY)
    for (_, name), values in weights.items():
        if name == "rolling_variance":
            values[...] += 1  # where the dialects' divisors differ little
    new = tools.convert_dialect(cfg, weights, "pjreddie")
    expected = outputs(cfg, weights, x)
    assert np.abs(outputs(cfg, new, x) - expected).max() < 1e-4 * np.abs(expected).max()
    weights[3, "scales"][1] = 0
    with pytest.raises(pydn.WeightsError, match="channel 1") as caught:
        tools.convert_dialect(cfg, weights, "pjreddie")
    assert caught.value.layer == 3


def test_a_header_of_the_other_dialect_is_warned_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cfg = (NET + BODY).encode()
    for dialect, other in (DIALECTS, DIALECTS[::-1]):
        path = tmp_path / "net.weights"
        weights = filled(NET + BODY, dialect)
        path.write_bytes(weights.tobytes())
        pydn.load(cfg, path, dialect=dialect)  # type: ignore[arg-type]
        assert not caplog.records
        weights.header = weights.header._replace(revision=tools.slots.REVISIONS[other])
        path.write_bytes(weights.tobytes())
        pydn.load(cfg, path, dialect=dialect, mmap=True)  # type: ignore[arg-type]
        assert [(record.name, record.levelname) for record in caplog.records] == [("pydn", "WARNING")]
        assert str(path) in caplog.text
        assert f"dialect={other!r} may be meant" in caplog.text
        caplog.clear()


@pytest.mark.parametrize(
    ("version", "kinds", "expected"),
    [
        ((0, 2, 0), "[gru]", True),
        ((0, 2, 5), "[gru]", False),
        ((0, 1, 0), "[lstm]", True),
        ((0, 2, 0), "[conv_lstm]\n[convolutional]", False),  # pjreddie has no conv_lstm
        ((1, 0, 0), "[lstm]", False),
        ((0, 2, 3), "[lstm]", False),
    ],
)
def test_which_headers_are_warned_about(version: tuple[int, int, int], kinds: str, expected: bool) -> None:
    data = np.array(version, "<i4").tobytes()
    assert (disagreement(f"[net]\n{kinds}\n".encode(), data, "alexeyab") is not None) == expected
    assert disagreement(f"[net]\n{kinds}\n".encode(), data[:11], "alexeyab") is None


@pytest.mark.parametrize("version", [(0, 1, 0), (0, 1001, 0), (1001, 0, 7)])
def test_older_and_transposed_files_are_written_anew(version: tuple[int, int, int], tmp_path: Path) -> None:
    cfg = b"[net]\ninputs=3\n[connected]\noutput=2\nactivation=linear\n[softmax]\n"
    biases, matrix = np.float32([1, 2]), np.float32([[3, 4, 5], [6, 7, 8]])
    seen = np.array([640], "<u4" if version == (0, 1, 0) else "<u8")
    stored = matrix.T if max(version) > 1000 else matrix
    old = np.array(version, "<i4").tobytes() + seen.tobytes() + biases.tobytes() + stored.tobytes()
    new = np.array([0, 2, 0, 640, 0], "<i4").tobytes() + biases.tobytes() + matrix.tobytes()
    net = pydn.load(cfg, old)
    np.testing.assert_array_equal(net.layers[0].weights, matrix)
    net.save(tmp_path / "new.weights")
    assert (tmp_path / "new.weights").read_bytes() == new
    assert net.partial(1).tobytes() == new[:12] + bytes(8) + new[20:]
    np.testing.assert_array_equal(pydn.load(cfg, new).layers[0].weights, matrix)
