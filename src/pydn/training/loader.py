"""Batches for training, made by threads ahead of the engine."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from types import TracebackType
from typing import Self, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .sampling import ImagesOf

Truth: TypeAlias = NDArray[np.float32] | int
"""Of an image: boxes (n, 5), a row of values, or a class."""
Truths: TypeAlias = list[NDArray[np.float32]] | NDArray[np.float32] | NDArray[np.int64]
"""Of a batch: a list of boxes, rows, or classes."""


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """One image for training.

    Attributes
    ----------
    x
        (channels, height, width) float32.
    truth
        (n, 5) boxes: class, centre x, centre y, width, height, relative to the image; or a row of values; or a class.
    path
        Of its picture.
    """

    x: NDArray[np.float32]
    truth: Truth
    path: str


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """The images of an iteration.

    Attributes
    ----------
    iteration
        Its number; 0 is the first.
    x
        (images, channels, height, width) float32.
    truth
        As `Session.step` takes it.
    paths
        Of the pictures.
    """

    iteration: int
    x: NDArray[np.float32]
    truth: Truths
    paths: tuple[str, ...]


Make: TypeAlias = Callable[[int, int], Loaded]
"""From an iteration and the place of an image in it to the image; it depends on nothing else."""


class Loader:
    """Batches without end, one after the other; a `with` statement or `close` ends their making.

    Parameters
    ----------
    make
        Makes an image. Threads call it for several images at once, in any order.
    images
        In a batch, or in each of them.
    first
        Iteration of the first batch.
    workers
        Threads. The batches are the same for every number of them.
    ahead
        Batches that are made while one is in use; what is in memory is limited by them.

    Attributes
    ----------
    waited
        Seconds that were spent on waiting for batches.

    Raises
    ------
    Error, OSError
        What `make` raises surfaces when its batch is asked for, that of the first image if there are several.
    """

    def __init__(self, make: Make, images: int | ImagesOf, first: int = 0, workers: int = 2, ahead: int = 2) -> None:
        if (not callable(images) and images < 1) or workers < 1 or ahead < 1 or first < 0:
            raise ValueError(f"{images} images, {workers} workers, {ahead} ahead: each must be 1 or more, first 0")
        self.waited = 0.0
        self._make, self._images, self._next, self._ahead = make, images, first, ahead
        self._coming: deque[_Coming] = deque()
        self._pool: ThreadPoolExecutor | None = ThreadPoolExecutor(workers, "pydn-training-data")

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        """Return the next batch, as soon as all of its images are there."""
        if self._pool is None:
            raise StopIteration
        began = perf_counter()
        self._fill(self._pool)
        try:
            batch = self._coming.popleft().batch()
        except CancelledError:  # it was closed in the meantime
            raise StopIteration from None
        if self._pool is not None:
            self._fill(self._pool)
        self.waited += perf_counter() - began
        return batch

    def _fill(self, pool: ThreadPoolExecutor) -> None:
        while len(self._coming) < self._ahead:
            images = self._images(self._next) if callable(self._images) else self._images
            self._coming.append(_Coming(pool, self._make, images, self._next))
            self._next += 1

    def close(self) -> None:
        """End the threads; images that are being made are finished, no other is begun."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            pool.shutdown(wait=True, cancel_futures=True)
            self._coming.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Coming:
    """A batch that is being made: the threads put their images into its array."""

    def __init__(self, pool: ThreadPoolExecutor, make: Make, images: int, iteration: int) -> None:
        self._make, self._images, self._iteration = make, images, iteration
        self._lock = threading.Lock()
        self._x: NDArray[np.float32] | None = None
        self._futures: list[Future[tuple[Truth, str]]] = [pool.submit(self._one, image) for image in range(images)]

    def batch(self) -> Batch:
        truths, paths = zip(*(future.result() for future in self._futures), strict=True)
        assert self._x is not None
        return Batch(self._iteration, self._x, _joined(truths), paths)

    def _one(self, image: int) -> tuple[Truth, str]:
        loaded = self._make(self._iteration, image)
        with self._lock:
            if self._x is None:
                self._x = np.empty((self._images, *loaded.x.shape), np.float32)
        if loaded.x.shape != self._x.shape[1:]:
            raise DataError(f"an image of {loaded.x.shape} in a batch of {self._x.shape[1:]}", file=loaded.path)
        self._x[image] = loaded.x
        return loaded.truth, loaded.path


def _joined(truths: tuple[Truth, ...]) -> Truths:
    if all(isinstance(truth, (int, np.integer)) for truth in truths):
        return np.array(truths, np.int64)
    arrays = [np.asarray(truth, np.float32) for truth in truths]
    return np.stack(arrays) if arrays[0].ndim == 1 else arrays


def opencv_trouble(error: cv2.error, path: str) -> DataError:
    """Return what to raise where OpenCV fails at a picture."""
    return DataError(f"the picture cannot be augmented: {error.err.strip()[:100]}", file=path)
