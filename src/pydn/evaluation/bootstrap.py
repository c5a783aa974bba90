"""How sure a figure is: it is measured again on many random draws of as many pictures, with replacement.

Average precision of a draw is on average too high, as a picture that is in it twice agrees with itself. The draws are
therefore shifted so that their mean is the figure of the pictures themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .average_precision import average_of, precisions
from .evidence import Evidence, Mask
from .matching import Matches
from .rules import Rules


def interval_of(
    measure: Callable[[NDArray[np.int64]], float], count: int, share: float = 0.95, samples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Measure a figure from 0 to 1 on many draws.

    Parameters
    ----------
    measure
        From how often each picture was drawn to the figure; NaN leaves the draw out.
    count
        How many pictures there are.
    share
        Share of the draws inside of the interval; as many are below it as above.
    samples
        Number of draws.
    seed
        Of the random numbers.

    Returns
    -------
    (float, float)
        The ends; NaN where there is nothing to measure.
    """
    if not 0 < share < 1:
        raise ValueError(f"share must be between 0 and 1, not {share}")
    if samples < 1:
        raise ValueError(f"samples must be 1 or more, not {samples}")
    if count < 1:
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    draws = (np.bincount(rng.integers(0, count, count), minlength=count) for _ in range(samples))
    figures = np.array([measure(weight) for weight in draws])
    figures = figures[~np.isnan(figures)]
    if not len(figures):
        return float("nan"), float("nan")
    low, high = np.quantile(figures, [(1 - share) / 2, (1 + share) / 2])
    shift = measure(np.ones(count, np.int64)) - figures.mean()
    return max(0.0, float(low + shift)), min(1.0, float(high + shift))


@dataclass(frozen=True, slots=True, eq=False)
class _Ranked:
    """Detections of one class from the best down, as far as there are true ones; and its objects."""

    image: NDArray[np.int32]
    true: Mask
    objects: NDArray[np.int32]


def map_interval(
    evidence: Evidence, matches: Matches, rules: Rules, share: float, samples: int, seed: int
) -> tuple[float, float]:
    """Return the interval of mean average precision.

    A class none of whose objects was drawn says nothing: the draw's mean is that of the others. Where classes without
    objects count as 0, those that have none at all go on to do so.
    """
    table = [
        [_ranked(evidence, matches, column, number) for number in np.flatnonzero(matches.objects).tolist()]
        for column in range(len(rules.ious))
    ]
    part = len(table[0]) / evidence.classes if rules.absent == "zero" and evidence.classes else 1.0

    def measure(weight: NDArray[np.int64]) -> float:
        values = np.array([[_weighted(ranked, weight, rules) for ranked in row] for row in table])
        values = values[~np.isnan(values)]
        return part * float(values.mean()) if values.size else float("nan")

    return interval_of(measure, evidence.pictures, share, samples, seed)


def _ranked(evidence: Evidence, matches: Matches, column: int, number: int) -> _Ranked:
    found, objects = evidence.found, evidence.objects
    rows = matches.order[(found.class_id == number)[matches.order]]
    rows = rows[~matches.left_out[column][rows]]
    true = matches.true[column][rows]
    end = np.flatnonzero(true)[-1] + 1 if true.any() else 0  # what comes after the last true one changes nothing
    mine = (objects.class_id == number) & ~objects.difficult
    return _Ranked(found.image[rows[:end]], true[:end], objects.image[mine])


def _weighted(ranked: _Ranked, weight: NDArray[np.int64], rules: Rules) -> float:
    best, hits = precisions(ranked.true, weight[ranked.image])
    return average_of(best, hits, int(weight[ranked.objects].sum()), rules.points, rounded=rules.rounded)
