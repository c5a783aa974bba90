"""Where a number that is none comes from: the first layer, and whether the data or the weights are to blame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._core.training import TrainingNetwork
from ..errors import Error, TrainingError

if TYPE_CHECKING:
    from .session import Session

_Floats = NDArray[np.float32]
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a mini-batch.

    Attributes
    ----------
    text
        In words; "" where nothing is wrong.
    layer
        The layer to blame, or None.
    images
        The images of the iteration to look at.
    in_data
        Images or truths are not finite; else the weights led to it.
    """

    text: str
    layer: int | None
    images: tuple[int, ...]
    in_data: bool = False


def failed(error: TrainingError, trouble: Trouble) -> TrainingError:
    """Return what to raise for an iteration: what is wrong, and since where."""
    text = f"{error.message}; {trouble.text}" if trouble.text else error.message
    found = TrainingError(text, iteration=error.iteration, layer=trouble.layer)
    found.images = trouble.images
    return found


def named(error: TrainingError, paths: Sequence[str]) -> TrainingError:
    """Return the same error with the pictures that are to blame."""
    chosen = [paths[number] for number in error.images if number < len(paths)] or list(paths)
    pictures = tuple(dict.fromkeys(map(str, chosen)))
    listed = ", ".join(pictures[:_SHOWN]) + (f" and {len(pictures) - _SHOWN} more" if len(pictures) > _SHOWN else "")
    text = f"{error.message}; pictures: {listed}"
    found = TrainingError(text, iteration=error.iteration, layer=error.layer, pictures=pictures)
    found.images = error.images
    return found


def is_finite(values: _Floats) -> bool:
    """Whether all values are; a sum of squares says so quickly where it is finite itself."""
    flat = values.ravel()
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(np.dot(flat, flat))) or bool(np.isfinite(flat).all())


def find_trouble(session: Session, x: _Floats, rows: _Floats, first: int, size: int) -> Trouble:
    """Do mini-batches again with every layer's output and delta at hand, until one is not finite.

    Rolling statistics and gradients are changed by it: the caller puts them back.

    Parameters
    ----------
    session
        Whose weights are used.
    x, rows
        Images and truths of the iteration.
    first
        First image of the first mini-batch to look at.
    size
        Of a mini-batch.
    """
    everything = tuple(range(first, min(first + size, len(x))))
    for what, values in (("picture", x), ("truth", rows)):
        bad = tuple(number for number in range(first, len(values)) if not np.isfinite(values[number]).all())
        if bad:
            text = f"{_counted(values[bad[0]])} of {what} {bad[0]} of the batch are not finite"
            return Trouble(text, None, bad, in_data=True)
    try:
        with _again(session) as net:
            for start in range(first, len(x), size):
                part = slice(start, start + size)
                found = next(_bad_layers(session, net, x[part], rows[part], start), None)
                if found is not None:
                    return Trouble(found[1], found[0], tuple(range(start, start + size)))
    except Error as error:
        return Trouble(f"which layer is the first cannot be said ({error})", None, everything)
    return Trouble("", None, everything)


def _again(session: Session) -> TrainingNetwork:
    net = session.network
    return TrainingNetwork(
        net.plan.text,
        net.weights,
        device=net.device,
        precision=net.precision,
        dialect=net.dialect,
        batch=net.batch,
        files=net.plan.files,
        isa=net.isa,
        width=net.width,
        height=net.height,
        outputs="all",
        training=True,
        cfg_file=net.plan.file,
    )


def _bad_layers(
    session: Session, net: TrainingNetwork, x: _Floats, rows: _Floats, first: int
) -> Iterator[tuple[int | None, str]]:
    """Yield the layers of one mini-batch that are not finite, as they are computed: outputs, loss, deltas."""
    net.set_clock(seed=session.seed, iteration=session.iteration, seen=net.seen, image=first)
    if net.truths:
        net.set_truth(rows)
    net.forward(x)
    for layer in net.layers:
        for name in layer.parameter_names:
            values = net.weights[layer.index, name]
            if not is_finite(values):
                counted = _counted(values)
                yield layer.index, f"{counted} of {name} of layer {layer.index} [{layer.kind}] are not finite"
        if not is_finite(layer.output):
            counted = _counted(layer.output)
            yield layer.index, f"layer {layer.index} [{layer.kind}] is the first whose output is not finite ({counted})"
    net.loss()
    for layer in net.layers:
        figures = net.figures(layer.index)
        if figures is not None and not np.isfinite(figures.cost):
            yield layer.index, f"the loss of layer {layer.index} [{layer.kind}] is {figures.cost}"
    net.backward(net.stop_layer(session.iteration) + 1)
    for layer in net.layers:
        arrays = {"delta": net.delta(layer.index)}
        arrays |= {f"gradient of {name}": net.gradient(layer.index, name) for name in layer.parameter_names}
        for name, array in arrays.items():
            if array is not None and not is_finite(array):
                text = f"layer {layer.index} [{layer.kind}] is the first whose {name} is not finite ({_counted(array)})"
                yield layer.index, text


def _counted(values: _Floats) -> str:
    return f"{np.count_nonzero(~np.isfinite(values))} of {values.size} values"
