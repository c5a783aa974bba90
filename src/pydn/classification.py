"""What a classifier saw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from .names import fill_names


class Classification(Sequence[tuple[str, float]]):
    """The best classes of an image: a sequence of ``(label, probability)``, best first.

    Parameters
    ----------
    probabilities
        (classes,) float32, of every class.
    names
        Name of every class.
    top
        How many to list; at equal probability the class that comes first is better.

    Attributes
    ----------
    probabilities
        (classes,) float32.
    class_id
        (top,) int64: the listed classes.

    Examples
    --------
    >>> Classification([0.2, 0.7, 0.1], ["cat", "dog", "cow"], top=2)
    Classification(dog 70.00%, cat 20.00%)
    """

    def __init__(
        self, probabilities: NDArray[np.float32] | Sequence[float], names: Sequence[str] | None = None, top: int = 5
    ) -> None:
        self.probabilities: NDArray[np.float32] = np.array(probabilities, dtype=np.float32).reshape(-1)
        if top < 1:
            raise ValueError(f"top must be 1 or more, not {top}")
        self.class_id: NDArray[np.int64] = np.argsort(-self.probabilities, kind="stable")[:top].astype(np.int64)
        self._labels = fill_names(names, len(self.probabilities))

    @property
    def label(self) -> str:
        """Name of the best class."""
        return self._labels[int(self.class_id[0])]

    @property
    def confidence(self) -> float:
        """Probability of the best class."""
        return float(self.probabilities[self.class_id[0]])

    def __len__(self) -> int:
        return len(self.class_id)

    @overload
    def __getitem__(self, index: int) -> tuple[str, float]: ...
    @overload
    def __getitem__(self, index: slice) -> list[tuple[str, float]]: ...
    def __getitem__(self, index: int | slice) -> tuple[str, float] | list[tuple[str, float]]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        class_id = int(self.class_id[index])
        return self._labels[class_id], float(self.probabilities[class_id])

    def __iter__(self) -> Iterator[tuple[str, float]]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"Classification({', '.join(f'{label} {100 * p:.2f}%' for label, p in self)})"
