"""Outputs of every layer equal the reference's, case by case (`goldens/forward`, its README states the tolerance)."""

import json
from pathlib import Path

import numpy as np
import pytest

import pydn

CASES = """
activation_layer activations activations_pjreddie avgpool batchnorm connected connected_batch4 conv_antialiasing
conv_batch4 conv_binary conv_bn conv_dilation conv_dontloadscales conv_even_size conv_fused_bn conv_groups conv_nobn
conv_odd_input conv_share conv_sizes conv_stride_xy conv_xnor_float conv_xnor_fused crop_test crop_test_noadjust
deconvolutional detection_v1 detection_v1_softmax dropout_test empty gaussian_yolo implicit l2norm local local_avgpool
logistic_layer lrn maxpool maxpool_batch4 maxpool_depth maxpool_padding maxpool_stride_xy region_logistic region_softmax
region_tree reorg reorg3d reorg_wide_channels route route_batch4 sam scale_channels scale_channels_wh shortcut
shortcut_channels shortcut_multi shortcut_weighted_fused_relu shortcut_weighted_fused_softmax
shortcut_weighted_per_channel_relu shortcut_weighted_per_channel_softmax shortcut_weighted_per_feature_relu
shortcut_weighted_per_feature_softmax softmax softmax_spatial softmax_tree upsample yolo yolo_new_coords yolo_scale_xy
""".split()


def load_case(folder: Path, device: str, isa: str | None, outputs: str) -> tuple[pydn.Network, np.ndarray]:
    meta = json.loads((folder / "meta.json").read_text())
    x = np.load(folder / "input.npz")["x"]
    net = pydn.load(
        folder / "net.cfg",
        folder / "init.weights",
        device=device,
        isa=isa,
        outputs=outputs,
        batch=len(x),
        prepare=meta["prepare"],
        dialect="pjreddie" if meta["reference"].startswith("pjreddie") else "alexeyab",
    )
    return net, x


def assert_close(ours: np.ndarray, expected: np.ndarray, what: str) -> None:
    assert ours.size == expected.size, what
    difference = np.abs(ours.reshape(expected.shape) - expected).max()
    assert difference <= 1e-5 + 1e-5 * np.abs(expected).max(), f"{what}: {difference}"


@pytest.mark.parametrize("case", CASES)
def test_every_layer(shared: Path, engine: tuple[str, str | None], case: str) -> None:
    folder = shared / "goldens/forward" / case
    net, x = load_case(folder, *engine, outputs="all")
    net.forward(x)
    expected = np.load(folder / "expected.npz")
    assert len(expected.files) == len(net.layers)
    for layer in net.layers:
        if layer.kind == "cost":
            continue  # without a truth the reference never writes this layer's buffer; here it passes its input on
        assert_close(layer.output, expected[f"layer_{layer.index:03d}"], f"layer {layer.index} [{layer.kind}]")


@pytest.mark.parametrize("case", CASES)
def test_heads_only(shared: Path, engine: tuple[str, str | None], case: str) -> None:
    """The same results when buffers are shared and layers fused."""
    folder = shared / "goldens/forward" / case
    net, x = load_case(folder, *engine, outputs="heads")
    heads = net.forward(x)
    expected = np.load(folder / "expected.npz")
    assert len(heads) == len(net.head_layers) > 0
    for layer, head in zip(net.head_layers, heads, strict=True):
        assert_close(head, expected[f"layer_{layer:03d}"], f"layer {layer}")
