"""[convolutional] against its oracle."""

import pytest

from .support import COPY, Case, Engine, assert_same, check, conv, table

CASES = {
    "defaults: one 1x1 filter, logistic": Case([{"kind": "convolutional"}]),
    "1x1 image, size 3: eight taps of nine are padding": Case([conv(filters=4, size=3, pad=1)], (3, 1, 1)),
    "1x1 image, size 1, one channel: a single product": Case([conv(filters=1)], (1, 1, 1)),
    "size 1, odd sides: one row of pixels over": Case([conv(filters=17)], (5, 7, 9)),
    "size 3, the usual": Case([conv(filters=8, size=3, pad=1)], (3, 8, 8), batch=3),
    "size 3 without padding: the image shrinks": Case([conv(filters=8, size=3)], (3, 9, 7)),
    "size as large as the image: one place": Case([conv(filters=5, size=5)], (3, 5, 5)),
    "size 5, padding 1: neither same nor valid": Case([conv(filters=3, size=5, padding=1)], (3, 9, 8)),
    "size 7 stride 2, first layer of classifiers": Case([conv(filters=16, size=7, stride=2, pad=1)], (3, 19, 17)),
    "size 11 stride 4, first layer of alexnet": Case([conv(filters=7, size=11, stride=4, padding=2)], (3, 31, 33)),
    "size 17: a window larger than most images": Case([conv(filters=3, size=17, pad=1)], (3, 18, 19)),
    "size 17 of many channels": Case([conv(filters=16, size=17, stride=3)], (16, 20, 21)),
    "even size: padding of size/2 adds a row": Case([conv(filters=4, size=2, pad=1)], (3, 6, 5)),
    "size 4 stride 2": Case([conv(filters=4, size=4, stride=2, pad=1)], (3, 9, 10)),
    "padding wider than the window": Case([conv(filters=2, size=3, padding=5)], (3, 4, 5)),
    "stride 2, odd sides": Case([conv(filters=8, size=3, stride=2, pad=1)], (5, 13, 11), batch=3),
    "stride above size: pixels that nobody reads": Case([conv(filters=4, size=2, stride=3)], (3, 11, 10)),
    "size 1 stride 2": Case([conv(filters=8, stride=2)], (17, 9, 8)),
    "size 1 stride 2, pjreddie: strides as everywhere": Case(
        [conv(filters=8, stride=2)], (5, 8, 8), dialect="pjreddie"
    ),
    "size 1 with padding: a frame of biases": Case([conv(filters=3, padding=1)], (3, 4, 4)),
    "stride_x 2": Case([conv(filters=6, size=3, pad=1, stride_x=2)], (3, 9, 11)),
    "stride_y 3, stride_x 1": Case([conv(filters=6, size=3, pad=1, stride_y=3, stride_x=1)], (3, 11, 9)),
    "dilation 2": Case([conv(filters=4, size=3, pad=1, dilation=2)], (3, 9, 11)),
    "dilation 3 with stride 2": Case([conv(filters=4, size=3, stride=2, pad=1, dilation=3)], (5, 12, 11)),
    "dilation wider than the image": Case([conv(filters=4, size=3, pad=1, dilation=6)], (3, 5, 5)),
    "dilation is 1 for size 1": Case([conv(filters=4, dilation=4)], (3, 5, 5)),
    "dilation without padding keeps size's shrinkage": Case([conv(filters=4, size=3, dilation=2)], (3, 9, 9)),
    "one image row": Case([conv(filters=4, size=3, pad=1)], (3, 1, 33)),
    "one image column": Case([conv(filters=4, size=3, pad=1)], (3, 33, 1)),
    "17 channels, 32 filters": Case([conv(filters=32, size=3, pad=1)], (17, 6, 5), batch=3),
    "32 channels, 17 filters: no full block of outputs": Case([conv(filters=17, size=3, pad=1)], (32, 6, 5)),
    "32 channels, 33 filters: a block and one": Case([conv(filters=33)], (32, 5, 5), batch=3),
    "64 channels, 64 filters, wide: full tiles": Case([conv(filters=64, size=3, pad=1)], (64, 8, 19)),
    "1 channel, 1 filter": Case([conv(filters=1, size=3, pad=1)], (1, 8, 8), batch=3),
    "groups 2": Case([conv(filters=6, size=3, pad=1, groups=2)], (4, 7, 6), batch=3),
    "groups 3, one filter each from two channels": Case([conv(filters=3, size=3, pad=1, groups=3)], (6, 7, 6)),
    "groups 2 of 16 channels: whole blocks": Case([conv(filters=32, size=3, pad=1, groups=2)], (32, 7, 6)),
    "groups 3 of 8 channels: groups end inside blocks": Case(
        [conv(filters=24, size=3, pad=1, groups=3), conv(filters=24, groups=3)], (24, 5, 7), batch=3
    ),
    "groups of unequal width on both sides": Case([conv(filters=40, size=3, groups=2)], (6, 6, 6)),
    "groups of size 1": Case([conv(filters=10, groups=5)], (5, 4, 9)),
    "depthwise": Case([conv(filters=17, size=3, pad=1, groups=17)], (17, 7, 6), batch=3),
    "depthwise, 32 channels, stride 2": Case([conv(filters=32, size=3, stride=2, pad=1, groups=32)], (32, 9, 7)),
    "depthwise, size 5, dilation 2": Case([conv(filters=8, size=5, pad=1, dilation=2, groups=8)], (8, 9, 11)),
    "depthwise with two filters a channel": Case([conv(filters=10, size=3, pad=1, groups=5)], (5, 6, 6)),
    "batch norm": Case([conv(filters=5, size=3, pad=1, batch_normalize=1)], (3, 7, 5), batch=3),
    "batch norm and leaky, as in yolo": Case(
        [conv(filters=17, size=3, pad=1, batch_normalize=1, activation="leaky")], (3, 8, 8)
    ),
    "batch norm and mish": Case([conv(filters=16, batch_normalize=1, activation="mish")], (5, 8, 8)),
    "batch norm, groups": Case([conv(filters=6, size=3, pad=1, groups=3, batch_normalize=1)], (6, 5, 5)),
    "batch norm of pjreddie": Case([conv(filters=6, size=3, batch_normalize=1)], (3, 7, 7), dialect="pjreddie"),
    "antialiasing 1: blur in place of the stride": Case(
        [conv(filters=4, size=3, stride=2, pad=1, antialiasing=1, activation="leaky")], (3, 9, 11)
    ),
    "antialiasing 2": Case([conv(filters=4, size=3, stride=2, pad=1, antialiasing=2)], (3, 9, 11), batch=3),
    "binary is plain float": Case([conv(filters=4, size=3, pad=1, binary=1)]),
    "chain: blocked layouts in and out": Case(
        [
            conv(filters=20, size=3, pad=1, batch_normalize=1, activation="leaky"),
            conv(filters=33, batch_normalize=1, activation="leaky"),
            conv(filters=33, size=3, stride=2, pad=1, groups=33, activation="swish"),
            conv(filters=7),
        ],
        (3, 11, 13),
        batch=3,
    ),
    "two identical layers: nothing is shared between them": Case([conv(filters=3, size=3, pad=1)] * 2),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)


