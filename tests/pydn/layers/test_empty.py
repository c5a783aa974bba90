"""[empty] against its oracle, and the names of sections that mean the same."""

import numpy as np
import pytest

import pydn

from .support import Case, Engine, check, conv, row, table

EMPTY = row("empty")
CASES = {
    "alone": Case([EMPTY], exact=True, batch=3),
    "1x1 image": Case([EMPTY], (1, 1, 1), exact=True),
    "between convolutions": Case([conv(filters=17), EMPTY, conv(filters=3)], batch=3),
    "after a connected layer": Case([row("connected", output=9), EMPTY, row("connected", output=4)], batch=3),
    "keeps the numbers of others": Case([conv(filters=5), EMPTY, row("route", layers="0,1")]),
    "last": Case([conv(filters=5), EMPTY], batch=3),
}
ALIASES = [
    ("empty", "silence", ""),
    ("empty", "blank", ""),
    ("normalization", "lrn", "size=3\nalpha=0.1\n"),
    ("deconvolutional", "deconv", "filters=3\nsize=2\nstride=2\n"),
    ("local_avgpool", "local_avg", "size=3\nstride=2\n"),
]


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)


@pytest.mark.parametrize(("name", "alias", "keys"), ALIASES)
def test_aliases(engine: Engine, name: str, alias: str, keys: str) -> None:
    x = np.random.default_rng(3).normal(size=(1, 4, 6, 6)).astype(np.float32)
    results = []
    for section in (name, alias):
        cfg = f"[net]\nwidth=6\nheight=6\nchannels=4\n[{section}]\n{keys}".encode()
        net = pydn.load(cfg, device=engine[0], isa=engine[1])
        results.append(net.forward(x)[0])
    np.testing.assert_array_equal(results[0], results[1])
