"""Sequences for recurrent networks: which picture is which frame, with ``track=1`` of ``[net]``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from .randomness import generator
from .sampling import ImagesOf, Stream
from .schedule import Schedule

LengthOf: TypeAlias = Callable[[int], int]
"""From an iteration (0 is the first) to the mini-batches that a sequence goes through."""


class SequentialOrder:
    """Which picture is image i of iteration k, where the images of a mini-batch are frames of sequences.

    A sequence begins anywhere in the list and takes every n-th picture of it, n from 1 to `speed`; after the last
    comes the first. Image i of a mini-batch is frame ``i // sequences`` of sequence ``i % sequences``, which is the
    order that recurrent layers read.

    Parameters
    ----------
    pictures
        How many there are, in the order of their time.
    sequences
        In a mini-batch, or in those of each iteration.
    steps
        Frames of a sequence in a mini-batch.
    length_of
        Mini-batches of the same sequences, which show one frame after the other.
    speed
        The largest distance between frames.
    seed
        Of the run.
    repeats
        How many sequences in a row are views of the same pictures.
    """

    def __init__(
        self,
        pictures: int,
        sequences: int | ImagesOf,
        steps: int,
        length_of: LengthOf,
        *,
        speed: int = 1,
        seed: int = 0,
        repeats: int = 1,
    ) -> None:
        if min(pictures, 1 if callable(sequences) else sequences, steps, repeats) < 1:
            raise ValueError(f"{pictures} pictures, {sequences} sequences, {steps} steps, {repeats} repeats: each >= 1")
        self.pictures, self.sequences, self.steps = pictures, sequences, steps
        self.length_of, self.speed, self.seed, self.repeats = length_of, max(1, speed), seed, repeats

    def __call__(self, iteration: int, image: int) -> int:
        """Index of the picture."""
        rng = self._choices(iteration, image)
        return (int(rng.integers(self.pictures)) + self._passed(rng, iteration, image)) % self.pictures

    def leader(self, iteration: int, image: int) -> int:
        """First frame of an image's sequence: all of them share its view."""
        sequences = self._sequences(iteration)
        length = sequences * self.steps * self.length_of(iteration)
        return image // length * length + image % sequences

    def pair(self, iteration: int, image: int) -> int:
        """First frame of the first sequence of the same pictures."""
        leader = self.leader(iteration, image)
        return leader - image % self._sequences(iteration) % self.repeats

    def later(self, iteration: int, image: int) -> int:
        """How many pictures after the first frame of its sequence an image is."""
        rng = self._choices(iteration, image)
        rng.integers(self.pictures)
        return self._passed(rng, iteration, image)

    def _sequences(self, iteration: int) -> int:
        return self.sequences(iteration) if callable(self.sequences) else self.sequences

    def _choices(self, iteration: int, image: int) -> np.random.Generator:
        return generator(self.seed, iteration, self.pair(iteration, image), Stream.SEQUENCE)

    def _passed(self, rng: np.random.Generator, iteration: int, image: int) -> int:
        frame = (image - self.leader(iteration, image)) // self._sequences(iteration)
        return frame * int(rng.integers(1, self.speed + 1))


def sequence_lengths(schedule: Schedule, subdivisions: int, sequential: int, scales: Sequence[float] = ()) -> LengthOf:
    """Say how many mini-batches sequences go through.

    Parameters
    ----------
    schedule
        With policy ``steps`` or ``sgdr``, each of its steps that is reached multiplies `sequential` by the number in
        its place in `scales`.
    subdivisions
        Mini-batches of an iteration.
    sequential
        ``sequential_subdivisions=``: groups of sequences in an iteration, at most as many as it has mini-batches.
    scales
        ``seq_scales=``.
    """

    def length(iteration: int) -> int:
        groups = min(sequential, subdivisions)
        if schedule.policy in ("steps", "sgdr"):
            for step, scale in zip(schedule.steps, scales, strict=False):
                if step > iteration + 1:
                    break
                groups = int(groups * scale)
        return subdivisions // min(max(groups, 1), subdivisions)

    return length


def sequences_of(
    facts: Mapping[str, Any], written: Mapping[str, Any], schedule: Schedule, subdivisions: int
) -> LengthOf:
    """Read `sequence_lengths` from the keys of ``[net]``.

    Parameters
    ----------
    facts, written
        Values of its keys; those that the cfg has.
    schedule
        Of the training.
    subdivisions
        Of the training, which may be others than the cfg's.
    """
    sequential = int(facts["sequential_subdivisions"]) if "sequential_subdivisions" in written else subdivisions
    scales = facts.get("seq_scales") or ()
    return sequence_lengths(
        schedule, subdivisions, sequential, [float(scale) for scale in np.atleast_1d(np.asarray(scales, float))]
    )
