"""Backward of layers over windows, planes and channels that have no parameters: pooling, means, upsampling."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..layers.support import Engine, Row, conv, row
from .backward import Backward, backward_table, check_differences, check_engine


def pool(**keys: Any) -> Row:
    return row("maxpool", **keys)


def mean(**keys: Any) -> Row:
    return row("local_avgpool", **keys)


class Ties(Backward):
    """Whole numbers from −3 to 2, so that windows have several largest values: there is no derivative."""

    @cached_property
    def x(self) -> NDArray[np.float32]:
        return np.floor(super().x)


TIES = {
    "2x2, stride 1": Ties([pool(size=2, stride=1)]),
    "3x3, stride 2, 17 channels": Ties([pool(size=3, stride=2)], (17, 4, 3)),
    "depth": Ties([pool(maxpool_depth=1, out_channels=2)], (9, 3, 4)),
}
CASES = {
    "avgpool": Backward([row("avgpool")]),
    "avgpool of 17 channels, then a full connection": Backward(
        [row("avgpool"), row("connected", output=4, activation="linear")], (17, 3, 4), batch=3
    ),
    "maxpool 2x2, even sides": Backward([pool(size=2, stride=2)], (4, 4, 6)),
    "maxpool 2x2, odd sides: the last window is cut": Backward([pool(size=2, stride=2)], (17, 5, 3)),
    "maxpool 2x2 stride 1: windows overlap": Backward([pool(size=2, stride=1)], (3, 4, 5)),
    "maxpool 3x3 stride 2": Backward([pool(size=3, stride=2)], (3, 7, 6)),
    "maxpool: stride alone": Backward([pool(stride=3)], (3, 5, 7)),
    "maxpool: stride above size, cells that nobody reads": Backward([pool(size=2, stride=3)], (3, 8, 7)),
    "maxpool: stride_x 2, stride_y 1": Backward([pool(size=2, stride_x=2, stride_y=1)], (3, 5, 5)),
    "maxpool without padding": Backward([pool(size=3, stride=2, padding=0)], (3, 7, 8)),
    "maxpool: padding 1 of a 3x3 window": Backward([pool(size=3, stride=2, padding=1)], (3, 7, 8)),
    "maxpool: a window wider than the image": Backward([pool(size=9, stride=1)], (3, 2, 3)),
    "spatial pyramid: one layer read three times": Backward(
        [
            pool(size=5, stride=1),
            row("route", layers="-2"),
            pool(size=9, stride=1),
            row("route", layers="-1,-3,-4"),
            conv(filters=3),
        ],
        (6, 5, 4),
    ),
    "maxpool: depth": Backward([pool(maxpool_depth=1)], (7, 3, 4)),
    "maxpool: depth, out_channels": Backward([pool(maxpool_depth=1, out_channels=3)], (7, 3, 4)),
    "maxpool: depth, as many as there are": Backward([pool(maxpool_depth=1, out_channels=5)], (5, 3, 4)),
    "maxpool, antialiasing 1": Backward([pool(size=2, stride=2, antialiasing=1)], (3, 6, 5)),
    "maxpool, antialiasing 2": Backward([pool(size=3, stride=2, antialiasing=2)], (3, 6, 5)),
    "maxpool between convolutions: deltas in blocks": Backward(
        [conv(filters=20, size=3, pad=1), pool(size=3, stride=2), conv(filters=5), pool(size=2, stride=1)], (3, 6, 7)
    ),
    "local_avgpool 2x2": Backward([mean(size=2, stride=2)], (3, 4, 6)),
    "local_avgpool, odd sides: the last window is cut": Backward([mean(size=2, stride=2)], (17, 5, 3)),
    "local_avgpool 3x3 stride 1: windows overlap": Backward([mean(size=3, stride=1)], (3, 4, 5)),
    "local_avgpool without padding, stride_x 1": Backward([mean(size=3, stride_y=2, stride_x=1, padding=0)], (3, 7, 5)),
    "local_avgpool: a window wider than the image": Backward([mean(size=9, stride=1)], (3, 2, 3)),
    "upsample": Backward([row("upsample")]),
    "upsample by 3, with a scale, between convolutions": Backward(
        [conv(filters=18), row("upsample", stride=3, scale=0.5), conv(filters=2)], (3, 2, 3)
    ),
    "upsample, reverse": Backward([row("upsample", stride=-2)], (3, 4, 6)),
    "upsample, reverse, rows that no sum has": Backward([row("upsample", stride=-2, scale=0.25)], (17, 5, 7)),
}


@backward_table(CASES)
def test_differences(case: Backward) -> None:
    check_differences(case)


@backward_table(CASES)
def test_engine(case: Backward, engine: Engine) -> None:
    check_engine(case, engine)


@backward_table(TIES)
def test_the_first_of_equal_values_gets_the_delta(case: Backward, engine: Engine) -> None:
    check_engine(case, engine)
