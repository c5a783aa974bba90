"""``pydn classifier test``, ``label``, ``csv``, ``fout`` of lists of images, and ``try`` of one layer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..batches import Fit, groups
from ..classification import Classification
from ..datafile import DataFile
from ..errors import UnsupportedError
from ..image import read_image
from ..network import Network
from ..preprocess import classifier_input, detector_input
from ..sources import image_paths, read_list
from ..tree import absolute
from .classifier import IGNORED, names_of
from .common import images_of, note, open_network, progress_of_rows
from .options import Command, Options
from .tools import layer_number

_LIST = (
    "LIST has a path a line, or is a folder, a pattern or an image; without it, DATA's test= counts, else its valid=."
)
_WORDS = "DATA CFG [WEIGHTS] [LIST]"

TEST = Command(
    "classifier test",
    _WORDS,
    f"Prints path and scores of images, with tabs between them. Images are stretched to the network's size. {_LIST}",
    ignored=IGNORED,
)
LABEL = Command(
    "classifier label",
    _WORDS,
    f"Prints the best label of each image, a line each; the line of an image that cannot be read is blank. {_LIST}",
    ignored=IGNORED,
)
CSV = Command(
    "classifier csv",
    _WORDS,
    f"Prints path and indices of the best classes, as many as DATA's top= says (1), with tabs. Images are letterboxed. "
    f"{_LIST}",
    ignored=IGNORED,
)
FOUT = Command(
    "classifier fout",
    _WORDS,
    f"Prints path and scores, as many as DATA's classes= (all), with tabs. Images are cut out of the middle. {_LIST}",
    ignored=IGNORED,
)
TRY = Command(
    "classifier try",
    "DATA CFG WEIGHTS IMAGE LAYER",
    "Prints a layer's batch norm (mean, variance, scale) and output, then the best classes. The image's shorter side "
    "is scaled to 256 of 224, its middle cut out and normalized with fixed means and deviations.",
    ignored=IGNORED,
)

_MEAN = np.array([0.48263312050943, 0.45230225481413, 0.40099074308742], np.float32)
_DEVIATION = np.array([0.22590347483426, 0.22120921437787, 0.22103996251583], np.float32)


def test(options: Options) -> int:
    """Run ``classifier test``."""
    net, _ = _open(options)

    def print_row(path: str, scores: NDArray[np.float32] | None) -> None:
        if scores is not None:
            print(path, *(f"{score:g}" for score in scores), sep="\t", flush=True)

    return _each(net, _list(options, "data/test.list"), detector_input, print_row)


def fout(options: Options) -> int:
    """Run ``classifier fout``."""
    net, data = _open(options)
    classes = data.integer("classes", net.class_count)

    def print_row(path: str, scores: NDArray[np.float32] | None) -> None:
        if scores is not None:
            shown = _of_tree(net, scores, leaves_only=False)[:classes]
            print(path, *(f"{score:g}" for score in shown), sep="\t", flush=True)

    return _each(net, _list(options, "data/test.list"), classifier_input, print_row)


def label(options: Options) -> int:
    """Run ``classifier label``."""
    net, data = _open(options)
    classes = data.integer("classes", net.class_count)

    def print_row(_: str, scores: NDArray[np.float32] | None) -> None:
        best = None if scores is None else Classification(scores[:classes], net.names[:classes], 1)
        print("" if best is None else best.label, flush=True)

    return _each(net, _list(options, "data/train.list"), classifier_input, print_row)


def csv(options: Options) -> int:
    """Run ``classifier csv``."""
    net, data = _open(options)
    top = max(1, data.integer("top", 1))

    def print_row(path: str, scores: NDArray[np.float32] | None) -> None:
        if scores is not None:
            best = Classification(_of_tree(net, scores, leaves_only=True), top=top)
            print(path, *best.class_id.tolist(), sep="\t", flush=True)

    return _each(net, _list(options, "data/test.list"), partial(detector_input, letterbox=True), print_row)


def try_layer(options: Options) -> int:
    """Run ``classifier try``."""
    data = DataFile.read(options.words[0])
    net = open_network(options, options.words[1], options.words[2], names=names_of(data), outputs="all")
    number = layer_number(options.words[4], len(net.layers), TRY)
    if net.channels != 3:
        raise UnsupportedError(
            f"try needs a network of 3 channels, this one has {net.channels}: use classifier predict"
        )
    top = max(1, data.integer("top", 1))

    def one(_: int, path: str) -> None:
        x = _normalized(net, path)
        start = time.perf_counter()
        scores = net.forward(x[None])[-1].reshape(-1)
        seconds = time.perf_counter() - start
        _print_layer(net, number)
        print(f"{path}: Predicted in {seconds:f} seconds.")
        for name, score in Classification(scores, net.names, top):
            print(f"{name}: {score:f}")

    return images_of(options.words[3]).each(one)


def _normalized(net: Network, path: str) -> NDArray[np.float32]:
    """Scale to 256 of 224 of the network's width, cut out the middle, rounded up, and normalize."""
    pixels = read_image(path)
    larger = max(net.width, net.height) * 256 // 224
    shape = pixels.shape[1], pixels.shape[0]
    scaled = tuple(max(1, side * larger // min(shape)) for side in shape)
    x = detector_input(pixels, *scaled)
    left, top = (scaled[0] - net.width + 1) // 2, (scaled[1] - net.height + 1) // 2
    x = x[:, top : top + net.height, left : left + net.width]
    deviation = _DEVIATION + np.float32(1e-6)
    return np.ascontiguousarray((x - _MEAN[:, None, None]) / deviation[:, None, None], dtype=np.float32)


def _print_layer(net: Network, number: int) -> None:
    layer = net.layers[number]
    if "rolling_mean" in layer.parameter_names:
        # darknet prints as many rows as the input has channels, whatever there are
        rows = zip(layer.rolling_mean, layer.rolling_variance, layer.scales, strict=True)
        for _, row in zip(range(layer.input_shape[1]), rows, strict=False):
            print("{:f} {:f} {:f}".format(*row))
    for value in layer.output.reshape(-1):
        print(f"{value:f}")


def _open(options: Options) -> tuple[Network, DataFile]:
    data = DataFile.read(options.words[0])
    return open_network(options, options.words[1], options.word(2), names=names_of(data)), data


def _list(options: Options, default: str) -> Sequence[str]:
    given = options.word(3)
    if given is None:
        data = DataFile.read(options.words[0])
        return read_list(data.file("valid" if "valid" in data and "test" not in data else "test", default))
    several = image_paths(given)
    if several is None:
        several = read_list(given) if given.lower().endswith(".list") else [given]
    return several


def _each(
    net: Network,
    paths: Sequence[str],
    resized: Callable[..., NDArray[np.float32]],
    print_row: Callable[[str, NDArray[np.float32] | None], None],
) -> int:
    """Print the row of every image; 1 if some could not be read, whose row has no scores."""
    if net.classes:
        raise UnsupportedError(f"the network ends in [{net.layers[-1].kind}], it is a detector: use detector test")
    fit: Fit = partial(resized, width=net.width, height=net.height, channels=net.channels)
    failed, start = 0, time.perf_counter()
    with progress_of_rows(paths, "images") as bar:
        for group in groups(paths, net.batch * net.steps, fit, rgb=False, errors="report"):
            good = [image.x for image in group if image.error is None]
            found = iter(net.forward(np.stack(good))[-1].reshape(len(good), -1) if good else ())
            for image in group:
                print_row(image.path, next(found) if image.error is None else None)
                failed += image.error is not None
            bar.advance(len(group))
    note(f"{time.perf_counter() - start:f} seconds, {len(paths) - failed} images, {len(paths)} total")
    return int(failed > 0)


def _of_tree(net: Network, scores: NDArray[np.float32], *, leaves_only: bool) -> NDArray[np.float32]:
    parents = net.class_parents
    return scores if parents is None else absolute(scores, parents, leaves_only=leaves_only)


VERBS: tuple[tuple[Command, Callable[[Options], int]], ...] = (
    (TEST, test),
    (LABEL, label),
    (CSV, csv),
    (FOUT, fout),
    (TRY, try_layer),
)
