"""`CheckReport`: what was found in a data set; and the reading of its pictures."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

from .anchors import Anchors
from .errors import DataError
from .evaluation.listing import Problem
from .files import write_whole
from .image import read_image
from .progress import progress


class _Pictured(Protocol):
    @property
    def path(self) -> str: ...


_Truth = TypeVar("_Truth", bound=_Pictured)


@dataclass
class CheckReport:
    """What was found in a data set.

    Attributes
    ----------
    pictures, boxes
        How many there are, of all lists; a classifier's pictures have no boxes.
    classes
        Boxes of each class; of a classifier's set pictures.
    names
        Of the classes.
    sizes
        Pictures of each (width, height).
    problems
        What is wrong, by file and line.
    notes
        What is not wrong, but worth knowing.
    anchors
        Those that would fit the boxes best, as many as the cfg has; None without a cfg or boxes.
    """

    pictures: int = 0
    boxes: int = 0
    classes: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    sizes: dict[tuple[int, int], int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    anchors: Anchors | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def __str__(self) -> str:
        lines = [f"{self.pictures} pictures of {len(self.sizes)} sizes, {self.boxes} boxes"]
        for name, count in zip(self.names, self.classes, strict=True):
            lines.append(f"{count:8} {name}")
        lines += [f"note: {note}" for note in self.notes]
        if self.anchors is not None:
            pairs = ",  ".join(f"{width:.0f},{height:.0f}" for width, height in self.anchors.anchors)
            lines.append(f"anchors that fit best (average IoU {100 * self.anchors.average_iou:.1f} %): {pairs}")
        lines += [f"problem: {problem}" for problem in self.problems]
        lines.append(f"{len(self.problems)} problems" if self.problems else "nothing is wrong")
        return "\n".join(lines)

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return it as JSON, and write it to `path` as well."""
        text = json.dumps(
            {
                "pictures": self.pictures,
                "boxes": self.boxes,
                "classes": dict(zip(self.names, self.classes, strict=True)),
                "sizes": [[*size, count] for size, count in sorted(self.sizes.items())],
                "notes": self.notes,
                "anchors": None if self.anchors is None else self.anchors.anchors.tolist(),
                "problems": [{"file": p.file, "line": p.line, "text": p.text} for p in self.problems],
            },
            indent=1,
        )
        if path is not None:
            write_whole(path, text.encode())
        return text

    def take(self, outcome: tuple[int, int] | DataError | OSError) -> DataError | OSError | None:
        """Count a picture by its (width, height), or return why it cannot be read."""
        self.pictures += 1
        if not isinstance(outcome, tuple):
            return outcome
        self.sizes[outcome] = self.sizes.get(outcome, 0) + 1
        return None

    def compare(self, lists: Sequence[Iterable[str]]) -> None:
        """Note pictures that are in the first two lists."""
        if len(lists) < 2:
            return
        first, second = ({str(Path(path).resolve()) for path in paths} for paths in lists[:2])
        both = sorted(first & second)
        if both:
            self.notes.append(
                f"{len(both)} pictures are in both lists, {both[0]} for one: what is measured on them says little"
            )

    def count(self, counts: Sequence[int], names: Sequence[str], what: str) -> None:
        """Take how much there is of each class, and note what is none or far from balanced; `what`: boxes, pictures."""
        self.classes = tuple(map(int, counts))
        self.names = tuple(names[k] if k < len(names) else f"class {k}" for k in range(len(counts)))
        empty = [name for name, count in zip(self.names, self.classes, strict=True) if count == 0]
        if empty:
            shown = ", ".join(empty[:10]) + (f" and {len(empty) - 10} more" if len(empty) > 10 else "")
            self.notes.append(f"no {what} of {shown}")
        some = [count for count in self.classes if count]
        if some and max(some) > 20 * min(some):
            self.notes.append(f"the classes are far from balanced: {min(some)} to {max(some)} {what}")


def read_all(
    truth_of: Callable[[int], _Truth], count: int, workers: int, what: str, ahead: int = 64
) -> Iterator[tuple[_Truth, tuple[int, int] | DataError | OSError]]:
    """Yield each picture's truth with its (width, height), or with why it cannot be read; threads read ahead."""

    def one(index: int) -> tuple[_Truth, tuple[int, int] | DataError | OSError]:
        truth = truth_of(index)
        try:
            height, width = read_image(truth.path).shape[:2]
        except (DataError, OSError) as error:
            return truth, error
        return truth, (width, height)

    indexes = iter(range(count))
    with ThreadPoolExecutor(workers) as pool:
        coming = deque(pool.submit(one, index) for index in islice(indexes, ahead))
        for _ in progress(range(count), count, what):
            yield coming.popleft().result()
            coming.extend(pool.submit(one, index) for index in islice(indexes, 1))
