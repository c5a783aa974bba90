"""The loss on pictures that are not trained on, by the weights as they are used: no augmentation, no dropout.

Batch norm is folded into the weights first, so that it divides by the rolling statistics; a layer ``[batchnorm]`` of
its own cannot be folded and takes those of the mini-batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..cfgtext import sections, split_lines, with_values
from ..evaluation.class_labels import ClassSet
from ..evaluation.listing import DataSource
from ..evaluation.truth import TruthSet
from ..image import read_image
from ..preprocess import Dialect, classifier_input
from ..tools.normalization import denormalize
from .augment import DetectorAugmentation, detector_maker
from .classifier_augment import truth_row
from .loader import Batch, Loaded, Loader, Make

if TYPE_CHECKING:
    from ..network import Network

_WORKERS = 2


class ValidationLoss:
    """Mean loss of a network over the ``valid=`` pictures of a set, as training prints it.

    Parameters
    ----------
    data
        The set.
    labels
        Of a classifier, as for `Network.valid`.
    """

    def __init__(self, data: DataSource, labels: Any = None) -> None:
        self.data, self.labels = data, labels

    def __call__(self, net: Network) -> float:
        """Measure. The network's weights and state stay as they are."""
        make, count = self._maker(net)
        size = min(count, max(1, net.cfg_batch // net.plan.subdivisions))
        total = 0.0
        with _plain_copy(net) as plain:
            for first, images in ((0, size), (count - count % size, count % size)):
                many = count // size if images == size else 1
                if images:
                    total += sum(_losses(plain, _shifted(make, first), images, many))
        return total / count

    def _maker(self, net: Network) -> tuple[Make, int]:
        if net.classes:
            truths = TruthSet(self.data, "valid", dialect=cast(Dialect, net.dialect), classes=net.classes)
            boxes = _as_it_is(DetectorAugmentation.of(net))
            return detector_maker(truths, boxes, lambda _: (net.width, net.height), len(truths)), len(truths)
        classes = ClassSet(self.data, self.labels, names=net.names, classes=net.class_count)
        return _classified(net, classes), len(classes)


def _as_it_is(how: DetectorAugmentation) -> DetectorAugmentation:
    never: dict[str, Any] = dict.fromkeys(("flip", "mosaic", "mixup", "contrastive"), False)
    return replace(
        how, dialect="alexeyab", jitter=0.0, resize=1.0, hue=0.0, saturation=1.0, exposure=1.0, blur=0,
        gaussian_noise=0.0, **never,
    )  # fmt: skip


def _classified(net: Network, classes: ClassSet) -> Make:
    rows = [truth_row(classes.matches(index), net.class_count) for index in range(len(classes))]

    def make(iteration: int, image: int) -> Loaded:
        path = classes.listing[image].path
        x = classifier_input(read_image(path), net.width, net.height, net.channels, dialect=net.dialect)
        return Loaded(x, rows[image], path)

    return make


def _shifted(make: Make, first: int) -> Make:
    """Return the same maker with images numbered from `first` on."""
    return lambda iteration, image: make(0, first + image)


def _losses(net: Network, make: Make, size: int, batches: int) -> Iterator[float]:
    session = net.session(batch=size, subdivisions=1)

    def image(iteration: int, place: int) -> Loaded:
        return make(0, min(iteration, batches - 1) * size + place)  # the loader is ahead of what is used

    with Loader(image, size, workers=_WORKERS) as loader:
        for batch, _ in zip(loader, range(batches), strict=False):
            yield _loss(session, batch)


def _loss(session: Any, batch: Batch) -> float:
    network = session.network
    network.set_clock(seen=network.seen)
    network.forward(np.ascontiguousarray(batch.x))
    return float(network.loss(session.rows(batch.truth)))


def _plain_copy(net: Network) -> Network:
    """Return the same network with batch norm folded away, nothing dropped and nothing raised."""
    from ..network import Network as Made

    text, weights = denormalize(net.plan.text, net.weights, files=net.plan.files)
    found = sections(split_lines(text))
    dropped = [(index, "probability", 0) for index, section in enumerate(found) if section.kind == "dropout"]
    dropped += [
        (index, key, 0) for index, section in enumerate(found) if (key := "assisted_excitation") in section.options
    ]
    copied = Made(
        with_values(text, dropped),
        weights.tobytes(),
        device=net.device,
        dialect=net.dialect,
        files=net.plan.files,
        isa=net.isa,
        width=net.width,
        height=net.height,
    )
    copied.seen = net.seen
    return copied
