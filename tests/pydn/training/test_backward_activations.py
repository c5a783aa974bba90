"""Backward of the activations: as a layer of their own, after a bias, after batch norm, after a full connection."""

from ...reference.activations import FORMULAS
from ..layers.support import Engine, conv, row
from .backward import Backward, backward_table, check_differences, check_engine

ACROSS_CHANNELS = [name for name in FORMULAS if name.startswith("normalize_channels")]


def alone(name: str) -> Backward:
    """From −11 to 11: beyond every corner."""
    return Backward([row("activation", activation=name)], steps_per_unit=8)


def within(name: str) -> Backward:
    """17 filters: more than a block of any instruction set."""
    rows = [
        conv(filters=17, size=3, pad=1, activation=name),
        conv(filters=10, batch_normalize=1, activation=name),
    ]
    if name not in ACROSS_CHANNELS:
        rows.append(row("connected", output=7, activation=name))
    return Backward(rows, steps_per_unit=32)


CASES = {
    f"{name}: {place}": case
    for name in FORMULAS
    for place, case in (("alone", alone(name)), ("within layers", within(name)))
}


@backward_table(CASES)
def test_differences(case: Backward) -> None:
    check_differences(case)


@backward_table(CASES)
def test_engine(case: Backward, engine: Engine) -> None:
    check_engine(case, engine)
