"""``pydn classifier valid`` and its other forms: how often a classifier is right."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import numpy as np

from .. import progress
from ..datafile import DataFile
from ..evaluation.class_labels import By, ClassSet
from ..evaluation.classification import refuse_detector, valid
from ..evaluation.crops import Form
from ..evaluation.top_k import Judged, TopKResult, running_line
from ..network import Network
from .classifier import IGNORED, names_of
from .common import note, note_problems, open_network
from .options import Command, Flag, Options, UsageError

_FLAGS = (
    Flag("by", "where a picture's class stands: path (default) or folder", str, "WHERE"),
    Flag("out", "write the result as .json, .csv or, with a picture's suffix, as a figure", str, "FILE"),
    Flag("accuracy", "print the shares of the best and of the best five as MindSpore's scripts do, at the end"),
    Flag("strict", "end at the first thing that is wrong in the data"),
)
_ABOUT: dict[Form, str] = {
    "single": "Prints how often DATA's valid= pictures are given their class, looking at their middle.",
    "multi": "As classifier valid, with each picture in five sizes, and mirrored.",
    "10": "As classifier valid, with ten parts of each picture.",
    "crop": "As classifier valid, with pictures stretched to the network's size, and a line for every thousand.",
    "full": "As classifier valid, with each picture as a whole, in its own shape.",
}
_MORE = (
    " The class is the first of labels= that is in the picture's path; it counts as the best one, and as one of the "
    "best top=."
)


@dataclass(slots=True)
class _Lines:
    """Prints darknet's lines while pictures are judged."""

    k: int
    dialect: str
    count: int = 0
    right1: int = 0
    right_k: int = 0

    def __call__(self, one: Judged) -> None:
        self.right1 += one.rank == 0
        self.right_k += 0 <= one.rank < self.k
        progress.clear()
        if self.dialect == "pjreddie":
            print(f"{one.name}, {one.class_id}, {one.first:f}, {one.second:f}, ")
        print(running_line(self.count, self.right1, self.right_k, self.k), flush=True)
        self.count += 1


@dataclass(slots=True)
class _Parts:
    """Prints the line of a part of the pictures once it is done: the means over the parts."""

    k: int
    total: int
    shares: list[tuple[float, float]] = field(default_factory=list)
    ranks: list[int] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)

    def __call__(self, one: Judged) -> None:
        parts = max(1, self.total // 1000)
        while one.index >= (len(self.shares) + 1) * self.total // parts:
            self.end()
        self.ranks.append(one.rank)

    def end(self) -> None:
        """Print the line of the part."""
        ranks, count = np.array(self.ranks), len(self.ranks)
        if not count:
            return
        right = (ranks >= 0) & (ranks < self.k)
        self.shares.append((float((ranks == 0).mean()), float(right.mean())))
        top1, topk = np.mean(self.shares, axis=0)
        seconds, self.started = time.perf_counter() - self.started, time.perf_counter()
        progress.clear()
        print(f"Loaded: {count} images in 0.000000 seconds")
        print(
            f"{len(self.shares)}: top 1: {top1:f}, top {self.k}: {topk:f}, {seconds:f} seconds, {count} images",
            flush=True,
        )
        self.ranks = []


def _run(form: Form, options: Options) -> int:
    by = options.text("by")
    if by not in (None, "path", "folder"):
        raise UsageError(f"-by is path or folder, not {by!r}")
    data = DataFile.read(options.words[0]) if options.words[0].lower().endswith(".data") else None
    net = open_network(options, options.words[1], options.word(2), names=None if data is None else names_of(data))
    refuse_detector(net)
    pictures = ClassSet(
        options.words[0] if data is None else data,
        names=net.names,
        classes=net.class_count,
        by=cast("By | None", by),
        strict=options.on("strict"),
    )
    given = 5 if options.on("accuracy") else 1 if data is None else max(1, data.integer("top", 1))
    top = min(pictures.classes, given)
    if form == "single" and net.dialect == "alexeyab":
        print(" TOP calculation...")
    return _report(_judge(net, pictures, form, top), options)


def _judge(net: Network, pictures: ClassSet, form: Form, top: int) -> TopKResult:
    if form != "crop":
        return valid(net, pictures, top, form=form, notice=_Lines(top, net.dialect if form == "single" else "alexeyab"))
    parts = _Parts(top, len(pictures))
    result = valid(net, pictures, top, form=form, notice=parts)
    parts.end()
    return result


def _report(result: TopKResult, options: Options) -> int:
    """Say on stderr what darknet does not; return the exit status."""
    low, high = result.interval()
    note(
        f"{result.count} images, top 1: {result.top1:f} (95 % of resampled sets: {low:f} to {high:f}), "
        f"top {result.k}: {result.topk:f}"
    )
    if options.on("accuracy"):
        print(f"accuracy:  {{'top_1_accuracy': {result.top1!r}, 'top_{result.k}_accuracy': {result.topk!r}}}")
    note_problems(result.problems)
    out = options.text("out")
    if out is not None:
        result.save(out)
    return int(not result.complete or result.count < len(result.names))


def _command(form: Form) -> tuple[Command, Callable[[Options], int]]:
    verb = "classifier valid" + ("" if form == "single" else form)
    return Command(verb, "DATA CFG [WEIGHTS]", _ABOUT[form] + _MORE, _FLAGS, IGNORED), partial(_run, form)


VERBS: Sequence[tuple[Command, Callable[[Options], int]]] = tuple(_command(form) for form in _ABOUT)
