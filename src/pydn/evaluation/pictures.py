"""Pictures with the most mistakes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .counting import Counts
from .evidence import Evidence
from .matching import Matches


@dataclass(frozen=True, slots=True)
class Picture:
    """What went wrong in one picture, at the threshold.

    Attributes
    ----------
    path
        Where it is.
    tp, fp, fn
        True and false detections, and objects that were not found.
    surest_mistake
        Score of the false detection with the best score; NaN where there is none.
    missed, false
        Names of the classes of the objects that were not found, and of the false detections, in order.
    """

    path: str
    tp: int
    fp: int
    fn: int
    surest_mistake: float
    missed: tuple[str, ...]
    false: tuple[str, ...]


def worst_pictures(evidence: Evidence, counts: Counts, matches: Matches, column: int = 0) -> list[Picture]:
    """Return the pictures that have mistakes: those with most first, of these the one with the surest mistake."""
    found, objects, many = evidence.found, evidence.objects, evidence.pictures
    missed = ~objects.difficult
    missed[matches.truth[column][counts.true]] = False
    tp, fp, fn = (
        np.bincount(image, minlength=many)
        for image in (found.image[counts.true], found.image[counts.false], objects.image[missed])
    )
    surest = np.full(many, -1.0)
    np.maximum.at(surest, found.image[counts.false], found.score[counts.false])
    order = np.lexsort((np.arange(many), -surest, -(fp + fn)))
    false_rows, missed_rows = np.flatnonzero(counts.false), np.flatnonzero(missed)
    false_of = np.split(found.class_id[false_rows], np.cumsum(fp)[:-1]) if many else []
    missed_of = np.split(_by_image(objects.class_id, objects.image, missed_rows), np.cumsum(fn)[:-1]) if many else []
    return [
        Picture(
            evidence.paths[i] if evidence.paths else str(i),
            int(tp[i]),
            int(fp[i]),
            int(fn[i]),
            float(surest[i]) if fp[i] else float("nan"),
            tuple(evidence.names[number] for number in missed_of[i]),
            tuple(evidence.names[number] for number in false_of[i]),
        )
        for i in order.tolist()
        if fp[i] + fn[i]
    ]


def _by_image(values: NDArray[Any], image: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
    """Return the values of some rows, those of the first picture first."""
    chosen: NDArray[Any] = values[rows[np.argsort(image[rows], kind="stable")]]
    return chosen
