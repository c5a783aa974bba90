"""``pydn classifier …``."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..classification import Classification
from ..datafile import DataFile
from ..errors import Error
from ..image import read_image
from ..names import read_names
from .common import describe, image_paths, note, open_network
from .options import Command, Flag, Options, UsageError

PREDICT = Command(
    "classifier predict",
    "DATA CFG [WEIGHTS] [IMAGE]",
    "Prints the best classes of an image. Without IMAGE, paths are read from the input.",
    (Flag("t", "how many classes (default: top= of DATA, else 1)", int, "K"), Flag("dont_show", "open no window")),
    {"benchmark": bool, "benchmark_layers": bool, "cuda_debug_sync": bool, "dontuse_opencv": bool, "show_imgs": bool},
)


def predict(options: Options) -> int:
    """Run ``classifier predict``; returns 1 if an image that was asked for on the input could not be read."""
    top = options.integer("t")
    if top is not None and top < 0:
        raise UsageError(f"-t must be 1 or more, not {top}", PREDICT)
    data = DataFile.read(options.words[0])
    key = "names" if "names" in data else "labels"
    names = read_names(data.file(key)) if key in data else None
    net = open_network(options, options.words[1], options.word(2), names=names)
    failed = False
    for path in image_paths(options.word(3)):
        try:
            image = read_image(path)
            start = time.perf_counter()
            result = net.predict(image, top or max(1, data.integer("top", 1)))
        except (Error, OSError) as error:
            if options.word(3) is not None:
                raise
            note(f"pydn: {describe(error)}")
            failed = True
            continue
        if net.dialect == "alexeyab":
            print(f"{path}: Predicted in {1000 * (time.perf_counter() - start):f} milli-seconds.")
        print(text(result, net.dialect, net.class_parents, net.names), flush=True)
    return int(failed)


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
