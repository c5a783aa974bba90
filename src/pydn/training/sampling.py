"""What training looks at when: which picture, and at which size."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import Error
from ..image import DeepPixels, Pixels, read_image
from .randomness import generator

if TYPE_CHECKING:
    from ..network import Network

SizeOf: TypeAlias = Callable[[int], tuple[int, int]]
"""From an iteration (0 is the first) to the (width, height) of its images."""

ImagesOf: TypeAlias = Callable[[int], int]
"""From an iteration (0 is the first) to the number of its images, or to that of the sequences of a mini-batch."""

Report: TypeAlias = Callable[[int, Error | OSError], None]
"""Is told which picture could not be read, and why."""

_ATTEMPTS = 20
_EVERY = 10
"""Iterations between changes of the size."""
_EVERY_OF_CLASSIFIERS = 40


class Stream(IntEnum):
    """Kinds of random choices that the data needs; each has numbers of its own."""

    ORDER = 16
    SIZE = 17
    MIX = 18
    TEXT = 19
    """Where in a text its readers begin."""
    SEQUENCE = 20
    VIEW = 32
    """Of the first picture of an image; those of the pictures that join it follow."""
    COLORS = 48
    """Of the first picture of an image."""
    SPARE = 80
    """Of what is shown in place of a picture that cannot be read, the first of an image."""
    DETAIL = 64
    """Blur and noise of the first picture of an image."""


class Chosen(Protocol):
    """Which picture is image i of iteration k, and with which other images it shares what is random."""

    def __call__(self, iteration: int, image: int) -> int: ...
    def leader(self, iteration: int, image: int) -> int: ...
    def pair(self, iteration: int, image: int) -> int: ...
    def later(self, iteration: int, image: int) -> int: ...


class Order:
    """Which picture is image i of iteration k: all of them in random order, then all in another one.

    Parameters
    ----------
    pictures
        How many there are.
    images
        In an iteration, or in each of them.
    seed
        Of the run.
    repeats
        How many images in a row are views of the same picture.
    """

    def __init__(self, pictures: int, images: int | ImagesOf, seed: int = 0, repeats: int = 1) -> None:
        if min(pictures, 1 if callable(images) else images, repeats) < 1:
            raise ValueError(f"{pictures} pictures, {images} images, {repeats} repeats: each must be 1 or more")
        self.pictures, self.images, self.seed, self.repeats = pictures, images, seed, repeats
        self._lock = threading.Lock()
        self._orders: dict[int, NDArray[np.int64]] = {}
        self._sums = [0]

    def __call__(self, iteration: int, image: int) -> int:
        """Index of the picture."""
        epoch, place = divmod((self._before(iteration) + image) // self.repeats, self.pictures)
        return int(self._order(epoch)[place])

    def leader(self, iteration: int, image: int) -> int:
        """Image whose view an image shares: its own."""
        return image

    def pair(self, iteration: int, image: int) -> int:
        """First image of the same picture."""
        return image - image % self.repeats

    def later(self, iteration: int, image: int) -> int:
        """How many pictures after its leader's an image is: they do not follow each other."""
        return 0

    def _before(self, iteration: int) -> int:
        """Images of all iterations before this one."""
        if not callable(self.images):
            return iteration * self.images
        with self._lock:
            while len(self._sums) <= iteration:
                self._sums.append(self._sums[-1] + self.images(len(self._sums) - 1))
            return self._sums[iteration]

    def _order(self, epoch: int) -> NDArray[np.int64]:
        with self._lock:
            found = self._orders.get(epoch)
            if found is None:
                if len(self._orders) > 1:  # the images of two epochs are made side by side, not of more
                    del self._orders[min(self._orders)]
                found = self._orders[epoch] = generator(self.seed, epoch, 0, Stream.ORDER).permutation(self.pictures)
            return found


def read_or_replace(
    index: int, count: int, path_of: Callable[[int], str], rng: Callable[[], np.random.Generator], report: Report | None
) -> tuple[int, Pixels | DeepPixels]:
    """Read a picture; in place of one that cannot be read another one, if the failure may be reported.

    Parameters
    ----------
    index, count
        Number of the picture; how many there are.
    path_of
        From its number to its path.
    rng
        Chooses the others.
    report
        Takes number and failure; None: the failure is raised.

    Returns
    -------
    int, numpy.ndarray
        Number and pixels of the picture that was read.
    """
    spare: np.random.Generator | None = None
    for _ in range(_ATTEMPTS):
        try:
            return index, read_image(path_of(index))
        except (Error, OSError) as error:
            if report is None:
                raise
            report(index, error)
        spare = spare or rng()
        index = int(spare.integers(count))
    return index, read_image(path_of(index))


