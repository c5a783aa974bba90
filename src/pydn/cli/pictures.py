"""Verbs that make a picture to look at: ``visualize``, ``imtest`` and its other name ``test``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from .. import pictures
from .._core import vision
from ..files import write_whole
from ..image import Pixels, eight_bits, read_image
from .common import open_network, show_window
from .options import Command, Flag, Options, UsageError
from .tools import layer_number

VISUALIZE = Command(
    "visualize",
    "CFG [WEIGHTS]",
    "Draws the filters of the convolutions in one picture: those of three channels in colour, of others a grey tile "
    "for every channel.",
    (
        Flag("out", "where to save the picture (default filters.png)", str, "FILE"),
        Flag("layer", "this layer only, with all its filters and channels", int, "N"),
        Flag("dont_show", "open no window"),
    ),
)
IMTEST = Command(
    "imtest",
    "IMAGE",
    "Previews the random colours of a training: an image, grey, with four strong distortions, and with random ones. "
    "Prints the image's norm, and hue, saturation and exposure of the random ones.",
    (
        Flag("out", "where to save the picture (default imtest.png)", str, "FILE"),
        Flag("hue", "as in the cfg (default 0.05)", float, "H"),
        Flag("saturation", "as in the cfg (default 1.15)", float, "S"),
        Flag("exposure", "as in the cfg (default 1.15)", float, "E"),
        Flag("count", "number of random ones (default 6)", int, "N"),
        Flag("seed", "others for every number", int, "N"),
        Flag("dont_show", "open no window"),
    ),
)
TEST = replace(IMTEST, verb="test", about=f"The same as imtest. {IMTEST.about}")


def visualize(options: Options) -> int:
    """Run ``visualize``."""
    net = open_network(options, options.words[0], options.word(1))
    given = options.integer("layer")
    if given is None:
        picture = pictures.filters(net)
    else:
        picture = pictures.filters(net, [layer_number(str(given), len(net.layers), VISUALIZE)], None)
    return _finish(options, picture, "filters.png")


def imtest(options: Options) -> int:
    """Run ``imtest``."""
    count, seed = options.integer("count"), options.integer("seed")
    if (count or 0) < 0 or (seed or 0) < 0:
        raise UsageError("-count and -seed must be 0 or more", IMTEST)
    for name in ("saturation", "exposure"):
        if _or(options.number(name), 1) < 1:
            raise UsageError(f"-{name} must be 1 or more, not {options.number(name)}", IMTEST)
    image = read_image(options.words[0])
    picture, factors = pictures.distortions(
        image,
        hue=_or(options.number("hue"), 0.05),
        saturation=_or(options.number("saturation"), 1.15),
        exposure=_or(options.number("exposure"), 1.15),
        count=6 if count is None else count,
        seed=seed or 0,
    )
    print(f"L2 Norm: {np.linalg.norm(vision.planar(eight_bits(image), 3, True)):f}")
    for row in factors:
        print("{:f} {:f} {:f}".format(*row))
    return _finish(options, picture, "imtest.png")


def _finish(options: Options, picture: Pixels, default: str) -> int:
    path = Path(options.text("out") or default)
    try:
        _, data = cv2.imencode(path.suffix or ".png", picture)
    except cv2.error:
        raise OSError(22, "OpenCV cannot write this kind of image: use .png or .jpg", str(path)) from None
    write_whole(path, data.tobytes())
    print(f"saved {path}")
    if not options.on("dont_show"):
        show_window(path.stem, picture)
    return 0


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


VERBS: tuple[tuple[Command, Callable[[Options], int]], ...] = ((VISUALIZE, visualize), (IMTEST, imtest), (TEST, imtest))
