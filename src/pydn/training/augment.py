"""Images for training detectors: AlexeyAB's augmentation and pjreddie's."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from .._core import vision
from ..errors import CfgError, UnsupportedError
from ..image import DeepPixels, Pixels, eight_bits
from ..preprocess import Dialect, detector_input, letterbox_place
from .colors import blurred, blurred_background, noisy, random_colors, recolored
from .loader import Loaded, Make, opencv_trouble
from .mosaic import TILES, Cut, blend, put_tile, tile_boxes, tile_source, to_corner
from .randomness import generator
from .sampling import Chosen, ImagesOf, Order, Report, SizeOf, Stream, read_or_replace
from .views import Boxes, Placing, View, cut_boxes, random_placing, random_view, usable

if TYPE_CHECKING:
    from ..evaluation.truth import Truth
    from ..network import Network

_log = logging.getLogger("pydn")
_OBJECTS = 1000
"""Of a picture that are told apart without tracks in the labels."""
_HEADS = ("yolo", "Gaussian_yolo", "region", "detection")


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorAugmentation:
    """What the cfg says about the images that a detector is trained with; named as its keys.

    `of` reads them from a network. `max`: boxes of an image; what is more is left out, by chance. `tracks`: boxes carry
    the numbers of the objects they show.
    """

    channels: int = 3
    dialect: Dialect = "alexeyab"
    max: int = 200
    jitter: float = 0.2
    resize: float = 1.0
    hue: float = 0.0
    saturation: float = 1.0
    exposure: float = 1.0
    flip: bool = True
    letter_box: bool = False
    mosaic: bool = False
    mosaic_bound: bool = False
    mixup: bool = False
    blur: int = 0
    gaussian_noise: float = 0.0
    contrastive: bool = False
    contrastive_jit_flip: bool = False
    contrastive_color: bool = False
    tracks: bool = False

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise UnsupportedError(
                f"the network reads {self.channels} channels, which a picture does not have: train it with arrays"
            )
        if self.mosaic and self.letter_box:
            raise CfgError("mosaic=1 and letter_box=1 exclude each other: remove one", section="net", key="mosaic")

    @classmethod
    def of(cls, net: Network) -> DetectorAugmentation:
        """Read the keys of ``[net]`` and of the last head.

        Raises
        ------
        CfgError
            If mosaic=1 and letter_box=1 are both there.
        UnsupportedError
            If the network has no detection head, or does not read pictures.
        """
        heads = [layer.index for layer in net.layers if layer.kind in _HEADS]
        if not heads:
            raise UnsupportedError("the network has no layer that finds objects: it trains as a classifier")
        head, keys = net.facts(heads[-1]), net.facts(-1)
        common = {name: float(keys[name]) for name in ("hue", "saturation", "exposure")}
        sizes = {"max": int(head.get("max", 200)), "jitter": float(head.get("jitter", 0.2)), "channels": net.channels}
        if net.dialect == "pjreddie":
            return cls(dialect="pjreddie", **sizes, **common)  # type: ignore[arg-type]
        if keys["cutmix"]:
            _log.warning("cutmix=1 is for classifiers; a detector is trained without it")
        flags = ("flip", "letter_box", "mosaic", "mosaic_bound", "mixup")
        pairs = ("contrastive", "contrastive_jit_flip", "contrastive_color")
        return cls(
            **sizes,  # type: ignore[arg-type]
            **common,  # type: ignore[arg-type]
            **{name: bool(keys[name]) for name in flags + pairs},  # type: ignore[arg-type]
            tracks=any(layer.kind == "contrastive" for layer in net.layers),
            resize=float(head.get("resize", 1)),
            blur=int(keys["blur"]),
            gaussian_noise=float(keys["gaussian_noise"]),
        )

    @property
    def plain(self) -> bool:
        """Nothing but flips is asked for: images are made as for detection, to the bit."""
        moved = self.jitter or self.resize != 1 or self.mosaic or self.mixup or self.dialect == "pjreddie"
        return not (moved or self.recolors or self.blur or self.gaussian_noise)

    @property
    def recolors(self) -> bool:
        """Whether colours change."""
        return (self.hue, self.saturation, self.exposure) != (0, 1, 1)


def detector_maker(
    samples: Sequence[Truth],
    augmentation: DetectorAugmentation,
    size_of: SizeOf,
    images: int | ImagesOf,
    seed: int = 0,
    report: Report | None = None,
    order: Chosen | None = None,
) -> Make:
    """Make images for training a detector, each from the seed, its iteration and its place in it alone.

    Parameters
    ----------
    samples
        Pictures with their boxes, a `TruthSet` for example; several threads ask for them.
    augmentation
        What to do.
    size_of
        The size of an iteration's images.
    images
        In an iteration, or in each of them.
    seed
        Of the run.
    report
        Is told of pictures that cannot be read, such as `TruthSet.report`; others take their places.
    order
        Which picture is shown when; None: every one once, then again, by chance.

    Returns
    -------
    callable
        For `Loader`. Without `report` it raises `DataError` and `OSError` where a picture cannot be read.
    """
    order = order or Order(len(samples), images, seed, 2 if augmentation.contrastive else 1)
    return _Maker(samples, augmentation, size_of, order, seed, report)


@dataclass(frozen=True, slots=True)
class _Maker:
    samples: Sequence[Truth]
    augmentation: DetectorAugmentation
    size_of: SizeOf
    order: Chosen
    seed: int
    report: Report | None

    def __call__(self, iteration: int, image: int) -> Loaded:
        return _Image(self, iteration, image).made(self.order(iteration, image))


class _Image:
    """The making of one image."""

    def __init__(self, maker: _Maker, iteration: int, image: int) -> None:
        self.samples, self.how, self.report = maker.samples, maker.augmentation, maker.report
        self.size = maker.size_of(iteration)
        self._place = (maker.seed, iteration)
        how, pair, leader = self.how, maker.order.pair(iteration, image), maker.order.leader(iteration, image)
        self._view_of = pair if not how.contrastive_jit_flip else leader
        self._color_of = pair if not how.contrastive_color else leader
        self._image, self._leader, self._later = image, leader, maker.order.later(iteration, image)
        self._pair = pair + image - leader
        self.mix = generator(*self._place, pair, Stream.MIX)

    def made(self, index: int) -> Loaded:
        """Return the image with its boxes."""
        how = self.how
        first, picture = self._read(index, 0)
        try:
            if how.plain:
                return Loaded(*self._plain(self._boxes(first, 0), picture), first.path)
            mixed = bool((how.mosaic or how.mixup) and self.mix.integers(2))
            if mixed and how.mosaic:
                pixels, boxes = self._mosaic(first, picture)
            else:
                pixels, boxes, _ = self._one(first, picture, 0)
            if mixed and not how.mosaic:
                other, more, _ = self._one(*self._another(1), 1)
                pixels, boxes = blend(pixels, other), np.vstack([boxes, more])
        except cv2.error as error:
            raise opencv_trouble(error, first.path) from None
        return Loaded(np.asarray(vision.planar(pixels, how.channels, True)), boxes[: how.max], first.path)

    def _read(self, index: int, number: int) -> tuple[Truth, Pixels | DeepPixels]:
        found, picture = read_or_replace(
            index,
            len(self.samples),
            lambda k: self.samples[k].path,
            lambda: generator(*self._place, self._image, Stream.SPARE + number),
            self.report,
        )
        return self.samples[found], picture

    def _another(self, number: int) -> tuple[Truth, Pixels | DeepPixels]:
        count = len(self.samples)
        return self._read((int(self.mix.integers(count)) + self._later) % count, number)

    def _boxes(self, sample: Truth, number: int) -> Boxes:
        """Boxes of a picture, the first of the image or one that joins it."""
        boxes = numbered(sample, self._pair * TILES + number) if self.how.tracks else sample.boxes
        return usable(boxes)

    def _plain(self, boxes: Boxes, picture: Pixels | DeepPixels) -> tuple[NDArray[np.float32], Boxes]:
        (rows, columns), (width, height) = picture.shape[:2], self.size
        x = detector_input(picture, width, height, self.how.channels, letterbox=self.how.letter_box)
        rng = generator(*self._place, self._view_of, Stream.VIEW)
        flip = bool(self.how.flip and rng.integers(2))
        place = letterbox_place(columns, rows, width, height) if self.how.letter_box else (0, 0, width, height)
        corners = Placing(*place, flip=flip).boxes(boxes, self.size)
        boxes = self._shuffled(rng, cut_boxes(corners, width, height))
        return np.ascontiguousarray(x[:, :, ::-1]) if flip else x, boxes

    def _shuffled(self, rng: np.random.Generator, boxes: Boxes) -> Boxes:
        return rng.permutation(boxes)[: self.how.max]

    def _mosaic(self, first: Truth, picture: Pixels | DeepPixels) -> tuple[Pixels, Boxes]:
        cut = Cut.random(self.mix, *self.size)
        canvas: Pixels | None = None
        found = []
        for tile in range(TILES):
            sample, seen = self._another(tile) if tile else (first, picture)
            pixels, boxes, view = self._one(sample, seen, tile, tile)
            canvas = np.empty_like(pixels) if canvas is None else canvas
            assert isinstance(view, View)
            source = tile_source(view, (seen.shape[1], seen.shape[0]), cut, tile)
            put_tile(canvas, pixels, cut, tile, source)
            found.append(tile_boxes(boxes, cut, tile, source, bound=self.how.mosaic_bound))
        assert canvas is not None
        return canvas, np.vstack(found)

    def _one(
        self, sample: Truth, picture: Pixels | DeepPixels, number: int, tile: int | None = None
    ) -> tuple[Pixels, Boxes, View | Placing]:
        """Augment one picture: pixels and boxes, and how it is seen."""
        pixels = _eight_bits(picture, self.how.channels)
        rng = generator(*self._place, self._view_of, Stream.VIEW + number)
        view, corners = self._seen(rng, self._boxes(sample, number), (pixels.shape[1], pixels.shape[0]), tile)
        boxes = self._shuffled(rng, cut_boxes(corners, *self.size))
        return self._distorted(view.pixels(pixels, *self.size), boxes, number), boxes, view

    def _seen(
        self, rng: np.random.Generator, boxes: Boxes, picture: tuple[int, int], tile: int | None
    ) -> tuple[View | Placing, NDArray[np.float64]]:
        how = self.how
        if how.dialect == "pjreddie":
            placing = random_placing(rng, picture, self.size, jitter=how.jitter)
            return placing, placing.boxes(boxes, self.size)
        shape = self.size[0] / self.size[1] if how.letter_box else 0.0
        view = random_view(rng, picture, jitter=how.jitter, resize=how.resize, flip=how.flip, shape=shape)
        if tile is not None and rng.integers(2):
            view = to_corner(view, tile)
        return view, view.boxes(boxes, picture)

    def _distorted(self, pixels: Pixels, boxes: Boxes, number: int) -> Pixels:
        """Colours, blur, noise, in this order."""
        how = self.how
        if how.recolors:
            rng = generator(*self._place, self._color_of, Stream.COLORS + number)
            pixels = recolored(pixels, *random_colors(rng, how.hue, how.saturation, how.exposure))
        if how.blur or how.gaussian_noise:
            rng = generator(*self._place, self._leader, Stream.DETAIL + number)
            pixels = self._blurred(rng, pixels, boxes)
            if how.gaussian_noise and rng.integers(2):
                if self._leader != self._image:
                    rng = generator(*self._place, self._image, Stream.DETAIL + number)
                pixels = noisy(rng, pixels, how.gaussian_noise)
        return pixels

    def _blurred(self, rng: np.random.Generator, pixels: Pixels, boxes: Boxes) -> Pixels:
        choice = int(rng.integers(3)) if self.how.blur else 0
        kernel = (0, 1, self.how.blur)[choice]
        if kernel > 1:  # no object may vanish
            smallest = float((boxes[:, 3:5] * self.size).min()) if len(boxes) else 0.0
            kernel = min(kernel, int(smallest / 8))
        return blurred_background(pixels, boxes) if kernel == 1 else blurred(pixels, kernel)


def numbered(sample: Truth, place: int) -> Boxes:
    """Return (n, 6): boxes with tracks; those whose labels have none get numbers by the place of their picture."""
    own = place * _OBJECTS + np.arange(len(sample.boxes)) % _OBJECTS
    tracks = np.where(sample.tracks < 0, own, sample.tracks)
    return np.hstack([sample.boxes, tracks[:, None].astype(np.float32)])


def _eight_bits(pixels: Pixels | DeepPixels, channels: int) -> Pixels:
    pixels = eight_bits(pixels)
    if channels == 1 and pixels.ndim == 3:
        return cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)  # type: ignore[return-value]
    return pixels
