"""[local_avgpool] against its oracle."""

from typing import Any

from .support import Case, Engine, Row, check, row, table, twice


def pool(**keys: Any) -> Row:
    return row("local_avgpool", **keys)


CASES = {
    "defaults: stride 1, size 1": Case([pool()], exact=True),
    "1x1 image": Case([pool(size=3, stride=1)], (3, 1, 1)),
    "one channel": Case([pool(size=2, stride=2)], (1, 4, 6)),
    "2x2, odd sides: the last window is cut": Case([pool(size=2, stride=2)], (17, 7, 9), batch=3),
    "3x3 stride 1": Case([pool(size=3, stride=1)], (5, 9, 35), batch=3),
    "stride alone: size follows": Case([pool(stride=3)], (3, 10, 11)),
    "size 2 stride 3": Case([pool(size=2, stride=3)], (5, 11, 10)),
    "stride above size": Case([pool(size=1, stride=3)], (3, 10, 11), exact=True),
    "size 4 stride 4, as in yolov4-tiny_contrastive": Case([pool(size=4, stride=4)], (32, 12, 8), batch=3),
    "window wider than the image": Case([pool(size=9, stride=1)], (3, 2, 3)),
    "no padding": Case([pool(size=3, stride=2, padding=0)], (3, 11, 12)),
    "padding 1 of a 3x3 window: all of it after": Case([pool(size=3, stride=2, padding=1)], (3, 11, 12)),
    "padding above size: empty windows": Case([pool(size=1, stride=1, padding=4)], (1, 3, 3), exact=True),
    "stride_x 2, stride_y 1": Case([pool(size=2, stride_x=2, stride_y=1)], (3, 9, 9)),
    "stride_x 1, stride_y 3": Case([pool(size=3, stride_x=1, stride_y=3)], (3, 9, 9)),
    "one row": Case([pool(size=3, stride=1)], (3, 1, 40)),
    "one column": Case([pool(size=3, stride=2)], (3, 40, 1)),
    "between convolutions": Case(twice([pool(size=3, stride=2)]), (3, 12, 11), batch=3),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
