"""xnor convolutions with prepare="binary" against numpy: signs, −1 outside the image, weights binarised once folded."""

from typing import Any

import numpy as np
import pytest

import pydn

from .support import Engine, conv, draw, nmse, row

CASES: dict[str, tuple[dict[str, Any], tuple[int, int, int]]] = {
    "1x1 image, one channel": ({"filters": 1, "size": 3, "pad": 1}, (1, 1, 1)),
    "63 channels": ({"filters": 5, "size": 3, "pad": 1}, (63, 4, 5)),
    "64 channels": ({"filters": 5, "size": 3, "pad": 1}, (64, 4, 5)),
    "65 channels": ({"filters": 5, "size": 3, "pad": 1}, (65, 4, 5)),
    "200 channels, size 1": ({"filters": 7}, (200, 3, 5)),
    "size 1 with padding": ({"filters": 7, "padding": 2}, (9, 3, 5)),
    "size 5": ({"filters": 4, "size": 5, "pad": 1}, (3, 7, 6)),
    "even size": ({"filters": 4, "size": 2, "pad": 1}, (3, 7, 6)),
    "no padding": ({"filters": 4, "size": 3}, (70, 7, 6)),
    "padding beyond the filter": ({"filters": 4, "size": 3, "padding": 5}, (5, 3, 3)),
    "groups": ({"filters": 8, "size": 3, "pad": 1, "groups": 4}, (260, 4, 5)),
    "dilation": ({"filters": 4, "size": 3, "pad": 1, "dilation": 3}, (6, 9, 9)),
    "a row of several stretches": ({"filters": 3, "size": 3, "pad": 1}, (2, 2, 1200)),
    "a row that ends with a stretch": ({"filters": 3, "size": 3, "pad": 1}, (2, 2, 510)),
    "a filter that reaches too far for bits": ({"filters": 2, "size": 3, "pad": 1, "dilation": 200}, (3, 5, 6)),
    "batch norm": ({"filters": 6, "size": 3, "pad": 1, "batch_normalize": 1}, (70, 5, 6)),
    "batch norm and groups": ({"filters": 6, "size": 3, "pad": 1, "batch_normalize": 1, "groups": 2}, (12, 5, 6)),
}


def expected(keys: dict[str, Any], x: np.ndarray, p: dict[str, np.ndarray]) -> np.ndarray:
    weights, biases = p["weights"], p["biases"]
    if keys.get("batch_normalize"):
        factor = p["scales"] / np.sqrt(p["rolling_variance"] + 1e-5)
        weights = weights * factor[:, None, None, None]
        biases = biases - factor * p["rolling_mean"]
    mean = np.abs(weights).mean(axis=(1, 2, 3), keepdims=True)
    y = convolve(np.where(x > 0, 1.0, -1.0), np.where(weights > 0, mean, -mean), keys)
    return y + biases[:, None, None]


def convolve(signs: np.ndarray, weights: np.ndarray, keys: dict[str, Any]) -> np.ndarray:
    """Everything around the image is −1, however far a filter reaches."""
    size, dilation, groups = keys.get("size", 1), keys.get("dilation", 1), keys.get("groups", 1)
    padding = size // 2 if keys.get("pad") else keys.get("padding", 0)
    height, width = (side + 2 * padding - size + 1 for side in signs.shape[2:])
    around = (padding + size) * dilation
    signs = np.pad(signs, ((0, 0), (0, 0), (around, around), (around, around)), constant_values=-1)
    y = np.zeros((len(signs), len(weights), height, width))
    for group in range(groups):
        f = slice(group * len(weights) // groups, (group + 1) * len(weights) // groups)
        c = slice(group * weights.shape[1], (group + 1) * weights.shape[1])
        for u, v in np.ndindex(size, size):
            i, j = (around + (tap - padding) * dilation for tap in (u, v))
            part = signs[:, c, i : i + height, j : j + width]
            y[:, f] += np.einsum("ncij,fc->nfij", part, weights[f, :, u, v])
    return y


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_forward(case: tuple[dict[str, Any], tuple[int, int, int]], batch: int, engine: Engine) -> None:
    keys, (channels, height, width) = case
    rows = [row("net", width=width, height=height, channels=channels), conv(xnor=1, **keys)]
    cfg = "\n".join("\n".join(f"[{v}]" if k == "kind" else f"{k}={v}" for k, v in keys.items()) for keys in rows)
    device, isa = engine
    net = pydn.load(cfg.encode() + b"\n", device=device, isa=isa, prepare="binary", batch=batch)
    rng = np.random.default_rng(3)
    layer = net.layers[0]
    parameters = {name: draw(rng, name, getattr(layer, name).shape) for name in layer.parameter_names}
    if "scales" in parameters:
        parameters["scales"][::2] *= -1  # which turns the signs of the folded weights
    for name, values in parameters.items():
        getattr(layer, name)[...] = values
    x = rng.normal(size=(batch, channels, height, width)).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = 0  # counts as −1
    wanted = expected(keys, x, {name: values.astype(np.float64) for name, values in parameters.items()})
    (found,) = net.forward(x)
    assert found.shape == wanted.shape
    assert nmse(found, wanted) <= 1e-10
    layer.weights[...] = -layer.weights  # packed again
    parameters["weights"] = -parameters["weights"]
    wanted = expected(keys, x, {name: values.astype(np.float64) for name, values in parameters.items()})
    assert nmse(net.forward(x)[0], wanted) <= 1e-10


def test_bits_take_a_32nd() -> None:
    def nbytes(prepare: str) -> int:
        cfg = b"[net]\nwidth=1\nheight=1\nchannels=512\n[convolutional]\nfilters=512\nsize=3\npad=1\nxnor=1\n"
        return pydn.load(cfg, device="ref", prepare=prepare).nbytes

    weights = 512 * 512 * 9
    assert nbytes("fuse") > 4 * weights
    assert nbytes("binary") < weights / 8 + 65536
