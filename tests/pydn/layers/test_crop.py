"""[crop] against its oracle."""

from typing import Any

from .support import Case, Engine, Row, check, conv, row, table, twice


def crop(height: int, width: int, **keys: Any) -> Row:
    return row("crop", crop_height=height, crop_width=width, **keys)


CASES = {
    "default: one cell": Case([row("crop")], (3, 5, 7)),
    "1x1 image": Case([crop(1, 1)], (5, 1, 1)),
    "one channel": Case([crop(3, 4)], (1, 5, 8)),
    "even rest": Case([crop(4, 6)], (3, 8, 12), batch=3),
    "odd rest: one cell more at the end": Case([crop(4, 6)], (3, 7, 9), batch=3),
    "nothing is lost": Case([crop(5, 7)], (3, 5, 7)),
    "noadjust: values as they are": Case([crop(3, 3, noadjust=1)], (3, 6, 8), batch=3, exact=True),
    "keys of training": Case(
        [crop(3, 3, flip=1, angle=7, saturation=1.5, exposure=1.5, shift=0.1, noadjust=1)], (3, 6, 8), exact=True
    ),
    "before a convolution": Case([crop(6, 6), conv(filters=5, size=3, pad=1)], (3, 8, 9), batch=3),
    "between convolutions": Case(twice([crop(3, 4)]), (3, 6, 7), batch=3),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