@pytest.mark.parametrize("channels", [3, 16], ids=["planar input", "blocked input"])
@pytest.mark.parametrize(("size", "stride"), [(1, 1), (3, 1), (3, 2)])
def test_every_width(channels: int, size: int, stride: int, engine: Engine) -> None:
    """Fast kernels cut rows into tiles: each remainder, and each distance from the edges."""
    for width in range(1, 36):
        keys = {"filters": 17, "size": size, "stride": stride, "pad": 1}
        check(Case([COPY, conv(**keys)], (channels, 2, width)), engine)


@pytest.mark.parametrize("size", [1, 3])
def test_every_channel_count(size: int, engine: Engine) -> None:
    """Fast kernels cut channels and filters into blocks: each remainder."""
    for channels in range(1, 36):
        rows = [conv(filters=channels, size=size, pad=1), conv(filters=36 - channels, size=size, pad=1)]
        check(Case(rows, (channels, 2, 3)), engine)


def test_xnor(engine: Engine) -> None:
    """As loaded, xnor convolves signs in float, with zeros around."""
    case = Case([conv(filters=4, size=3, pad=1, xnor=1, batch_normalize=1)], (5, 7, 6), dialect="pjreddie")
    net = case.load(engine, "all", "none")
    net.forward(case.x)
    assert_same(net.layers[0].output, case.expected("none")[0], case.exact, "xnor")
