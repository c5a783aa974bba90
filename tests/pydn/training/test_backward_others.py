"""Backward of layers without parameters: oracle beside central differences, every engine beside the oracle."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pydn._core.training import TrainingNetwork

from ...reference.crop import part, part_back
from ...reference.differences import central_difference
from ...reference.dropout import dropped
from ...reference.normalization import energies, local_response_back
from ...reference.types import Array
from .backward import (
    Backward,
    Engine,
    backward_table,
    check_differences,
    check_engine,
    mini_batch,
    row,
    size_of,
    training_network,
)


def pjreddie(*rows: Any, **keys: Any) -> Backward:
    return Backward(rows, dialect="pjreddie", **keys)


LRN = {"size": 5, "alpha": 0.3, "beta": 0.75, "kappa": 2}
DERIVATIVES = {
    "reorg": Backward([row("reorg", stride=2)], (4, 4, 6)),
    "reorg, stride 3": Backward([row("reorg", stride=3)], (9, 3, 6)),
    "reorg, reverse": Backward([row("reorg", stride=2, reverse=1)], (8, 3, 2)),
    "reorg, pjreddie": pjreddie(row("reorg", stride=2), shape=(4, 4, 6)),
    "reorg, reverse, pjreddie": pjreddie(row("reorg", stride=2, reverse=1), shape=(8, 3, 2)),
    "reorg, flatten": pjreddie(row("reorg", flatten=1), shape=(3, 4, 5)),
    "reorg, flatten, stride": pjreddie(row("reorg", flatten=1, stride=2), shape=(4, 4, 6)),
    "reorg, flatten, reverse": pjreddie(row("reorg", flatten=1, reverse=1), shape=(3, 4, 5)),
    "reorg, extra": pjreddie(row("reorg", extra=7), shape=(3, 2, 5)),
    "reorg3d": Backward([row("reorg3d", stride=2)], (3, 4, 6)),
    "reorg3d, reverse": Backward([row("reorg3d", stride=2, reverse=1)], (12, 2, 3)),
    "empty": Backward([row("empty")], (3, 4, 5)),
    "l2norm": pjreddie(row("l2norm"), shape=(5, 3, 4)),
    "l2norm, one channel: only its sign is left": pjreddie(row("l2norm"), shape=(1, 3, 4)),
    "reorg, l2norm and reorg back": pjreddie(
        row("reorg", stride=2), row("l2norm"), row("reorg", stride=2, reverse=1), shape=(4, 4, 6)
    ),
}  # fmt: skip
REFERENCE_ONLY = {
    "normalization": Backward([row("normalization", **LRN)], (7, 3, 4), steps_per_unit=64),
    "normalization, few channels": Backward([row("normalization", **{**LRN, "size": 9})], (3, 3, 4)),
}


@backward_table(DERIVATIVES)
def test_oracle(case: Backward) -> None:
    check_differences(case)


@backward_table({**DERIVATIVES, **REFERENCE_ONLY})
def test_backward(case: Backward, engine: Engine) -> None:
    check_engine(case, engine)


def test_normalization_takes_energies_for_constants(rng: np.random.Generator) -> None:
    """With them fixed, what the reference hands back is the derivative."""
    x, delta = rng.normal(size=(2, 7, 2, 3)), rng.normal(size=(2, 7, 2, 3))
    fixed = energies(x, 5, 0.3, 2.0) ** -0.75
    wanted = central_difference(lambda values: values * fixed, x, delta)
    np.testing.assert_allclose(local_response_back(delta, x, 5, 0.3, 0.75, 2.0), wanted, rtol=1e-8)


HEADS = {
    "softmax": Backward([row("softmax", groups=2)], (6, 1, 1)),
    "softmax without a loss": Backward([row("softmax", noloss=1)], (6, 1, 1)),
    "logistic": pjreddie(row("logistic"), shape=(3, 2, 2)),
    "cost": Backward([row("cost", scale=0.25)], (3, 2, 2)),
    "iseg": pjreddie(row("iseg", classes=2, ids=3), shape=(5, 2, 3)),
    "detection": Backward([row("detection", classes=2, coords=4, num=2, side=2)], (12, 2, 2)),
    "region": Backward([row("region", classes=2, num=1, anchors="1,1")], (7, 2, 3)),
    "region, pjreddie": pjreddie(row("region", classes=2, num=1, anchors="1,1"), shape=(7, 2, 3)),
    "yolo": Backward([row("yolo", classes=2, num=1, anchors="4,4")], (7, 2, 3)),
    "Gaussian_yolo": Backward([row("Gaussian_yolo", classes=2, num=1, anchors="4,4")], (11, 2, 3)),
}


@backward_table(HEADS)
def test_heads_hand_on_what_their_losses_or_people_write(case: Backward, engine: Engine) -> None:
    """Their deltas are of what goes in, not of what comes out."""
    net = training_network(case, engine, "heads")
    mini_batch(net, case)
    for (layer, name), expected in case.carried.parameters.items():
        found = net.gradient(layer, name)
        assert found is not None
        largest = max(np.abs(expected).max(), size_of(case, layer, name))
        np.testing.assert_allclose(found.ravel(), expected.ravel(), atol=case.rounding * largest, err_msg=name)


# ---- what chance decides, read back ----


def network(case: Backward, engine: Engine, net: str = "") -> TrainingNetwork:
    """With the output of all layers, and a head behind the case's own that changes nothing."""
    cfg = case.cfg.replace(b"[net]", b"[net]\n" + net.encode(), 1) + b"\n[activation]\nactivation=linear\n"
    made = TrainingNetwork(cfg, batch=0, training=True, device=engine[0], isa=engine[1], outputs="all")
    for name, value in case.parameters[0].items():
        made.weights[0, name][...] = value
    return made


