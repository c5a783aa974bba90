"""`Step`: what one training iteration did."""

from __future__ import annotations

from dataclasses import dataclass, field

from .._core.training import Figures


@dataclass(frozen=True)
class Step:
    """One iteration of training.

    Attributes
    ----------
    iteration
        Its number, from 1.
    loss
        Mean over the images of the costs of their mini-batches, as darknet prints it.
    average_loss
        The first loss, then nine tenths of the last average and one tenth of the loss.
    learning_rate
        Of its update.
    seconds
        That it took.
    images
        That the weights have seen, in all.
    heads
        By layer: what its loss reports, summed over the iteration.
    """

    iteration: int
    loss: float
    average_loss: float
    learning_rate: float
    seconds: float
    images: int
    heads: dict[int, Figures] = field(default_factory=dict)

    def _sum(self, name: str) -> float:
        return float(sum(getattr(figures, name) for figures in self.heads.values()))

    def _mean(self, name: str, over: str = "matched") -> float:
        count = self._sum(over)
        return self._sum(name) / count if count else 0.0

    @property
    def count(self) -> int:
        """Boxes that a truth was matched with."""
        return int(self._sum("matched"))

    @property
    def iou(self) -> float:
        """Their mean overlap with the truth."""
        return self._mean("iou")

    @property
    def recall(self) -> float:
        """Share of them whose overlap is more than one half."""
        return self._mean("recall_50")

    @property
    def class_loss(self) -> float:
        """Of the heads, summed, as the reference prints it."""
        return self._sum("class_loss")

    @property
    def object_loss(self) -> float:
        """Of the heads, summed, as the reference prints it."""
        return self._sum("objectness_loss")

    @property
    def iou_loss(self) -> float:
        """Of the heads, summed, as the reference prints it."""
        return self._sum("iou_loss")

    def __str__(self) -> str:
        return (
            f"{self.iteration}: {self.loss:f}, {self.average_loss:f} avg loss, {self.learning_rate:f} rate, "
            f"{self.seconds:f} seconds, {self.images} images"
        )


def add(a: Figures | None, b: Figures) -> Figures:
    """Sum of what two mini-batches report."""
    return b if a is None else Figures(*(x + y for x, y in zip(a, b, strict=True)))
