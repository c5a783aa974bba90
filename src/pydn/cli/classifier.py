"""``pydn classifier predict`` and ``pydn classify``."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..classification import Classification
from ..datafile import DataFile
from ..image import read_image
from ..names import read_names
from ..network import Network
from .common import images_of, note, open_network
from .options import Command, Flag, Options, UsageError

_IMAGENET = Path("cfg/imagenet1k.data")

IGNORED: dict[str, type[bool] | type[int] | type[float] | type[str]] = {
    "benchmark": bool,
    "benchmark_layers": bool,
    "c": int,
    "clear": bool,
    "cuda_debug_sync": bool,
    "dont_show": bool,
    "dontuse_opencv": bool,
    "mjpeg_port": int,
    "show_imgs": bool,
    "t": int,
    "topk": bool,
}
"""What darknet's classifier takes for every verb and uses for some."""

PREDICT = Command(
    "classifier predict",
    "DATA CFG [WEIGHTS] [IMAGE]",
    "Prints the best classes of an image. IMAGE may be a folder, a pattern or a .txt with a path a line; without it, "
    "paths are read from the input.",
    (Flag("t", "how many classes (default: top= of DATA, else 1)", int, "K"), Flag("dont_show", "open no window")),
    {name: kind for name, kind in IGNORED.items() if name not in ("t", "dont_show")},
)


CLASSIFY = Command(
    "classify", "CFG WEIGHTS IMAGE", f"Prints the best 5 classes of an image, with {_IMAGENET}.", ignored=IGNORED
)


def predict(options: Options) -> int:
    """Run ``classifier predict``; returns 1 if one of several images could not be read."""
    top = options.integer("t")
    if top is not None and top < 0:
        raise UsageError(f"-t must be 1 or more, not {top}", PREDICT)
    data = DataFile.read(options.words[0])
    net = open_network(options, options.words[1], options.word(2), names=names_of(data))
    return _predict(net, options.word(3), top or max(1, data.integer("top", 1)))


def classify(options: Options) -> int:
    """Run ``classify``."""
    cfg, weights, image = options.words
    data = DataFile.read(_IMAGENET) if _IMAGENET.is_file() else None
    net = open_network(options, cfg, weights, names=None if data is None else names_of(data))
    if data is None:
        note(f"there is no {_IMAGENET} to name the classes: classifier predict takes another .data file")
    return _predict(net, image, 5)


def names_of(data: DataFile) -> list[str] | None:
    """Return the names of a classifier's classes."""
    key = "names" if "names" in data else "labels"
    return read_names(data.file(key)) if key in data else None


def _predict(net: Network, word: str | None, top: int) -> int:
    def one(_: int, path: str) -> None:
        image = read_image(path)
        start = time.perf_counter()
        result = net.predict(image, top)
        if net.dialect == "alexeyab":
            print(f"{path}: Predicted in {1000 * (time.perf_counter() - start):f} milli-seconds.")
        print(text(result, net.dialect, net.class_parents, net.names), flush=True)

    return images_of(word).each(one)


def text(
    result: Classification,
    dialect: str = "alexeyab",
    parents: Sequence[int] | NDArray[np.int64] | None = None,
    names: Sequence[str] = (),
) -> str:
    """Return a line per class, as the dialect's program prints it; `parents` of a tree of classes."""
    if dialect == "pjreddie":
        return "\n".join(f"{100 * probability:5.2f}%: {label}" for label, probability in result)
    if parents is not None:
        above = [int(parents[class_id]) for class_id in result.class_id]
        return "\n".join(
            f"{class_id}, {label}: {probability:f}, parent: {names[parent] if parent >= 0 else 'Root'}"
            for class_id, parent, (label, probability) in zip(result.class_id, above, result, strict=True)
        )
    return "\n".join(f"{label}: {probability:f}" for label, probability in result)


VERBS: tuple[tuple[Command, Callable[[Options], int]], ...] = ((PREDICT, predict), (CLASSIFY, classify))
