"""Read darknet's labels for what they are converted to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from ..datafile import DataFile
from ..errors import DataError
from ..evaluation.truth import Truth, TruthSet
from ..image import read_image
from ..names import fill_names, read_names
from ..progress import progress
from .writing import Conversion


def names_of(truths: TruthSet, given: Sequence[str] | str | os.PathLike[str] | None) -> list[str]:
    """Names of the classes of a set: those that are given, else the .data file's; what has none is called class 7."""
    data: DataFile | None = truths.listing.data
    if isinstance(given, (str, os.PathLike)):
        names = read_names(given)
    elif given is not None:
        names = list(given)
    else:
        names = read_names(data.file("names")) if data is not None and data.get("names") else []
    highest = max((int(truth.boxes[:, 0].max()) for truth in truths if len(truth.boxes)), default=-1)
    return fill_names(names, highest + 1)


def sized(truths: TruthSet, report: Conversion) -> Iterator[tuple[Truth, tuple[int, int, int]]]:
    """Yield pictures with width, height and channels; those that cannot be read become problems."""
    for truth in progress(truths, len(truths), "pictures"):
        try:
            pixels = read_image(truth.path)
        except (DataError, OSError) as error:
            truths.report(truth.index, error)
            continue
        report.pictures += 1
        yield truth, (pixels.shape[1], pixels.shape[0], 1 if pixels.ndim == 2 else pixels.shape[2])