def carried_back(net: TrainingNetwork, delta: Array) -> NDArray[np.float32]:
    """The delta of what the second layer read."""
    last, first = net.delta(2), net.delta(0)
    assert last is not None
    assert first is not None
    last[...] = delta.reshape(last.shape)
    net.backward()
    return first


def factors_of(net: TrainingNetwork, x: NDArray[np.float32]) -> Array:
    """What every value was multiplied by."""
    return np.asarray(net.forward(x)[-1].astype(float) / x)


@pytest.mark.parametrize("probability", [0.2, 0.5])
def test_dropout(probability: float, engine: Engine) -> None:
    case = Backward([row("dropout", probability=probability)], (8, 9, 11), batch=4, steps_per_unit=1024)
    net = network(case, engine)
    masks = []
    for iteration in (1, 2):
        net.set_clock(seed=3, iteration=iteration)
        factors = factors_of(net, case.x)
        kept = factors > 0
        np.testing.assert_allclose(factors[kept], 1 / (1 - probability), rtol=1e-6)
        assert abs(kept.mean() - (1 - probability)) < 4 * np.sqrt(probability * (1 - probability) / kept.size)
        delta = case.delta_of(case.x.shape)
        np.testing.assert_allclose(carried_back(net, delta), dropped(delta, factors), rtol=1e-5)
        masks.append(kept)
    both = (masks[0] & masks[1]).mean()
    assert abs(both - (1 - probability) ** 2) < 0.04  # one mask says nothing about the other


def test_dropout_of_everything_teaches_nothing(engine: Engine) -> None:
    case = Backward([row("dropout", probability=1)], (2, 3, 4))
    net = network(case, engine)
    assert not net.forward(case.x)[-1].any()
    assert not carried_back(net, case.delta_of(case.x.shape)).any()


def test_dropblock(engine: Engine) -> None:
    """From 85 % of the iterations on, blocks of the whole size; half way there, of half the size."""
    probability, side, cells, channels = 0.4, 4, 9 * 11, 32
    keys = {"probability": probability, "dropblock": 1, "dropblock_size_abs": side}
    case = Backward([row("dropout", **keys)], (channels, 9, 11), batch=4, steps_per_unit=1024)
    net = network(case, engine, "max_batches=200\n")
    for iteration, part_of in ((85, 0.5), (170, 1.0), (199, 1.0)):
        block = int(side * part_of)
        net.set_clock(seed=3, iteration=iteration)
        factors = factors_of(net, case.x)
        hit = 0
        for image in factors:
            expected = image.size / (image > 0).sum()
            np.testing.assert_allclose(image[image > 0], expected, rtol=1e-5)
            for plane in image:
                rows, columns = np.nonzero(plane == 0)
                hit += bool(rows.size)
                assert rows.size in (0, block * block)
                assert not rows.size or np.ptp(rows) == np.ptp(columns) == block - 1
        chance = 1 - (1 - probability * part_of / block**2) ** cells
        planes = 4 * channels
        assert abs(hit / planes - chance) <= 4 * np.sqrt(chance * (1 - chance) / planes) + 1 / planes
        delta = case.delta_of(case.x.shape)
        np.testing.assert_allclose(carried_back(net, delta), dropped(delta, factors), rtol=1e-5)


@pytest.mark.parametrize("noadjust", [0, 1])
@pytest.mark.parametrize("flip", [0, 1])
def test_crop(flip: int, noadjust: int, engine: Engine) -> None:
    keys = {"crop_height": 3, "crop_width": 4, "flip": flip, "noadjust": noadjust}
    case = Backward([row("crop", **keys)], (2, 5, 5))
    net = network(case, engine)
    adjust, seen = not noadjust, set()
    windows = [(top, left, mirrored) for top in range(3) for left in range(2) for mirrored in range(flip + 1)]
    for iteration in range(12):
        net.set_clock(seed=1, iteration=iteration)
        y = net.forward(case.x)[-1].astype(float)
        delta = case.delta_of(y.shape)
        back = carried_back(net, delta).reshape(case.x.shape)
        for x, image, pull, found in zip(case.x.astype(float), y, delta, back, strict=True):
            chosen = [w for w in windows if np.allclose(image, part(x, (*w[:2], 3, 4), bool(w[2]), adjust), atol=1e-5)]
            assert len(chosen) == 1
            window, mirrored = (*chosen[0][:2], 3, 4), bool(chosen[0][2])
            np.testing.assert_allclose(found, part_back(pull, x, window, mirrored, adjust), rtol=1e-6)
            seen.add(chosen[0])
    assert len(seen) > len(windows) / 2


@pytest.mark.parametrize("mirrored", [False, True])
def test_oracle_of_crop(mirrored: bool, rng: np.random.Generator) -> None:
    window = (1, 2, 3, 2)
    x, delta = rng.normal(size=(2, 5, 5)), rng.normal(size=(2, 3, 2))
    for adjust in (False, True):

        def output(values: Array, adjust: bool = adjust) -> Array:
            return part(values, window, mirrored, adjust)

        wanted = central_difference(output, x, delta)
        np.testing.assert_allclose(part_back(delta, x, window, mirrored, adjust), wanted, atol=1e-8)
