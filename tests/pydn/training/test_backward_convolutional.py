"""Backward of [convolutional], [deconvolutional] and [local], by every way that kernels take."""

from typing import Any

import pytest

import pydn

from ..layers.support import Engine, Row, conv, row
from .backward import Backward, backward_table, check_differences, check_engine


def deconv(**keys: Any) -> Row:
    return row("deconvolutional", **{"activation": "linear", **keys})


def local(**keys: Any) -> Row:
    return row("local", **{"activation": "linear", **keys})


CASES = {
    "size 1": Backward([conv(filters=5)]),
    "size 1, blocks and a rest": Backward([conv(filters=33)], (17, 4, 5)),
    "size 1 stride 2": Backward([conv(filters=6, stride=2)], (5, 5, 6)),
    "size 1 with padding: places that see nothing": Backward([conv(filters=3, padding=1)], (3, 3, 4)),
    "size 3": Backward([conv(filters=4, size=3, pad=1)]),
    "size 3, blocks and a rest": Backward([conv(filters=18, size=3, pad=1)], (17, 5, 6)),
    "size 3 without padding": Backward([conv(filters=4, size=3)]),
    "size 3 stride 2, odd sides": Backward([conv(filters=9, size=3, stride=2, pad=1)], (3, 7, 9)),
    "size 3 stride 2, even sides": Backward([conv(filters=9, size=3, stride=2, pad=1)], (3, 6, 8)),
    "size 3 stride 3": Backward([conv(filters=4, size=3, stride=3, pad=1)], (3, 7, 8)),
    "size 2, even: padding of size/2": Backward([conv(filters=4, size=2, pad=1)]),
    "size 4 stride 2": Backward([conv(filters=4, size=4, stride=2, pad=1)], (3, 7, 8)),
    "size 5, padding 1": Backward([conv(filters=3, size=5, padding=1)], (3, 6, 7)),
    "size 7 stride 2, first layer of classifiers": Backward([conv(filters=8, size=7, stride=2, pad=1)], (3, 9, 11)),
    "size 11 stride 4, first layer of alexnet": Backward(
        [conv(filters=4, size=11, stride=4, padding=2)], (3, 15, 16), batch=1
    ),
    "stride above size: cells that nobody reads": Backward([conv(filters=4, size=2, stride=3)], (3, 8, 7)),
    "padding wider than the window": Backward([conv(filters=2, size=3, padding=5)], (2, 3, 4)),
    "stride_x 2": Backward([conv(filters=6, size=3, pad=1, stride_x=2)], (3, 5, 7)),
    "stride_y 3, stride_x 2": Backward([conv(filters=6, size=3, pad=1, stride_y=3, stride_x=2)], (3, 8, 7)),
    "dilation 2": Backward([conv(filters=4, size=3, pad=1, dilation=2)], (3, 6, 7)),
    "dilation 3 with stride 2": Backward([conv(filters=4, size=3, stride=2, pad=1, dilation=3)], (3, 8, 7)),
    "dilation wider than the image": Backward([conv(filters=4, size=3, pad=1, dilation=6)]),
    "dilation without padding": Backward([conv(filters=4, size=3, dilation=2)], (3, 6, 7)),
    "groups 2": Backward([conv(filters=6, size=3, pad=1, groups=2)], (4, 4, 5)),
    "groups 3 of 8 channels: groups end inside blocks": Backward(
        [conv(filters=24, size=3, pad=1, groups=3)], (24, 3, 4)
    ),
    "groups of size 1": Backward([conv(filters=10, groups=5)], (5, 4, 5)),
    "groups 2 of 16 channels, stride 2": Backward([conv(filters=32, size=3, pad=1, stride=2, groups=2)], (32, 5, 4)),
    "depthwise": Backward([conv(filters=17, size=3, pad=1, groups=17)], (17, 5, 6)),
    "depthwise, stride 2": Backward([conv(filters=17, size=3, stride=2, pad=1, groups=17)], (17, 7, 6)),
    "depthwise, size 5, dilation 2": Backward([conv(filters=8, size=5, pad=1, dilation=2, groups=8)], (8, 7, 6)),
    "depthwise with two filters a channel": Backward([conv(filters=10, size=3, pad=1, groups=5)], (5, 4, 5)),
    "1x1 image: eight taps of nine see nothing": Backward([conv(filters=4, size=3, pad=1)], (3, 1, 1)),
    "one row": Backward([conv(filters=4, size=3, pad=1)], (3, 1, 19)),
    "one column": Backward([conv(filters=4, size=3, pad=1)], (3, 19, 1)),
    "one channel, one filter, one image": Backward([conv(filters=1, size=3, pad=1)], (1, 4, 5), batch=1),
    "batch norm": Backward([conv(filters=5, size=3, pad=1, batch_normalize=1)], batch=3),
    "batch norm and leaky, as in yolo": Backward(
        [conv(filters=17, size=3, pad=1, batch_normalize=1, activation="leaky")], (3, 4, 5)
    ),
    "batch norm, groups, mish": Backward(
        [conv(filters=6, size=3, pad=1, groups=3, batch_normalize=1, activation="mish")], (6, 4, 5)
    ),
    "batch norm, stride 2, swish": Backward(
        [conv(filters=18, size=3, stride=2, pad=1, batch_normalize=1, activation="swish")], (4, 6, 7)
    ),
    "batch norm of pjreddie": Backward(
        [conv(filters=6, size=3, batch_normalize=1, activation="leaky")], dialect="pjreddie"
    ),
    "batch norm of two values": Backward([conv(filters=3, batch_normalize=1)], (3, 1, 1)),
    "antialiasing 1: blur in place of the stride": Backward(
        [conv(filters=4, size=3, stride=2, pad=1, antialiasing=1, activation="leaky")], (3, 6, 7)
    ),
    "antialiasing 2, batch norm": Backward(
        [conv(filters=4, size=3, stride=2, pad=1, antialiasing=2, batch_normalize=1, activation="tanh")], (3, 6, 7)
    ),
    "share_index: both layers add to one gradient": Backward(
        [
            conv(filters=3, size=3, pad=1, activation="tanh"),
            conv(filters=3, size=3, pad=1, activation="leaky", share_index=1),
            conv(filters=3, size=3, pad=1, share_index=-2),
        ]
    ),
    "share_index with batch norm": Backward(
        [conv(filters=3, batch_normalize=1, activation="tanh"), conv(filters=3, batch_normalize=1, share_index=1)]
    ),
    "a chain: deltas in blocks from layer to layer": Backward(
        [
            conv(filters=20, size=3, pad=1, batch_normalize=1, activation="leaky"),
            conv(filters=33, batch_normalize=1, activation="leaky"),
            conv(filters=33, size=3, stride=2, pad=1, groups=33, activation="swish"),
            conv(filters=7),
        ],
        (3, 5, 7),
    ),
    "deconvolution": Backward([deconv(filters=4, size=3)], (3, 3, 4)),
    "deconvolution, stride 2, padding": Backward([deconv(filters=4, size=4, stride=2, padding=1)], (3, 3, 4)),
    "deconvolution, stride above size": Backward([deconv(filters=2, size=2, stride=3, activation="tanh")], (3, 3, 4)),
    "deconvolution, batch norm": Backward(
        [deconv(filters=5, size=3, stride=2, pad=1, batch_normalize=1, activation="leaky")],
        (3, 3, 4),
        dialect="pjreddie",
    ),
    "local": Backward([local(filters=3, size=3)], (2, 4, 5)),
    "local, padding, stride 2": Backward([local(filters=4, size=3, stride=2, pad=1, activation="leaky")], (3, 5, 4)),
    "local, size 5 around small images": Backward([local(filters=2, size=5, pad=1, activation="tanh")], (2, 3, 4)),
}  # fmt: skip

