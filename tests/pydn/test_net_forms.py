"""[net] in its forms: flat inputs, sides that differ, other channels than a picture's, time steps."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import numpy as np
import pytest

import pydn
from pydn import DataError, ShapeError

from ..reference import network as reference
from .bad_input import refused
from .layers.support import Case, assert_same, check, conv, draw, row, table

SHAPES = {
    f"{width}x{height} of {channels}": (channels, height, width)
    for channels in (1, 2, 3, 4, 16)
    for width, height in ((9, 4), (3, 12), (7, 7))
}
LAYERS = [conv(filters=6, size=3, pad=1, batch_normalize=1, activation="leaky"), row("maxpool", size=2, stride=2)]

CASES = {name: Case([*LAYERS, conv(filters=5), row("avgpool")], shape, batch=2) for name, shape in SHAPES.items()}


@table(CASES)
def test_sides_and_channels(case: Case, engine: tuple[str, str | None]) -> None:
    check(case, engine)


FLAT = b"""[net]
inputs=10
time_steps=3
[connected]
output=6
activation=relu
[connected]
output=4
activation=linear
[softmax]
"""
"""Without a recurrent layer the time steps mean nothing."""


@pytest.mark.parametrize("shape", [(5, 10), (5, 10, 1, 1)])
@pytest.mark.parametrize("outputs", ["heads", "all"])
def test_inputs_only(shape: tuple[int, ...], outputs: Any, engine: tuple[str, str | None]) -> None:
    device, isa = engine
    net = pydn.load(FLAT, device=device, isa=isa, outputs=outputs, batch=2)
    assert (net.width, net.height, net.channels, net.steps, net.time_steps) == (0, 0, 0, 1, 3)
    rng = np.random.default_rng(3)
    rows = reference.parse(FLAT.decode())
    parameters: list[dict[str, Any]] = [{} for _ in rows]
    for (layer, name), values in net.weights.items():
        parameters[layer][name] = draw(rng, name, values.shape)
        values[...] = parameters[layer][name]
    x = rng.normal(size=shape).astype(np.float32)
    expected = reference.forward(rows, parameters, x.reshape(5, 10, 1, 1).astype(np.float64), reference.Setting())
    (head,) = net.forward(x)
    assert_same(head.reshape(expected[-1].shape), expected[-1], False, "head")


def test_input_in_place() -> None:
    net = pydn.load(FLAT, device="ref", batch=2)
    x = np.random.default_rng(4).random(net.input.shape, dtype=np.float32)
    net.input[...] = x
    np.testing.assert_array_equal(net.forward()[0], net.forward(x)[0])
    with pytest.raises(ValueError, match=r"the network takes \(n, 10\), n at least 1; an array of \(2, 9\) was given"):
        net.forward(np.zeros((2, 9), np.float32))


@pytest.mark.parametrize(("sides", "inputs"), [("", 12), ("width=3\n", 12), ("width=2\nheight=2\n", 12)])
def test_incomplete_sides_leave_a_list(sides: str, inputs: int) -> None:
    net = pydn.load(f"[net]\n{sides}inputs={inputs}\n[connected]\noutput=2\n".encode(), device="ref")
    assert net.forward(np.zeros((1, inputs), np.float32))[0].size == 2


def test_list_is_no_picture() -> None:
    net = pydn.load(FLAT, device="ref")
    said = "the network reads a list of values, not an image: call forward() with it"
    refused(ShapeError, said, lambda: net.predict(np.zeros((4, 4, 3), np.uint8)))
    refused(ShapeError, said, lambda: net.detect(np.zeros((4, 4, 3), np.uint8)))


# ---- pictures into networks of any number of channels

CLASSIFIER = (
    "[net]\nwidth=8\nheight=8\nchannels={}\n[convolutional]\nfilters=4\nactivation=linear\n[avgpool]\n[softmax]\n"
)
DETECTOR = (
    "[net]\nwidth=8\nheight=8\nchannels={}\n[convolutional]\nfilters=7\nactivation=linear\n"
    "[yolo]\nanchors=4,4\nclasses=2\n"
)


def classifier(channels: int) -> pydn.Network:
    return pydn.load(CLASSIFIER.format(channels).encode(), device="ref")


def detector(channels: int) -> pydn.Network:
    net = pydn.load(DETECTOR.format(channels).encode(), device="ref")
    net.layers[0].biases[4:] = 4  # every cell holds an object
    return net


def array(channels: int, height: int = 8, width: int = 8, dtype: Any = np.uint8) -> np.ndarray[Any, Any]:
    return np.random.default_rng(5).integers(0, np.iinfo(dtype).max, (height, width, channels), dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [2, 4, 5, 16])
def test_array_of_as_many_channels(channels: int, dtype: Any) -> None:
    """They are taken in their own order; `rgb` is about pictures."""
    image = array(channels, dtype=dtype)
    x = (image.transpose(2, 0, 1) / np.iinfo(dtype).max).astype(np.float32)[None]
    net = classifier(channels)
    expected = net.forward(x)[0].ravel()
    for rgb in (False, True):
        np.testing.assert_allclose(net.predict(image, rgb=rgb).probabilities, expected, rtol=2e-6)
    net = detector(channels)
    found, wanted = net.detect(image, thresh=0.1, nms=0), net.forward_decode(x, [(8, 8)], thresh=0.1, nms=None)[0]
    assert len(found) > 0
    np.testing.assert_allclose(np.sort(found.confidence), np.sort(wanted[2][wanted[2] > 0.1]), rtol=2e-6)


@pytest.mark.parametrize("letterbox", [False, True])
def test_array_of_another_size(letterbox: bool) -> None:
    """Each channel is resized as a grey picture is."""
    image = array(4, 13, 21)
    planes = [
        pydn.preprocess.detector_input(image[:, :, c], 8, 6, 1, letterbox=letterbox)[0] for c in range(4)
    ]  # fmt: skip
    np.testing.assert_array_equal(pydn.preprocess.detector_input(image, 8, 6, 4, letterbox=letterbox), planes)
    assert len(detector(4).detect(image, letterbox=letterbox, thresh=0.1)) > 0


CALLS: list[Callable[[pydn.Network, Any], Any]] = [
    lambda net, image: net.predict(image),
    lambda net, image: net.predict_batch([image]),
]


@pytest.mark.parametrize("call", CALLS, ids=["one", "batch"])
@pytest.mark.parametrize("channels", [2, 4, 16])
def test_picture_for_other_channels(channels: int, call: Callable[[pydn.Network, Any], Any]) -> None:
    encoded = cv2.imencode(".png", array(3))[1].tobytes()
    for image, shape in ((array(3), "8×8×3"), (array(1)[:, :, 0], "8×8"), (encoded, "8×8×3")):
        said = (
            f"the network reads {channels} channels, which a picture does not have: hand in an array H×W×{channels}, "
            f"not {shape}"
        )
        refused(DataError, said, partial(call, classifier(channels), image))


def test_array_for_a_network_of_pictures() -> None:
    for channels in (1, 3):
        said = "an array image must be H×W×3 or H×W, not 8×8×4 (drop the fourth channel: image[:, :, :3])"
        refused(DataError, said, partial(classifier(channels).predict, array(4)))


def test_one_channel_reads_grey() -> None:
    """Grey is taken as it is, colour by its luminance (0.299 red, 0.587 green, 0.114 blue)."""
    grey, net = array(1)[:, :, 0], classifier(1)
    expected = net.forward((grey / 255).astype(np.float32)[None, None])[0].ravel()
    for image in (grey, grey[:, :, None], np.repeat(grey[:, :, None], 3, axis=2)):
        np.testing.assert_allclose(net.predict(image).probabilities, expected, rtol=2e-6)
    red = np.zeros((8, 8, 3), np.uint8)
    red[:, :, 2] = 200
    luminance = np.full((1, 1, 8, 8), np.rint(0.299 * 200) / 255, np.float32)
    np.testing.assert_allclose(net.predict(red).probabilities, net.forward(luminance)[0].ravel(), rtol=2e-6)
    assert len(detector(1).detect(grey, thresh=0.1)) > 0


def test_three_channels_repeat_grey() -> None:
    grey, net = array(1)[:, :, 0], classifier(3)
    np.testing.assert_array_equal(
        net.predict(grey).probabilities, net.predict(np.repeat(grey[:, :, None], 3, axis=2)).probabilities
    )
