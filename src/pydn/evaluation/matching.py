"""Which detections find an object: true, false, or not to be counted, for every overlap asked for."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .evidence import Doubles, Evidence, Indices, Mask
from .overlaps import Pairs, areas, overlapping
from .rules import Rules

AreaRange: TypeAlias = tuple[float, float]
"""Least and largest area in square pixels, both inside."""
ANY_SIZE: AreaRange = (0.0, float("inf"))


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """What became of the detections.

    Attributes
    ----------
    order
        Rows of `Found` from the best score to the worst; equal ones as they stand there.
    truth
        (ious, detections) int32: the object that a detection points at, -1: none.
    true, left_out
        (ious, detections) bool: it found the object; it does not count. The others are false.
    objects
        (classes,) objects that count.
    rank
        (detections,) place of each detection among those of its class and picture.
    """

    order: Indices
    truth: NDArray[np.int32]
    true: Mask
    left_out: Mask
    objects: NDArray[np.int64]
    rank: NDArray[np.int32]


def match(evidence: Evidence, rules: Rules, area: AreaRange = ANY_SIZE) -> Matches:
    """Match detections with objects.

    Parameters
    ----------
    evidence
        The boxes.
    rules
        How.
    area
        Objects outside do not count, nor do detections that find one of these, or that find nothing and are outside.
    """
    order = np.argsort(-evidence.found.score, kind="stable")
    rank = _ranks(evidence, order)
    pairs = overlapping(evidence, rules, least=float(thresholds(rules).min()), touching=rules.touching)
    if rules.limit is not None:
        pairs = pairs[rank[pairs.detection] < rules.limit]
    outside: Mask = np.zeros(len(evidence.objects), np.bool_)
    miss: Mask = np.zeros(len(evidence.found), np.bool_)
    if area != ANY_SIZE:
        mine, theirs = areas(evidence, rules)
        miss, outside = _beyond(mine, area), _beyond(theirs, area)
    ignored = outside | evidence.objects.difficult
    if rules.taken == "next":
        truth, left_out = _next_free(evidence, rules, pairs, rank, ignored)
        true = (truth >= 0) & ~left_out
    else:
        truth, true, left_out = _best_only(evidence, rules, pairs, order, ignored)
    left_out |= (truth < 0) & miss
    if rules.limit is not None:
        left_out |= rank >= rules.limit
    return Matches(order, truth, true, left_out, evidence.objects.counts(evidence.classes, ~outside), rank)


def _beyond(size: Doubles, area: AreaRange) -> Mask:
    return (size < area[0]) | (size > area[1])


def thresholds(rules: Rules) -> NDArray[np.float64]:
    """Return the overlaps asked for; like COCO's they stay below 1."""
    return np.minimum(np.array(rules.ious, np.float64), 1 - 1e-10)


def _ranks(evidence: Evidence, order: Indices) -> NDArray[np.int32]:
    """Return the place of each detection, by score, among those of its class and picture."""
    found = evidence.found
    key = (found.image * np.int64(evidence.classes) + found.class_id)[order]
    grouped = np.argsort(key, kind="stable")
    key = key[grouped]
    first = np.searchsorted(key, key, "left")
    rank = np.empty(len(found), np.int32)
    rank[order[grouped]] = np.arange(len(found)) - first
    return rank


def best_objects(pairs: Pairs, detections: int) -> NDArray[np.int32]:
    """Return the object that each detection overlaps most, the first of equals; -1 where none."""
    truth = np.full(detections, -1, np.int32)
    best = np.lexsort((pairs.truth, -pairs.iou, pairs.detection))
    rows = best[np.unique(pairs.detection[best], return_index=True)[1]]
    truth[pairs.detection[rows]] = pairs.truth[rows]
    return truth


def _best_only(
    evidence: Evidence, rules: Rules, pairs: Pairs, order: Indices, ignored: Mask
) -> tuple[NDArray[np.int32], Mask, Mask]:
    """Darknet and VOC: a detection points at the object that it fits best; the first one to do so has found it."""
    count = len(evidence.found)
    difficult = evidence.objects.difficult
    ignored = np.append(ignored, False)  # of no object, -1
    rows: list[tuple[NDArray[np.int32], Mask, Mask]] = []
    for least in rules.ious:
        fitting = pairs[pairs.iou >= least if rules.touching else pairs.iou > least]
        spared = np.zeros(count, np.bool_)
        if rules.difficult == "leftover":
            spare, fitting = fitting[difficult[fitting.truth]], fitting[~difficult[fitting.truth]]
            spared[spare.detection] = True
        truth = best_objects(fitting, count)
        out = ignored[truth] | (spared & (truth < 0))
        rows.append((truth, first_to_point(truth, order) & ~out, out))
    truths, true, left_out = (np.stack(column) for column in zip(*rows, strict=True))
    return truths, true, left_out


def first_to_point(truth: NDArray[np.int32], order: Indices) -> Mask:
    """Mark, of the detections that point at the same object, the first in `order`."""
    first = np.zeros(len(truth), np.bool_)
    pointing = order[truth[order] >= 0]
    first[pointing[np.unique(truth[pointing], return_index=True)[1]]] = True
    return first


def _next_free(
    evidence: Evidence, rules: Rules, pairs: Pairs, rank: NDArray[np.int32], ignored: Mask
) -> tuple[NDArray[np.int32], Mask]:
    """COCO: a detection takes the free object that it fits best; one that does not count only where there is no other.

    Detections of different classes and pictures do not touch each other: the best of all of them go first, then all
    that come second.
    """
    least = thresholds(rules)[:, None]
    shape = (len(rules.ious), len(evidence.found))
    truths, left_out = np.full(shape, -1, np.int32), np.zeros(shape, np.bool_)
    free = np.ones((len(rules.ious), len(evidence.objects)), np.bool_)
    crowd = evidence.objects.difficult
    turn = rank[pairs.detection]
    by_turn = np.argsort(turn, kind="stable")
    edges = np.flatnonzero(np.diff(turn[by_turn], prepend=-1, append=-1)) if len(turn) else np.empty(0, np.intp)
    for start, stop in itertools.pairwise(edges):
        part = pairs[by_turn[start:stop]]
        starts = np.flatnonzero(np.diff(part.detection, prepend=-1))
        segment = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(part.truth)))
        may = (free[:, part.truth] | crowd[part.truth]) & (part.iou >= least)
        counting = may & ~ignored[part.truth]
        some = np.logical_or.reduceat(counting, starts, axis=1)[:, segment]
        iou = np.where(np.where(some, counting, may), part.iou, -1.0)
        best = (iou >= 0) & (iou == np.maximum.reduceat(iou, starts, axis=1)[:, segment])
        last = np.maximum.reduceat(np.where(best, np.arange(len(part.truth)), -1), starts, axis=1)
        taken = np.where(last >= 0, part.truth[last], -1)
        detection = part.detection[starts]
        truths[:, detection] = taken
        row, which = np.nonzero(taken >= 0)
        free[row, taken[row, which]] = False
        left_out[row, detection[which]] = ignored[taken[row, which]]
    return truths, left_out
