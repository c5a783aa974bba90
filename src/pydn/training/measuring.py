"""What training is judged by while it runs: a figure of an evaluation, the loss on other pictures, or a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ..errors import UnsupportedError
from ..evaluation.listing import DataSource
from .validation import ValidationLoss

if TYPE_CHECKING:
    from ..network import Network

Measure: TypeAlias = (
    Literal["map", "f1", "iou", "precision", "recall", "topk", "top1", "loss"] | Callable[["Network"], float]
)
"""A figure of ``map`` or ``valid``, the loss, or a function of the network, of which more is better."""

_OF_DETECTORS = {"map": "map", "f1": "f1", "iou": "average_iou", "precision": "precision", "recall": "recall"}
_OF_CLASSIFIERS = {"topk": "top1", "top1": "top1"}


@dataclass(frozen=True, slots=True)
class Judge:
    """What measures a network.

    Attributes
    ----------
    name
        Of the figure.
    measure
        Gives it.
    least
        Less is better.
    """

    name: str
    measure: Callable[[Network], float]
    least: bool = False

    def better(self, value: float, than: float | None) -> bool:
        """Whether a value is better than the best so far."""
        return value == value and (than is None or (value < than if self.least else value > than))


def judge_of(net: Network, data: DataSource, what: Measure | None, labels: Any = None) -> Judge | None:
    """Return what measures as asked for.

    Parameters
    ----------
    net
        A detector or a classifier.
    data
        Whose ``valid=`` is measured on.
    what
        The figure; None: none.
    labels
        Of a classifier.
    """
    if what is None:
        return None
    if callable(what):
        function = what
        return Judge(getattr(what, "__name__", "score"), lambda network: float(function(network)))
    if what == "loss":
        return Judge("loss", ValidationLoss(data, labels), least=True)
    figures = _OF_DETECTORS if net.classes else _OF_CLASSIFIERS
    if what not in figures:
        kind = "detector" if net.classes else "classifier"
        raise UnsupportedError(f"measure={what!r} is not for a {kind}: choose {', '.join((*figures, 'loss'))}")
    attribute = figures[what]
    if net.classes:
        return Judge(what, lambda network: float(getattr(network.map(data), attribute)))
    return Judge(attribute, lambda network: float(getattr(network.valid(data, labels=labels), attribute)))
