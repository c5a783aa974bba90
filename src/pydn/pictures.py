"""Pictures to look into a network and its training with: filters of layers, distortions of an image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import cv2
import numpy as np
from numpy.typing import NDArray

from ._core import vision
from .image import ImageLike, Pixels, eight_bits, read_image
from .lettering import lettering
from .network import Network

_PAPER = 255
_GAP = 4
_TITLE = 9
"""Height of the capitals of a title, in pixels."""
_WIDTH = 960
"""Of a picture of filters, in pixels; more where one filter is wider."""


def filters(net: Network, layers: Sequence[int] | None = None, most: int | None = 16) -> Pixels:
    """Draw the filters of convolutions, each scaled to the range of its own values.

    Filters of three channels are in colour, as they see; of others every channel is a grey tile, those of a filter
    in a row.

    Parameters
    ----------
    net
        The network.
    layers
        Indices of the layers; None: all with filters.
    most
        Draw as many filters of a layer, and channels of a filter, at the most; of those in colour the square of it.
        None: all.

    Returns
    -------
    numpy.ndarray
        H×W×3 uint8, BGR.

    Raises
    ------
    ValueError
        If a layer has no filters, or the network has none at all.
    """
    having = [layer.index for layer in net.layers if _has_filters(net, layer.index)]
    chosen = having if layers is None else list(layers)
    for index in chosen:
        if index not in having:
            raise ValueError(f"layer {index} has no filters: those with filters are {', '.join(map(str, having))}")
    if not chosen:
        raise ValueError("the network has no convolution whose filters could be drawn")
    parts = []
    for index in chosen:
        weights = net.weights[index, "weights"]
        count, channels, height, width = weights.shape
        title = f"layer {index}: {count} filters, {channels} channels, {width} x {height}"
        if most is not None and max(channels, count) > most and channels != 3:
            title += f" (up to {most} of each)"
        parts += [_title(title), _filters(weights, most)]
    return _below(parts)


def distortions(
    image: ImageLike,
    *,
    hue: float = 0.05,
    saturation: float = 1.15,
    exposure: float = 1.15,
    count: int = 6,
    seed: int = 0,
) -> tuple[Pixels, list[tuple[float, float, float]]]:
    """Draw what a training's random colours make of an image, beside the extremes and the grey image.

    Parameters
    ----------
    image
        Any form of an image.
    hue, saturation, exposure
        As in a cfg's ``[net]``: the hue moves by up to ±hue, the others are multiplied or divided by up to theirs.
    count
        Number of random ones.
    seed
        Others for every number.

    Returns
    -------
    numpy.ndarray
        H×W×3 uint8, BGR: all of them with their titles.
    list of (float, float, float)
        Hue, saturation and exposure of the random ones.

    Raises
    ------
    ValueError
        If `saturation` or `exposure` is below 1, or `count` negative.
    """
    if saturation < 1 or exposure < 1 or count < 0:
        raise ValueError("saturation and exposure must be 1 or more, count 0 or more")
    pixels = eight_bits(read_image(image))
    pixels = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR).astype(np.uint8) if pixels.ndim == 2 else pixels
    rng = np.random.default_rng(seed)
    drawn = list(islice(_random(rng, hue, saturation, exposure), count))
    fixed = [(0.1, 1.5, 1.5), (-0.1, 1 / 1.5, 1 / 1.5), (0.1, 1.5, 1 / 1.5), (0.1, 1 / 1.5, 1.5)]
    tiles: dict[str, Pixels] = {"original": pixels, "grey": _grey(pixels)}
    for number, factors in enumerate([*fixed, *drawn]):
        name = f"C{number + 1}" if number < len(fixed) else f"random {number + 1 - len(fixed)}"
        tiles["{}: {:+.2f} {:.2f} {:.2f}".format(name, *factors)] = distorted(pixels, *factors)
    return _sheet(tiles), drawn


def distorted(pixels: Pixels, hue: float, saturation: float, exposure: float) -> Pixels:
    """Move the hue, which is 0..1, and multiply saturation and value, as darknet does it in training."""
    planes = vision.planar_distort(np.array(vision.planar(pixels, 3, True)), hue, saturation, exposure)
    return np.ascontiguousarray(np.rint(planes[::-1].transpose(1, 2, 0) * 255).clip(0, 255).astype(np.uint8))


def _random(
    rng: np.random.Generator, hue: float, saturation: float, exposure: float
) -> Iterator[tuple[float, float, float]]:
    while True:
        factors = rng.uniform(1, (saturation, exposure)) ** rng.choice((-1, 1), 2)
        yield float(rng.uniform(-hue, hue)), float(factors[0]), float(factors[1])


def _grey(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), dtype=np.uint8)


def _has_filters(net: Network, index: int) -> bool:
    weights = net.weights.get((index, "weights"))
    return weights is not None and weights.ndim == 4


def _filters(weights: NDArray[np.float32], most: int | None) -> Pixels:
    _, channels, height, width = weights.shape
    colour = channels == 3
    scale = max(1, 40 // max(height, width)) if colour else max(1, min(24 // max(height, width), 8))
    rows = []
    for one in weights[: most * most if most is not None and colour else most]:
        least, span = float(one.min()), float(np.ptp(one))
        shown = np.rint(255 * (one - least) / (span if span > 1e-9 else 1)).astype(np.uint8)
        tiles = [shown[::-1].transpose(1, 2, 0)] if colour else [np.dstack([plane] * 3) for plane in shown[:most]]
        large = [tile.repeat(scale, 0).repeat(scale, 1) for tile in tiles]
        rows.append(_beside(large, 1))
    columns = max(1, (_WIDTH + _GAP) // (rows[0].shape[1] + _GAP))
    return _below(
        [_beside(rows[k : k + columns], _GAP) for k in range(0, len(rows), columns)], 1 if columns == 1 else _GAP
    )


def _sheet(tiles: Mapping[str, Pixels], columns: int = 4, width: int = 320) -> Pixels:
    """Lay titled pictures of one size out in rows."""
    parts = []
    for title, pixels in tiles.items():
        height = max(1, round(pixels.shape[0] * width / pixels.shape[1]))
        area = pixels.shape[1] > width
        small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA if area else cv2.INTER_NEAREST)
        parts.append(_below([_title(title), np.asarray(small, dtype=np.uint8)]))
    return _below([_beside(parts[k : k + columns], _GAP) for k in range(0, len(parts), columns)])


def _title(text: str) -> Pixels:
    mask = np.pad(lettering(text, _TITLE), 2)
    return np.dstack([_PAPER - mask] * 3)


def _beside(tiles: Sequence[Pixels], gap: int) -> Pixels:
    height, width = max(tile.shape[0] for tile in tiles), sum(tile.shape[1] + gap for tile in tiles) - gap
    paper = np.full((height, width, 3), _PAPER, np.uint8)
    left = 0
    for tile in tiles:
        paper[: tile.shape[0], left : left + tile.shape[1]] = tile
        left += tile.shape[1] + gap
    return paper


def _below(tiles: Sequence[Pixels], gap: int = _GAP) -> Pixels:
    return _beside([tile.transpose(1, 0, 2) for tile in tiles], gap).transpose(1, 0, 2).copy()
