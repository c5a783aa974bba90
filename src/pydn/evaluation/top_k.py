"""How often a classifier is right."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..formats import write_text
from ..names import fill_names
from .listing import Problem

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Judged:
    """A picture and what the classifier said about it.

    Attributes
    ----------
    index
        Its place in the list, from 0.
    name
        Its path as the list writes it.
    class_id
        Its class; -1 where it has none.
    rank
        Place of that class among all, the best is 0; -1 where the picture has no class.
    confidence
        Probability of its class, 0 where it has none.
    best, best_confidence
        The class that the classifier takes for it, and its probability.
    first, second
        Probabilities of the classes 0 and 1, which pjreddie's program prints.
    """

    index: int
    name: str
    class_id: int
    rank: int
    confidence: float
    best: int
    best_confidence: float
    first: float = 0.0
    second: float = 0.0


_ROW = np.dtype(
    [
        (name, np.float32 if name in ("confidence", "best_confidence", "first", "second") else np.int32)
        for name in Judged.__slots__
        if name != "name"
    ]
)


@dataclass(eq=False)
class TopKResult:
    """Accuracy of a classifier over a data set.

    Attributes
    ----------
    k
        How many classes may be named.
    labels
        What the classes are called.
    rows
        A row a picture, in order, with the fields of `Judged`.
    names
        Paths of the pictures as the list writes them.
    problems
        What is wrong with the data; a picture that cannot be read is left out.
    complete
        Whether all pictures were gone through; False after ``Ctrl-C``.
    dialect
        Whose lines `lines` gives.
    """

    k: int
    labels: Sequence[str]
    rows: NDArray[np.void]
    names: Sequence[str]
    problems: Sequence[Problem] = ()
    complete: bool = True
    dialect: str = "alexeyab"

    @property
    def count(self) -> int:
        """Number of the pictures that were classified."""
        return len(self.rows)

    @property
    def top1(self) -> float:
        """Share of the pictures whose class is the best one; NaN where there is no picture."""
        return self._share(1)

    @property
    def topk(self) -> float:
        """Share of the pictures whose class is among the `k` best."""
        return self._share(self.k)

    def interval(self, k: int = 1, *, share: float = 0.95, samples: int = 10_000, seed: int = 0) -> tuple[float, float]:
        """Bootstrap interval of the accuracy: how far other pictures of the same kind would move it.

        Parameters
        ----------
        k
            How many classes may be named.
        share
            Share of the resampled sets inside of the interval.
        samples
            How many sets are drawn, each as large as this one, with repetition.
        seed
            Of the random numbers.

        Returns
        -------
        (float, float)
            The lowest and the highest accuracy; NaN where there is no picture.
        """
        if not self.count:
            return float("nan"), float("nan")
        # the hits in a set drawn with repetition from hits and misses have a binomial distribution
        drawn = np.random.default_rng(seed).binomial(self.count, self._share(k), samples) / self.count
        low, high = np.quantile(drawn, [(1 - share) / 2, (1 + share) / 2])
        return float(low), float(high)

    @property
    def confusion(self) -> NDArray[np.int64]:
        """(classes + 1, classes): pictures by their class and the best one; the last row is of those without class."""
        classes = len(self.labels)
        table = np.zeros((classes + 1, classes), np.int64)
        np.add.at(table, (self.rows["class_id"], self.rows["best"]), 1)  # class -1 is the last row
        return table

    @property
    def class_accuracy(self) -> NDArray[np.float64]:
        """(classes,): share of a class's pictures for which it is the best one; NaN for a class without pictures."""
        known = self.rows[self.rows["class_id"] >= 0]
        there = np.bincount(known["class_id"], minlength=len(self.labels))
        right = np.bincount(known["class_id"][known["rank"] == 0], minlength=len(self.labels))
        shares = np.full(len(self.labels), np.nan)
        np.divide(right, there, out=shares, where=there > 0)
        return shares

    def confusions(self, most: int = 10) -> list[tuple[str, str, int]]:
        """Return the most frequent mistakes: the class, what it is taken for, and how often."""
        wrong = self.rows[(self.rows["class_id"] >= 0) & (self.rows["rank"] != 0)]
        pairs, counts = np.unique(np.stack([wrong["class_id"], wrong["best"]]), axis=1, return_counts=True)
        order = np.argsort(-counts, kind="stable")[:most]
        names = fill_names(self.labels, len(self.labels))
        return [(names[pairs[0, i]], names[pairs[1, i]], int(counts[i])) for i in order]

    def worst(self, most: int = 10) -> list[Judged]:
        """Return the wrong pictures, those first whose class got the lowest probability."""
        wrong = np.flatnonzero(self.rows["rank"] != 0)
        order = np.lexsort((-self.rows["best_confidence"][wrong], self.rows["confidence"][wrong]))
        return [self[int(i)] for i in wrong[order[:most]]]

    def lines(self) -> Iterator[str]:
        """Yield what darknet prints, with the accuracy until then: in dialect pjreddie two lines a picture."""
        right1, right_k = np.cumsum(self._hit(1)), np.cumsum(self._hit(self.k))
        for i in range(self.count):
            if self.dialect == "pjreddie":
                one = self[i]
                yield f"{one.name}, {one.class_id}, {one.first:f}, {one.second:f}, "
            yield running_line(i, int(right1[i]), int(right_k[i]), self.k)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Judged:
        row = self.rows[index]
        values = {name: row[name].item() for name in _ROW.names or ()}
        return Judged(name=self.names[values["index"]], **values)

    def __iter__(self) -> Iterator[Judged]:
        return (self[index] for index in range(self.count))

    def __str__(self) -> str:
        """Return the last line that darknet prints."""
        right1, right_k = int(self._hit(1).sum()), int(self._hit(self.k).sum())
        return running_line(self.count - 1, right1, right_k, self.k) if self.count else "no picture was classified"

    def __repr__(self) -> str:
        low, high = self.interval()
        partial = "" if self.complete else ", partial"
        return (
            f"TopKResult(top1={self.top1:.4f} ({low:.4f} to {high:.4f}), top{self.k}={self.topk:.4f}, "
            f"count={self.count}{partial}, {len(self.problems)} problems)"
        )

    def to_json(self) -> str:
        """Return the figures as a JSON object; a figure that there is none of is null."""
        names = fill_names(self.labels, len(self.labels))
        known = np.bincount(self.rows["class_id"][self.rows["class_id"] >= 0], minlength=len(names))
        low, high = self.interval()
        return json.dumps(
            {
                "count": self.count,
                "complete": self.complete,
                "k": self.k,
                "top1": _or_none(self.top1),
                "topk": _or_none(self.topk),
                "top1_interval": [_or_none(low), _or_none(high)],
                "classes": [
                    {"name": name, "count": int(there), "top1": _or_none(float(share))}
                    for name, there, share in zip(names, known, self.class_accuracy, strict=True)
                ],
                "confusions": [
                    {"class": name, "taken_for": other, "count": count} for name, other, count in self.confusions(100)
                ],
                "problems": [{"file": one.file, "line": one.line, "text": one.text} for one in self.problems],
            },
            indent=1,
        )

    def to_csv(self) -> str:
        """Return a table with a line a picture."""
        names = fill_names(self.labels, len(self.labels))
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["path", "class_id", "label", "rank", "confidence", "best_id", "best", "best_confidence"])
        for one in self:
            label = names[one.class_id] if one.class_id >= 0 else ""
            row = [one.name, one.class_id, label, one.rank, f"{one.confidence:.6g}"]
            table.writerow([*row, one.best, names[one.best], f"{one.best_confidence:.6g}"])
        return text.getvalue()

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the accuracy of the classes and their confusions; see `top_k_plot.plot`."""
        from .top_k_plot import plot

        return plot(self, path)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file: ``.json`` `to_json`, ``.csv`` `to_csv`, ``.txt`` `lines`, any other a picture by `plot`."""
        suffix = Path(path).suffix.lower()
        if suffix == ".json":
            write_text(path, self.to_json() + "\n")
        elif suffix == ".csv":
            write_text(path, self.to_csv())
        elif suffix == ".txt":
            write_text(path, "".join(f"{line}\n" for line in self.lines()))
        else:
            self.plot(path)

    def _hit(self, k: int) -> NDArray[np.bool_]:
        return (self.rows["rank"] >= 0) & (self.rows["rank"] < k)

    def _share(self, k: int) -> float:
        return float(np.mean(self._hit(k))) if self.count else float("nan")


