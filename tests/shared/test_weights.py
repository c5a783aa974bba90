"""Weights files of both headers, partial files byte for byte, layer tables (`goldens/utility`)."""

import json
from pathlib import Path

import numpy as np
import pytest

import pydn

HEADERS = ["v0_1_0_seen32", "v0_2_0_seen64", "v0_2_5_seen64", "v1_0_0_seen64", "v0_1001_0_transposed"]
TABLES = """
yolov3 yolov4 yolov4-tiny yolov2-tiny-voc darknet19 tiny densenet201 csresnext50-panet-spp efficientnet_b0 yolov4x-mish
yolov7-tiny yolov3-tiny yolov2 yolov4-csp
""".split()

OPTIONS = ["size", "stride_x", "stride_y", "filters", "groups", "dilation", "pad", "batch_normalize"]


@pytest.mark.parametrize("header", HEADERS)
def test_header(shared: Path, engine: tuple[str, str | None], header: str) -> None:
    folder = shared / "goldens/utility/weights"
    name = "init" if header == "v0_2_5_seen64" else header
    device, isa = engine
    net = pydn.load(
        folder / "net.cfg", folder / f"{name}.weights", device=device, isa=isa, outputs="all", prepare="none"
    )
    expected = json.loads((folder / "expected.json").read_text())[header]
    assert net.seen == expected["seen"]
    assert net.iteration == expected["current_iteration"]
    net.forward(np.load(folder / "input.npz")["x"])
    outputs = np.load(folder / "expected_outputs.npz")
    for layer in net.layers:
        reference = outputs[f"{header}_layer_{layer.index:03d}"]
        difference = np.abs(layer.output.reshape(reference.shape) - reference).max()
        assert difference <= 1e-5 + 1e-5 * np.abs(reference).max(), layer.index


@pytest.mark.parametrize("layers", range(1, 7))
def test_partial_is_byte_equal(shared: Path, tmp_path: Path, layers: int) -> None:
    folder = shared / "goldens/utility/weights"
    net = pydn.load(folder / "net.cfg", folder / "init.weights")
    net.partial(layers, tmp_path / "out.weights")
    assert (tmp_path / "out.weights").read_bytes() == (folder / f"partial_{layers}.weights").read_bytes()


def test_saving_gives_the_file_back(shared: Path, tmp_path: Path) -> None:
    folder = shared / "goldens/utility/weights"
    pydn.load(folder / "net.cfg", folder / "init.weights").save(tmp_path / "out.weights")
    assert (tmp_path / "out.weights").read_bytes() == (folder / "init.weights").read_bytes()


@pytest.mark.parametrize("name", TABLES)
def test_layer_table(shared: Path, name: str) -> None:
    """Every layer's shapes, parameters, operations and options, and the totals."""
    expected = json.loads((shared / "goldens/utility/layer_tables.json").read_text())[name]
    net = pydn.load(shared / f"data/cfgs/AlexeyAB__darknet/{name}.cfg")
    assert len(net.layers) == len(expected["layers"])
    for layer, row in zip(net.layers, expected["layers"], strict=True):
        what = f"layer {layer.index} [{layer.kind}]"
        assert layer.output_shape[1:] == (row["out_c"], row["out_h"], row["out_w"]) or (
            np.prod(layer.output_shape[1:]) == row["outputs"]
        ), what
        assert layer.parameters == row["parameters"], what
        assert layer.flops / 1e9 == pytest.approx(row.get("bflops", 0), rel=1e-6, abs=1e-9), what
        if layer.kind in ("convolutional", "maxpool"):
            assert layer.input_shape[1:] == (row["in_c"], row["in_h"], row["in_w"]), what
            facts = layer.facts | {"pad": layer.facts["padding"]}  # recorded are the pixels, not the key
            given = {key: facts[key] for key in OPTIONS if key in row}
            assert given == {key: row[key] for key in given}, what
            assert "stride_x" in given, what
    assert net.parameters == expected["parameters_total"]
    assert net.weights.nbytes == 20 + 4 * expected["parameters_total"]  # a file with 64 bits of images seen
    bflops, average = net.summary().splitlines()[-2:]
    assert bflops == f"Total BFLOPS {expected['total_bflops_printed']:5.3f} "
    assert average == f"avg_outputs = {expected['avg_outputs_printed']} "