# Between two others, so that outputs and deltas lie in blocks; results are differences of sums that are a few times as
# large as they are.
WINOGRAD = {
    "winograd 4, whole tiles": Backward([conv(filters=16, size=3, pad=1), conv(filters=4)], (16, 8, 8), rounding=1e-5),
    "winograd 4, tiles cut at the borders": Backward(
        [conv(filters=24, size=3, pad=1, batch_normalize=1, activation="leaky"), conv(filters=4)],
        (32, 7, 9),
        rounding=1e-5,
    ),
    "winograd 2": Backward([conv(filters=32, size=3, pad=1), conv(filters=4)], (32, 6, 2), rounding=1e-5),
}
CASES |= WINOGRAD


@pytest.mark.parametrize("name", WINOGRAD)
def test_winograd_is_what_is_tested(name: str, engine: Engine) -> None:
    """Of the kernels by their own choice."""
    if engine[0] != "cpu":
        pytest.skip("of the fast kernels")
    net = pydn.load(WINOGRAD[name].cfg, device="cpu", isa=engine[1])
    assert net.profile(1).layers[1].algorithm == name.partition(",")[0]


@backward_table(CASES)
def test_differences(case: Backward) -> None:
    check_differences(case)


@backward_table(CASES)
def test_engine(case: Backward, engine: Engine) -> None:
    check_engine(case, engine)