def scale_factor(rng: np.random.Generator, most: float) -> float:
    """Return a number from 1 to `most`, or one through it; `most` may be below 1 as well."""
    factor = rng.uniform(min(1.0, most), max(1.0, most))
    return float(factor if rng.integers(2) else 1 / factor)


def detector_sizes(net: Network, seed: int = 0, *, width: int = 0, height: int = 0) -> SizeOf:
    """Say at which sizes a detector trains, by ``random=`` of its last head.

    AlexeyAB multiplies or divides both sides by up to 1.4, or by the value of ``random=``, in steps of
    ``resize_step=``; the largest size is the first, to find out whether memory suffices, and that of the last 100
    iterations. pjreddie takes squares of 320 to 608, and 608 in the last 200.

    Parameters
    ----------
    net
        The network.
    seed
        Of the run.
    width, height
        Rather than the cfg's.
    """
    base = (width or net.width, height or net.height)
    amount = float(net.facts(net.head_layers[-1]).get("random", 0))
    if not amount:
        return lambda iteration: base
    facts = net.facts(-1)
    end = int(facts["max_batches"])
    if net.dialect == "pjreddie":

        def square(iteration: int) -> tuple[int, int]:
            rng = generator(seed, iteration // _EVERY, 0, Stream.SIZE)
            side = 608 if end and iteration + 200 > end else int(rng.integers(10, 20)) * 32
            return side, side

        return square
    factor, step = _factor(amount), int(facts["resize_step"])
    return lambda iteration: _around(base, factor, step, iteration, end, seed)


def grown_batches(net: Network, batch: int, size_of: SizeOf, *, width: int = 0, height: int = 0) -> ImagesOf | None:
    """Say how many images a mini-batch has with ``dynamic_minibatch=1``: more of them the smaller they are.

    As many as take the room of a mini-batch of the largest size, or four fifths of that where these are still more than
    `batch`, as in the reference. None: it is always `batch`.

    Parameters
    ----------
    net
        The network.
    batch
        Images of a mini-batch of the largest size.
    size_of
        The size of an iteration's images.
    width, height
        Rather than the cfg's.
    """
    amount = float(net.facts(net.head_layers[-1]).get("random", 0))
    facts = net.facts(-1)
    if net.dialect != "alexeyab" or not amount or not facts["dynamic_minibatch"]:
        return None
    most = _largest((width or net.width, height or net.height), _factor(amount), int(facts["resize_step"]))

    def grown(iteration: int) -> int:
        size = size_of(iteration)
        count = batch * most[0] * most[1] // (size[0] * size[1])
        less = int(count * 0.8)
        return less if less > batch else count

    return grown


def _factor(amount: float) -> float:
    """Return what ``random=`` multiplies or divides by at most."""
    return 1.4 if amount == 1 else amount


def _largest(base: tuple[int, int], factor: float, step: int) -> tuple[int, int]:
    return _stepped(base, max(factor, 1 / factor), step)


def _around(base: tuple[int, int], factor: float, step: int, iteration: int, end: int, seed: int) -> tuple[int, int]:
    if iteration < _EVERY or (end and iteration > end - 100):
        return _largest(base, factor, step)
    scale = scale_factor(generator(seed, iteration // _EVERY, 0, Stream.SIZE), factor)
    size = _stepped(base, scale, step)
    return base if scale < 1 and (size[0] > base[0] or size[1] > base[1]) else size


def _stepped(base: tuple[int, int], scale: float, step: int) -> tuple[int, int]:
    """Scale both sides; the reference adds a step before it rounds."""
    width, height = (max(step, int(scale * side / step + 1.5) * step) for side in base)
    return width, height


def classifier_sizes(net: Network, seed: int = 0) -> SizeOf:
    """Say at which sizes a classifier trains: squares of 128 to 448 with pjreddie's ``random=1`` of ``[net]``."""
    facts: dict[str, Any] = net.facts(-1)
    base = (net.width, net.height)
    if net.dialect != "pjreddie" or not facts["random"]:
        return lambda iteration: base

    def square(iteration: int) -> tuple[int, int]:
        rng = generator(seed, iteration // _EVERY_OF_CLASSIFIERS, 0, Stream.SIZE)
        side = int(rng.integers(4, 15)) * 32
        return side, side

    return square
