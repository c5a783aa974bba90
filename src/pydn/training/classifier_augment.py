"""Images for training classifiers: crops of random size, place, angle and aspect; mixtures of pictures."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from .._core import vision
from ..errors import UnsupportedError
from ..image import DeepPixels, Pixels, eight_bits
from ..preprocess import detector_input, short_side
from .colors import blurred, random_colors, recolored
from .loader import Loaded, Make, opencv_trouble
from .mosaic import TILES, Cut
from .randomness import generator
from .sampling import Chosen, ImagesOf, Order, Report, SizeOf, Stream, read_or_replace, scale_factor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..evaluation.listing import Listed
    from ..network import Network

_Planes = NDArray[np.float32]
_Row = NDArray[np.float32]

_CUTMIX = (0.3, 0.8)
"""Share of each side that cutmix replaces."""
_BLUR_KERNEL = 15


class Classified(Protocol):
    """Pictures and their classes, such as a `ClassSet`."""

    @property
    def listing(self) -> Sequence[Listed]: ...

    def matches(self, index: int) -> Sequence[int]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierAugmentation:
    """What the cfg says about the images that a classifier is trained with; named as its keys.

    `of` reads them from a network. `min_crop` and `max_crop` are shares of the larger side of the image, `angle` is in
    degrees, `outputs` the number of classes, `parents` those of a tree of classes, -1 for none.
    """

    channels: int = 3
    outputs: int = 2
    parents: tuple[int, ...] = ()
    min_crop: float = 1.0
    max_crop: float = 2.0
    center: bool = False
    overhang: bool = False
    angle: float = 0.0
    aspect: float = 1.0
    hue: float = 0.0
    saturation: float = 1.0
    exposure: float = 1.0
    flip: bool = True
    mixup: bool = False
    cutmix: bool = False
    mosaic: bool = False
    blur: int = 0
    label_smooth_eps: float = 0.0
    contrastive: bool = False

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise UnsupportedError(
                f"the network reads {self.channels} channels, which a picture does not have: train it with arrays"
            )

    @classmethod
    def of(cls, net: Network) -> ClassifierAugmentation:
        """Read the keys of ``[net]``.

        AlexeyAB has min_crop and max_crop in pixels of the cfg's width. pjreddie has the same as min_ratio and
        max_ratio, `center`, crops that may reach over the sides of the picture (`overhang`), and always flips.
        """
        keys, parents = net.facts(-1), net.class_parents
        theirs = net.dialect == "pjreddie"
        side = max(net.width, net.height)
        crops = [float(keys[name]) for name in ("min_crop", "max_crop")]
        if theirs:
            crops = [float(keys[name]) * net.width for name in ("min_ratio", "max_ratio")]
        names = ("angle", "aspect", "hue", "saturation", "exposure")
        return cls(
            channels=net.channels,
            outputs=net.class_count,
            parents=() if parents is None else tuple(parents.tolist()),
            min_crop=crops[0] / side,
            max_crop=crops[1] / side,
            center=theirs and bool(keys["center"]),
            overhang=theirs,
            **{name: float(keys[name]) for name in names},  # type: ignore[arg-type]
            flip=theirs or bool(keys["flip"]),
            **{name: not theirs and bool(keys[name]) for name in ("mixup", "cutmix", "mosaic", "contrastive")},
            blur=0 if theirs else int(keys["blur"]),
            label_smooth_eps=0.0 if theirs else float(keys["label_smooth_eps"]),
        )

    @property
    def recolors(self) -> bool:
        """Whether colours change."""
        return (self.hue, self.saturation, self.exposure) != (0, 1, 1)

    @property
    def plain(self) -> bool:
        """Nothing but a place and flips is chosen: pictures are scaled as for classification, to the bit."""
        scaled = self.angle or self.aspect != 1 or self.min_crop != self.max_crop
        return not self.recolors and (self.center or not scaled)


def classifier_maker(
    samples: Classified,
    augmentation: ClassifierAugmentation,
    size_of: SizeOf,
    images: int | ImagesOf,
    seed: int = 0,
    report: Report | None = None,
    row_of: Callable[[int], _Row] | None = None,
    order: Chosen | None = None,
) -> Make:
    """Make images for training a classifier, each from the seed, its iteration and its place in it alone.

    Parameters
    ----------
    samples
        A `ClassSet`. A picture whose path has several labels counts as all of them, as in darknet's training.
    augmentation
        What to do.
    size_of
        The size of an iteration's images.
    images
        In an iteration, or in each of them.
    seed
        Of the run.
    report
        Is told of pictures that cannot be read, such as `ClassSet.report`; others take their places.
    row_of
        The truth of a picture; None: what follows from its classes.
    order
        Which picture is shown when; None: every one once, then again, by chance.

    Returns
    -------
    callable
        For `Loader`; the truth is a row of a value a class. Without `report` it raises `DataError` and `OSError` where
        a picture cannot be read.
    """
    order = order or Order(len(samples.listing), images, seed, 2 if augmentation.contrastive else 1)
    return _Maker(samples, augmentation, size_of, order, seed, report, row_of, threading.Lock())


@dataclass(frozen=True, slots=True)
class _Maker:
    samples: Classified
    how: ClassifierAugmentation
    size_of: SizeOf
    order: Chosen
    seed: int
    report: Report | None
    row_of: Callable[[int], _Row] | None
    lock: threading.Lock

    def __call__(self, iteration: int, image: int) -> Loaded:
        index, count = self.order(iteration, image), len(self.samples.listing)
        leader, later = self.order.leader(iteration, image), self.order.later(iteration, image)
        mix = generator(self.seed, iteration, leader, Stream.MIX)
        mixes = self.how.mixup or self.how.cutmix or self.how.mosaic
        several = bool(mixes and mix.integers(2))
        kind = self._kind(mix)
        others = (TILES if kind == "mosaic" else 2) - 1 if several else 0
        indices = [index, *((int(mix.integers(count)) + later) % count for _ in range(others))]
        made = [self._one(one, iteration, image, number) for number, one in enumerate(indices)]
        parts, rows = [x for _, x in made], [self._row(one) for one, _ in made]
        x, row = mixed(mix, kind, parts, rows) if several else (parts[0], rows[0])
        rng = generator(self.seed, iteration, leader, Stream.DETAIL)
        if self.how.blur and rng.integers(4) == 0:
            kernel = _BLUR_KERNEL if self.how.blur == 1 else self.how.blur
            x = np.stack([np.asarray(blurred(plane, kernel)) for plane in x])
        return Loaded(x, row, self._path(made[0][0]))

    def _kind(self, mix: np.random.Generator) -> str:
        """Cutmix and mosaic go before mixup, and take turns."""
        if self.how.cutmix and self.how.mosaic:
            return ("cutmix", "mosaic")[int(mix.integers(2))]
        return "cutmix" if self.how.cutmix else "mosaic" if self.how.mosaic else "mixup"

    def _row(self, index: int) -> _Row:
        if self.row_of is not None:
            return self.row_of(index)
        with self.lock:
            classes = self.samples.matches(index)
        return truth_row(classes, self.how.outputs, self.how.label_smooth_eps, self.how.parents)

    def _path(self, index: int) -> str:
        return self.samples.listing[index].path

    def _one(self, wanted: int, iteration: int, image: int, number: int) -> tuple[int, _Planes]:
        """Index of a picture, and what is seen of it."""
        place, size = (self.seed, iteration, image), self.size_of(iteration)
        leader = self.order.leader(iteration, image)
        rng = generator(self.seed, iteration, leader, Stream.VIEW + number)
        index, picture = read_or_replace(
            wanted,
            len(self.samples.listing),
            self._path,
            lambda: generator(*place, Stream.SPARE + number),
            self.report,
        )
        try:
            x = _plain(rng, picture, size, self.how) if self.how.plain else _augmented(rng, picture, size, self.how)
        except cv2.error as error:
            raise opencv_trouble(error, self._path(index)) from None
        return index, np.ascontiguousarray(x[:, :, ::-1]) if self.how.flip and rng.integers(2) else x


def truth_row(classes: Sequence[int], outputs: int, smooth: float = 0.0, parents: Sequence[int] = ()) -> _Row:
    """Return the truth of a picture: 1 for its classes and what these are a kind of, 0 for the others.

    With `smooth`, its classes get 1 - smooth and the others share that number: in a tree those beside them, since
    groups in which a picture has no class say nothing.
    """
    tree = np.asarray(parents or np.full(outputs, -1))
    chosen = set()
    for one in classes:
        class_id = one
        while 0 <= class_id < outputs:
            chosen.add(class_id)
            class_id = int(tree[class_id])
    group_of = np.cumsum(np.diff(tree, prepend=tree[:1]) != 0)
    row = np.zeros(outputs, np.float32)
    for number in {int(group_of[class_id]) for class_id in chosen}:
        group = group_of == number
        row[group] = smooth / max(1, group.sum() - 1)
    row[list(chosen)] = 1 - smooth
    return row


def own_class(index: int, outputs: int) -> _Row:
    """Return the truth of a picture without labels: all pictures are of classes of their own, as far as these reach."""
    row = np.zeros(outputs, np.float32)
    row[index % outputs] = 1
    return row


def mixed(rng: np.random.Generator, kind: str, parts: list[_Planes], rows: list[_Row]) -> tuple[_Planes, _Row]:
    """Mix images and truths by ``"mixup"``, ``"cutmix"`` or ``"mosaic"``: truths by the share of the area."""
    height, width = parts[0].shape[1:]
    if kind == "mixup":
        half = np.float32(0.5)
        return half * (parts[0] + parts[1]), half * (rows[0] + rows[1])
    out = parts[0].copy()
    if kind == "cutmix":
        inner = [int(rng.integers(int(side * _CUTMIX[0]), int(side * _CUTMIX[1]) + 1)) for side in (width, height)]
        left, top = (
            int(rng.integers(0, max(1, side - part))) for side, part in zip((width, height), inner, strict=True)
        )
        areas = [(left, top, left + inner[0], top + inner[1])]
    else:
        cut = Cut.random(rng, width, height)
        areas = [cut.area(tile) for tile in range(1, TILES)]
    row, rest = np.zeros_like(rows[0]), 1.0
    for (left, top, right, bottom), part, truth in zip(areas, parts[1:], rows[1:], strict=True):
        out[:, top:bottom, left:right] = part[:, top:bottom, left:right]
        share = (right - left) * (bottom - top) / (width * height)
        row, rest = row + np.float32(share) * truth, rest - share
    return out, row + np.float32(rest) * rows[0]


def _plain(
    rng: np.random.Generator, picture: Pixels | DeepPixels, size: tuple[int, int], how: ClassifierAugmentation
) -> _Planes:
    """Scale the shorter side, and cut a square out at a random place or, with `center`, a square in the middle."""
    rows, columns = picture.shape[:2]
    side = max(size)
    if how.center:
        return detector_input(_central_square(picture), *size, how.channels)
    width, height = short_side(columns, rows, max(1, round(how.min_crop * side)))
    scaled = detector_input(picture, width, height, how.channels)
    left, top = (_place(rng, inner, side, how.overhang) for inner in (width, height))
    if (left, top, width, height) != (0, 0, side, side):
        scaled = np.asarray(vision.planar_crop(scaled, left, top, side, side))
    return scaled if size == (side, side) else np.asarray(vision.planar_resize(scaled, *size))


def _place(rng: np.random.Generator, inner: int, side: int, overhang: bool) -> int:
    """Where a crop begins: anywhere, and in the middle of what is smaller unless it may reach over the sides."""
    spare = inner - side
    chosen = rng.uniform(0, 1)
    return int(chosen * spare) if spare > 0 or overhang else int(spare / 2)


def _central_square(picture: Pixels | DeepPixels) -> Pixels | DeepPixels:
    rows, columns = picture.shape[:2]
    side = min(rows, columns)
    left, top = (columns - side) // 2, (rows - side) // 2
    return picture[top : top + side, left : left + side]


def _augmented(
    rng: np.random.Generator, picture: Pixels | DeepPixels, size: tuple[int, int], how: ClassifierAugmentation
) -> _Planes:
    pixels = eight_bits(picture)
    if how.channels == 1 and pixels.ndim == 3:
        pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)
    if how.center:
        seen = cv2.resize(_central_square(pixels), size, interpolation=cv2.INTER_LINEAR)
    else:
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        matrix = crop_matrix(rng, (pixels.shape[1], pixels.shape[0]), size, how)
        seen = cv2.warpAffine(pixels, matrix, size, flags=flags, borderMode=cv2.BORDER_CONSTANT)
    if how.recolors:
        seen = recolored(np.asarray(seen, np.uint8), *random_colors(rng, how.hue, how.saturation, how.exposure))
    return np.asarray(vision.planar(seen, how.channels, True))


def crop_matrix(
    rng: np.random.Generator, picture: tuple[int, int], size: tuple[int, int], how: ClassifierAugmentation
) -> NDArray[np.float64]:
    """Choose a crop: the 2×3 matrix from places in the image to places in the picture.

    The picture, whose aspect is changed by a factor of up to `aspect`, is scaled until its shorter side is `min_crop`
    to `max_crop` of the image's larger one, turned by up to `angle`, and cut at a place inside of it.
    """
    side = max(size)
    aspect = scale_factor(rng, how.aspect)
    wanted = rng.uniform(min(how.min_crop, how.max_crop), max(how.min_crop, how.max_crop)) * side
    scale = wanted / min(picture[1], picture[0] / aspect)
    angle = math.radians(rng.uniform(-how.angle, how.angle))
    spare = [(picture[0] * scale / aspect - side) / 2, (picture[1] * scale - side) / 2]
    if not how.overhang:
        spare = [max(0.0, one) for one in spare]
    shift = [rng.uniform(-abs(one), abs(one)) for one in spare]
    cos, sin = math.cos(angle), math.sin(angle)
    stretch = np.diag([side / size[0], side / size[1]])
    turn = np.array([[cos, -sin], [sin, cos]]) @ np.diag([aspect / scale, 1 / scale])
    matrix = turn @ stretch
    # the middle of the image shows the picture's middle, moved by the shift; pixels are places at their middle
    middle = np.array(picture) / 2 + turn @ shift
    return np.column_stack([matrix, middle - matrix @ (np.array(size) / 2 - 0.5) - 0.5])
