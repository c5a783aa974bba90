"""Makers of images for the networks that are neither detectors nor plain classifiers; `trainer_of` takes them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ..evaluation.listing import DataSource
from .classifier_augment import ClassifierAugmentation, classifier_maker
from .loader import Make
from .number_labels import NumberSet
from .sampling import Order, classifier_sizes
from .segmenting import MaskSet, SegmentationMaker, planes_of
from .session import Session
from .task import refuse

if TYPE_CHECKING:
    from ..network import Network


def _numbered(
    tags: bool, net: Network, session: Session, data: DataSource, seed: int, strict: bool
) -> tuple[Make, int]:
    samples = NumberSet(data, net.class_count, tags=tags)
    refuse(samples.problems if strict else [])
    make = classifier_maker(
        samples,
        ClassifierAugmentation.of(net),
        classifier_sizes(net, seed),
        session.images,
        seed,
        None if strict else samples.report,
        samples.row,
    )
    return make, len(samples)


tagged = partial(_numbered, True)
"""Pictures with any number of tags."""

measured = partial(_numbered, False)
"""Pictures with the values that the network is to predict."""


def masked(net: Network, session: Session, data: DataSource, seed: int, strict: bool) -> tuple[Make, int]:
    """Make images of pictures with a class for each pixel."""
    planes, samples = planes_of(net), MaskSet(data)
    if strict:
        refuse(samples.check(planes[0]))
    order = Order(len(samples), session.images, seed)
    how = ClassifierAugmentation.of(net)
    return SegmentationMaker(samples, how, classifier_sizes(net, seed), planes, order, seed), len(samples)
