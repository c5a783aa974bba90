"""[cost] against its oracle: it does nothing where there is no truth."""

from .support import COPY, Case, Engine, check, conv, row, table

CASES = {
    "sse": Case([COPY, row("cost", type="sse")], exact=True),
    "after a classifier": Case(
        [conv(filters=17), row("avgpool"), row("softmax"), row("cost")],
        batch=3,
    ),
    "keys of training": Case([COPY, row("cost", type="masked", scale=3, ratio=0.5)], exact=True, batch=3),
}


@table(CASES)
def test_forward(case: Case, engine: Engine) -> None:
    check(case, engine)