class Judgement:
    """Collects the rows of a `TopKResult`."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._rows: NDArray[np.void] = np.empty(256, _ROW)
        self._count = 0

    @property
    def rows(self) -> NDArray[np.void]:
        """What has been added."""
        return self._rows[: self._count]

    def add(self, index: int, matches: Sequence[int], scores: NDArray[np.float32]) -> Judged:
        """Judge the scores of a picture with the classes `matches`, of which the one counts that is found best."""
        order = np.argsort(-scores, kind="stable")
        ranks = {class_id: int(np.flatnonzero(order == class_id)[0]) for class_id in matches}
        class_id = min(ranks, key=lambda one: ranks[one], default=-1)
        one = Judged(
            index=index,
            name=self._names[index],
            class_id=class_id,
            rank=ranks.get(class_id, -1),
            confidence=float(scores[class_id]) if ranks else 0.0,
            best=int(order[0]),
            best_confidence=float(scores[order[0]]),
            first=float(scores[0]),
            second=float(scores[1]) if len(scores) > 1 else 0.0,
        )
        if self._count == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        self._rows[self._count] = tuple(getattr(one, name) for name in _ROW.names or ())
        self._count += 1
        return one


def running_line(number: int, right1: int, right_k: int, k: int) -> str:
    """Return darknet's line of picture `number`, after which so many were right; it divides in float32."""
    count = np.float32(number + 1)
    return f"{number}: top 1: {np.float32(right1) / count:f}, top {k}: {np.float32(right_k) / count:f}"


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value
