"""Many images into a network's input: decoded and resized ahead in threads while the network computes."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from .errors import Error
from .image import DeepPixels, ImageLike, Pixels, read_image
from .sources import image_paths

Errors: TypeAlias = Literal["raise", "report"]
Fit: TypeAlias = Callable[[Pixels | DeepPixels], NDArray[np.float32]]
"""From an image to the network's input."""

_log = logging.getLogger("pydn")
_NOTHING = np.empty((0, 0, 0), np.float32)
_THREADS = max(1, min(4, os.cpu_count() or 1))


@dataclass(frozen=True, slots=True)
class Ready:
    """An image as the network takes it, or why there is none.

    Attributes
    ----------
    x
        (channels, height, width) float32; empty where the image could not be read.
    size
        (width, height) of the image.
    path
        Where it came from; "" where it was no file.
    error
        Why it could not be read.
    """

    x: NDArray[np.float32]
    size: tuple[int, int] = (0, 0)
    path: str = ""
    error: Error | OSError | None = None


_Result = TypeVar("_Result")
Run: TypeAlias = Callable[[Sequence["Ready"]], list[_Result]]
"""From images that could be read to their results."""


def make_ready(image: ImageLike, fit: Fit, *, rgb: bool = False) -> Ready:
    """Read one image and bring it to the network's size; raises what `read_image` and `fit` raise."""
    pixels = read_image(image, rgb=rgb, any_channels=True)
    return Ready(fit(pixels), (pixels.shape[1], pixels.shape[0]), _path(image))


def several(images: Iterable[ImageLike] | str | os.PathLike[str]) -> Iterable[ImageLike]:
    """Return the images of a folder, pattern or list; refuse a single image, which is not what was meant."""
    if isinstance(images, (str, os.PathLike)):
        paths = image_paths(images)
        if paths is not None:
            return paths
    one = isinstance(images, (str, os.PathLike, bytes, bytearray, memoryview))
    if one or (isinstance(images, np.ndarray) and (images.ndim < 3 or (images.ndim == 3 and images.shape[2] == 3))):
        raise TypeError("several images are expected here, as a list or an iterator: put the one image in a list")
    return images  # type: ignore[return-value]  # a path has been dealt with


def groups(
    images: Iterable[ImageLike], size: int, fit: Fit, *, rgb: bool, errors: Errors | Literal["keep"]
) -> Iterator[list[Ready]]:
    """Yield images ready for the network, in order, `size` at a time.

    While one group is in use, threads work on the next images: as many as the next group has or as there are
    threads, never more.

    Parameters
    ----------
    images
        They are asked for in the caller's thread only. An array from an iterator is dealt with before the next image
        is asked for, so that the iterator may use its memory again.
    size
        Images in a group; the last one may have fewer, and one that ends before an image that cannot be read.
    fit
        From an image to the network's input.
    rgb
        Arrays are in RGB order.
    errors
        ``"raise"``: raise what an image that cannot be read raises, after the images before it. ``"report"``: log it
        and put a `Ready` with the error in its place. ``"keep"``: the same without logging it. What `images` itself
        raises is raised in all of them.
    """
    with _Ahead(images, fit, rgb) as ahead:
        ahead.fill(size)
        while taken := ahead.take(size):
            ahead.fill(max(size, _THREADS))
            group: list[Ready] = []
            failed: Exception | None = None
            for name, image, future in taken:
                try:
                    group.append(future.result())
                except (Error, OSError) as error:
                    if errors == "raise":
                        failed = error
                        break
                    if errors == "report":
                        _log.warning("%s%s", "" if _path(image) and _path(image) in str(error) else f"{name}: ", error)
                    group.append(Ready(_NOTHING, path=_path(image), error=error))
            if group:
                yield group
            if failed is not None:
                raise failed
        if ahead.broken is not None:
            raise ahead.broken


def run_groups(
    taken: Iterator[list[Ready]], runs: Sequence[Run[_Result]]
) -> Iterator[tuple[list[Ready], Iterator[_Result]]]:
    """Yield groups in order, each with the results of its images that could be read.

    Several `runs` work at a time, each on a thread and a group of its own; no more groups are taken than there are of
    them.
    """
    if len(runs) == 1:
        for group in taken:
            yield group, iter(_run(runs[0], group))
        return
    idle: SimpleQueue[Run[_Result]] = SimpleQueue()
    for run in runs:
        idle.put(run)

    def work(group: list[Ready]) -> list[_Result]:
        run = idle.get()
        try:
            return _run(run, group)
        finally:
            idle.put(run)

    with ThreadPoolExecutor(len(runs), "pydn-networks") as pool:
        waiting: deque[tuple[list[Ready], Future[list[_Result]]]] = deque()
        broken: Exception | None = None
        more = True
        while more:
            fresh: list[Ready] | None = None
            try:
                fresh = next(taken, None)
            except Exception as error:  # raised after the results before it
                broken = error
            more = fresh is not None
            if fresh is not None:
                waiting.append((fresh, pool.submit(work, fresh)))
            while waiting and (not more or len(waiting) > len(runs)):
                first, future = waiting.popleft()
                yield first, iter(future.result())
        if broken is not None:
            raise broken


def _run(run: Run[_Result], group: Sequence[Ready]) -> list[_Result]:
    good = [image for image in group if image.error is None]
    return run(good) if good else []


class _Ahead:
    """Images that threads are working on, in order."""

    def __init__(self, images: Iterable[ImageLike], fit: Fit, rgb: bool) -> None:
        self.broken: Exception | None = None
        """What the iterator raised; there are no images after it."""
        self._fit, self._rgb = fit, rgb
        self._numbered = enumerate(iter(images), 1)
        self._may_change = isinstance(images, Iterator)
        self._waiting: deque[tuple[str, ImageLike, Future[Ready]]] = deque()
        self._pool = ThreadPoolExecutor(_THREADS, "pydn-images")

    def __enter__(self) -> _Ahead:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def fill(self, count: int) -> None:
        """Ask for images until `count` wait or there are no more."""
        while len(self._waiting) < count and self.broken is None:
            try:
                number, image = next(self._numbered)
            except StopIteration:
                return
            except Exception as error:
                self.broken = error
                return
            self._waiting.append((_path(image) or f"image {number}", image, self._start(image)))

    def take(self, count: int) -> list[tuple[str, ImageLike, Future[Ready]]]:
        """Take the next images out, fewer than `count` where there are no more."""
        return [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]

    def _start(self, image: ImageLike) -> Future[Ready]:
        if not (self._may_change and isinstance(image, np.ndarray)):
            return self._pool.submit(make_ready, image, self._fit, rgb=self._rgb)
        future: Future[Ready] = Future()
        try:
            future.set_result(make_ready(image, self._fit, rgb=self._rgb))
        except (Error, OSError) as error:
            future.set_exception(error)
        return future


def _path(image: ImageLike) -> str:
    return os.fspath(image) if isinstance(image, (str, os.PathLike)) else ""
