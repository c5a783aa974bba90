"""``pydn cifar``: small pictures with one class each, on data of a .data file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..evaluation.class_labels import ClassSet
from ..evaluation.streaming import stream
from ..names import read_names
from ..network import Network
from ..preprocess import detector_input
from .cards import card, data_flag
from .common import note, note_problems, open_network
from .options import Command, Flag, Options
from .train import FLAGS, IGNORED, begin, check_kind, follow, trainer

_CARD = "cfg/cifar.data"
_GROUP = 64
_SIDE = 32
_FOLDER = Path("data/cifar")
_BATCHES = {"train": "data_batch_[1-5].bin", "test": "test_batch.bin"}


def _train(options: Options) -> int:
    data = card(options, _CARD)
    net = begin(options, options.words[0], options.word(1), data, named=False)
    check_kind(net, options.words[0], classifier=True)
    return follow(net, trainer(net, data, options, classifier=True, names="epochs"))


def _open(options: Options, key: str) -> tuple[Network, ClassSet]:
    data = card(options, _CARD)
    net = open_network(options, options.words[0], options.word(1))
    check_kind(net, options.words[0], classifier=True)
    net.resize(0, 0, batch=_GROUP)
    return net, ClassSet(data, classes=net.class_count, key=key, strict=options.on("strict"))


def _outputs(net: Network, pictures: ClassSet, mirrored: bool = False) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield every picture's number and the network's output for it; `mirrored`: with that of its mirror image."""
    fit = partial(detector_input, width=net.width, height=net.height, channels=net.channels)
    paths = [listed.path for listed in pictures.listing]
    for group in stream(paths, _GROUP, fit, pictures.report, total=len(paths), label="pictures"):
        x = np.stack([ready.x for _, ready in group])
        found = net.forward(x)[-1].reshape(len(x), -1).copy()
        if mirrored:
            found += net.forward(np.ascontiguousarray(x[..., ::-1]))[-1].reshape(len(x), -1)
        yield from ((index, row) for (index, _), row in zip(group, found, strict=True))


def _test(options: Options) -> int:
    net, pictures = _open(options, "valid")
    start = time.perf_counter()
    right = [int(row.argmax()) == pictures.class_of(index) for index, row in _outputs(net, pictures)]
    print(f"top1: {np.mean(right):f}, {time.perf_counter() - start:f} seconds, {len(right)} images")
    note_problems(pictures.problems)
    return int(len(right) < len(pictures))


def _multi(options: Options) -> int:
    net, pictures = _open(options, "valid")
    right = count = 0
    for index, row in _outputs(net, pictures, mirrored=True):
        count += 1
        right += int(row.argmax()) == pictures.class_of(index)
        print(f"{count - 1:4d}: {100 * right / count:.2f}%", flush=True)
    note_problems(pictures.problems)
    return int(count < len(pictures))


def _csv(key: str, options: Options) -> int:
    net, pictures = _open(options, key)
    right = []
    for index, row in _outputs(net, pictures):
        right.append(int(row.argmax()) == pictures.class_of(index))
        print(",".join(f"{value:.9g}" for value in row.tolist()), flush=True)
    note(f"Accuracy: {np.mean(right):f}")
    note_problems(pictures.problems)
    return int(len(right) < len(pictures))


def _extract(options: Options) -> int:
    names = read_names(_FOLDER / "labels.txt")
    bad = next((name for name in names if not name or Path(name).name != name), None)
    if bad is not None:
        raise DataError(f"{bad!r} cannot be part of a file's name", file=str(_FOLDER / "labels.txt"))
    for part, pattern in _BATCHES.items():
        files = sorted((_FOLDER / "cifar-10-batches-bin").glob(pattern))
        if not files:
            raise FileNotFoundError(2, f"there is no {pattern}", str(_FOLDER / "cifar-10-batches-bin"))
        (_FOLDER / part).mkdir(exist_ok=True)
        paths = [path for file in files for path in _pictures(file, names, _FOLDER / part, 10000 * files.index(file))]
        (_FOLDER / f"{part}.list").write_text("".join(f"{path}\n" for path in paths))
        note(f"{len(paths)} pictures: {_FOLDER / part}.list")
    return 0


def _pictures(file: Path, names: Sequence[str], folder: Path, first: int) -> Iterator[str]:
    """Write the pictures of a file of CIFAR-10: a byte of the class, then three planes of 32x32."""
    data = np.fromfile(file, np.uint8)
    size = 1 + 3 * _SIDE * _SIDE
    if not len(data) or len(data) % size or data[::size].max() >= len(names):
        raise DataError(f"{len(data)} bytes: this is no file of {len(names)} classes of CIFAR-10", file=str(file))
    for number, row in enumerate(data.reshape(-1, size), first):
        path = folder / f"{number}_{names[row[0]]}.png"
        if not cv2.imwrite(str(path), row[1:].reshape(3, _SIDE, _SIDE)[::-1].transpose(1, 2, 0)):
            raise OSError(5, "the picture cannot be written", str(path))
        yield str(path)


_DATA = data_flag(_CARD)
_STRICT = Flag("strict", "end at the first thing that is wrong in the data")
_WORDS = "CFG [WEIGHTS]"


def _evaluating(verb: str, about: str, run: Callable[[Options], int]) -> tuple[Command, Callable[[Options], int]]:
    return Command(f"cifar {verb}", _WORDS, about, (_DATA, _STRICT), IGNORED), run


VERBS: Sequence[tuple[Command, Callable[[Options], int]]] = (
    (
        Command(
            "cifar train",
            _WORDS,
            f"Trains a classifier on the train= pictures of {_CARD}. Weights go to backup=, after every epoch.",
            (_DATA, Flag("topk", "measure accuracy on the valid= pictures while training"), *FLAGS),
            IGNORED,
        ),
        _train,
    ),
    _evaluating("test", "Prints how often the valid= pictures are given their class.", _test),
    _evaluating("multi", "As cifar test, with each picture and its mirror image, and a line for each.", _multi),
    _evaluating("csv", "Prints the network's outputs for the valid= pictures, a line each.", partial(_csv, "valid")),
    _evaluating("csvtrain", "Prints the network's outputs for the train= pictures.", partial(_csv, "train")),
    (
        Command(
            "cifar extract",
            "",
            "Writes the pictures of data/cifar/cifar-10-batches-bin to data/cifar/train and test, with a list of each. "
            "data/cifar/labels.txt has the names.",
        ),
        _extract,
    ),
)
