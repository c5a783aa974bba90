"""[maxpool] against its oracle; a maximum is one of its inputs, so that results are exact."""

from typing import Any

from .support import Case, Engine, Row, check, conv, row, table


def pool(**keys: Any) -> Row:
    return row("maxpool", **keys)


CASES = {
    "defaults: stride 1, size 1": Case([pool()], exact=True),
    "1x1 image": Case([pool(size=2, stride=2)], (3, 1, 1), exact=True),
    "2x2, even sides": Case([pool(size=2, stride=2)], (32, 8, 6), batch=3, exact=True),
    "2x2, odd sides: the last window is cut": Case([pool(size=2, stride=2)], (17, 7, 9), batch=3, exact=True),
    "2x2 stride 1, as in tiny yolo": Case([pool(size=2, stride=1)], (5, 13, 13), exact=True),
    "3x3 stride 2": Case([pool(size=3, stride=2)], (3, 11, 10), exact=True),
    "3x3 stride 1, wide: beyond the first vector": Case([pool(size=3, stride=1)], (3, 9, 35), exact=True),
    "stride alone: size follows": Case([pool(stride=3)], (3, 10, 11), exact=True),
    "stride above size": Case([pool(size=1, stride=3)], (3, 10, 11), exact=True),
    "size 2 stride 3": Case([pool(size=2, stride=3)], (5, 11, 10), exact=True),
    "spatial pyramid: 5 9 13": Case([pool(size=s, stride=1) for s in (5, 9, 13)], (17, 7, 8), batch=3, exact=True),
    "window wider than the image": Case([pool(size=9, stride=1)], (3, 2, 3), exact=True),
    "size 4: more cells after than before": Case([pool(size=4, stride=2)], (3, 9, 9), exact=True),
    "no padding": Case([pool(size=3, stride=2, padding=0)], (3, 11, 12), exact=True),
    "padding 1 of a 3x3 window: all of it after": Case([pool(size=3, stride=2, padding=1)], (3, 11, 12), exact=True),
    "padding 2 of a 2x2 window": Case([pool(size=2, stride=2, padding=2)], (3, 8, 8), exact=True),
    "padding above size: empty windows": Case([pool(size=1, stride=1, padding=4)], (1, 3, 3), exact=True),
    "stride_x 2, stride_y 1": Case([pool(size=2, stride_x=2, stride_y=1)], (3, 9, 9), exact=True),
    "stride_x 1, stride_y 3": Case([pool(size=3, stride_x=1, stride_y=3)], (3, 9, 9), exact=True),
    "one row": Case([pool(size=3, stride=1)], (3, 1, 40), exact=True),
    "one column": Case([pool(size=3, stride=2)], (3, 40, 1), exact=True),
    "between convolutions": Case(
        [conv(filters=20, size=3, pad=1), pool(size=3, stride=2), conv(filters=5), pool(size=5, stride=1)],
        (3, 12, 11),
        batch=3,
    ),
    "depth: maximum over all channels": Case([pool(maxpool_depth=1)], (17, 5, 4), exact=True),
    "depth: channels fall into three classes": Case(
        [pool(maxpool_depth=1, out_channels=3)], (7, 5, 4), batch=3, exact=True
    ),
    "depth: as many as there are": Case([pool(maxpool_depth=1, out_channels=5)], (5, 3, 3), exact=True),
    "depth after a convolution": Case([conv(filters=32), pool(maxpool_depth=1, out_channels=4), conv(filters=3)]),
    "antialiasing 1: blur in place of the stride": Case([pool(size=2, stride=2, antialiasing=1)], (3, 9, 8)),
    "antialiasing 2": Case([pool(size=3, stride=2, antialiasing=2)], (3, 9, 8), batch=3),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
