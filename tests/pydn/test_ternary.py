"""Ternary weights: the definition, files, two bits a weight."""

from pathlib import Path

import numpy as np
import pytest

import pydn
from pydn.tools import pack_ternary, ternarize, ternary_values, unpack_ternary

CFG = (
    b"[net]\nwidth=6\nheight=6\nchannels=3\n"
    b"[convolutional]\nfilters=5\nsize=3\npad=1\nbatch_normalize=1\nternary=1\n"
    b"[convolutional]\nfilters=3\nsize=1\nactivation=linear\n"
    b"[convolutional]\nfilters=3\nsize=2\nactivation=linear\nternary=1\n"
    b"[connected]\noutput=2\n"
)


def test_the_definition_by_hand() -> None:
    """Mean 0.26875, threshold 0.188125, α = (0.2 + 0.3 + 0.4 + 0.5 + 0.6) / 5."""
    found = ternary_values(np.float32([0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.05, 0]))
    np.testing.assert_allclose(found, [0, -0.4, 0.4, -0.4, 0.4, -0.4, 0, 0], rtol=1e-7)
    assert found.dtype == np.float32


@pytest.mark.parametrize("seed", range(20))
def test_one_scale_a_layer_and_nothing_left_to_do(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(scale=rng.uniform(1e-6, 100), size=(7, 3, 3, 3)).astype(np.float32)
    once = ternary_values(values)
    alpha = once.max()
    assert set(np.unique(once)) == {-alpha, 0, alpha}
    large = np.abs(values) > 0.7 * np.abs(values.astype("f8")).mean()
    assert alpha == pytest.approx(np.abs(values[large]).mean(dtype="f8"), rel=1e-6)
    np.testing.assert_array_equal(once != 0, large)
    assert (np.sign(once[large]) == np.sign(values[large])).all()
    np.testing.assert_array_equal(ternary_values(once), once)


def test_edges() -> None:
    assert ternary_values(np.zeros((2, 3), np.float32)).tolist() == [[0] * 3] * 2
    assert ternary_values(np.zeros(0, np.float32)).shape == (0,)
    same = ternary_values(np.float32([2, -2, 2]))  # all exceed 0.7 of their mean
    assert same.tolist() == [2, -2, 2]


def test_layers_that_the_cfg_marks() -> None:
    weights = pydn.load(CFG).weights
    before = {key: values.copy() for key, values in weights.items()}
    new = ternarize(weights)
    for key, values in before.items():
        np.testing.assert_array_equal(weights[key], values)
        wanted = ternary_values(values) if key in [(0, "weights"), (2, "weights")] else values
        np.testing.assert_array_equal(new[key], wanted)
    np.testing.assert_array_equal(ternarize(weights, [1])[1, "weights"], ternary_values(before[1, "weights"]))
    with pytest.raises(ValueError, match="layer 3 is no convolution"):
        ternarize(weights, [3])


def test_files_are_used_as_they_are(tmp_path: Path) -> None:
    """As in darknetTWN: a float file under a ternary cfg is not changed, a ternary one is what it is."""
    net = pydn.load(CFG)
    assert [net.layers[i].facts["ternary"] for i in range(3)] == [1, 0, 1]
    assert net.unused_options == []
    x = np.random.default_rng(1).normal(size=(1, 3, 6, 6)).astype(np.float32)
    plain = pydn.load(CFG.replace(b"ternary=1", b"ternary=0"))
    for key, values in net.weights.items():
        plain.weights[key][...] = values
    np.testing.assert_array_equal(net.forward(x)[0], plain.forward(x)[0])
    ternarize(net.weights).save(tmp_path / "t.weights")
    again = pydn.load(CFG, tmp_path / "t.weights")
    assert len(np.unique(again.layers[0].weights)) == 3
    assert ternarize(again.weights).tobytes() == again.weights.tobytes()


def test_packed_and_back() -> None:
    net = pydn.load(CFG)
    weights = ternarize(net.weights)
    weights.header = (0, 2, 0, 12345)
    packed = pack_ternary(weights)
    floats = sum(values.size for key, values in weights.items() if key not in [(0, "weights"), (2, "weights")])
    ternary = [weights[key].size for key in [(0, "weights"), (2, "weights")]]
    assert len(packed) == 16 + 20 + len(weights) + 4 * floats + sum(4 + -(-count // 4) for count in ternary)
    back = unpack_ternary(packed, net.plan)
    assert back.tobytes() == weights.tobytes()
    assert back.header == weights.header
    plain = pack_ternary(net.weights)  # nothing of it is ternary: nothing is lost either
    assert unpack_ternary(plain, net.plan).tobytes() == net.weights.tobytes()


def test_negative_zero_survives() -> None:
    net = pydn.load(CFG)
    weights = ternarize(net.weights)
    weights[0, "weights"].reshape(-1)[np.flatnonzero(weights[0, "weights"] == 0)[0]] = -0.0
    assert unpack_ternary(pack_ternary(weights), net.plan).tobytes() == weights.tobytes()


@pytest.mark.parametrize("cut", [0, 5, 16, 30, 36, 40, -1])
def test_cut_packs_are_refused(cut: int) -> None:
    net = pydn.load(CFG)
    with pytest.raises(pydn.WeightsError):
        unpack_ternary(pack_ternary(ternarize(net.weights))[:cut], net.plan)


def test_other_bytes_are_refused() -> None:
    net = pydn.load(CFG)
    packed = pack_ternary(net.weights)
    for bad in (packed + b"\0", b"x" + packed[1:], packed[:36] + b"\7" + packed[37:], net.weights.tobytes()):
        with pytest.raises(pydn.WeightsError):
            unpack_ternary(bad, net.plan)
