"""``pydn tag`` and ``pydn regressor``: networks that give a picture several tags, or predict values of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ..datafile import DataFile
from ..image import read_image
from ..names import read_names
from ..preprocess import detector_input
from ..training.kinds import measured, tagged
from .cards import card, data_flag
from .common import images_of, open_network
from .options import Command, Flag, Options
from .train import FLAGS, IGNORED, begin, check_kind, follow, trainer

_CARD = "cfg/tag.data"
_TAG_NAMES = Path("data/tags.txt")
_TOP = 10
_ABOUT_NUMBERS = "in a text beside the picture, or in labels/ in place of images/"

TAG_TRAIN = Command(
    "tag train",
    "CFG [WEIGHTS]",
    f"Trains a network that gives pictures tags, on the train= pictures of {_CARD}. The numbers of a picture's tags "
    f"stand {_ABOUT_NUMBERS}. Weights go to backup=, after every epoch.",
    (data_flag(_CARD), *FLAGS),
    IGNORED,
)
TAG_TEST = Command(
    "tag test",
    "CFG WEIGHTS [IMAGE]",
    f"Prints the {_TOP} likeliest tags of an image. Their names are in {_TAG_NAMES}, or names= of the .data file.",
    (Flag("data", "the .data file", str, "FILE"),),
    IGNORED,
)
REGRESSOR_TRAIN = Command(
    "regressor train",
    "DATA CFG [WEIGHTS]",
    f"Trains a network that predicts values, on DATA's train= pictures. The values stand {_ABOUT_NUMBERS}. Weights "
    "go to backup=, after every epoch.",
    FLAGS,
    IGNORED,
)
_PREDICTS = "Prints the values that a network predicts of an image."
REGRESSOR_TEST = Command("regressor test", "DATA CFG [WEIGHTS] [IMAGE]", _PREDICTS, (), IGNORED)
REGRESSOR_PREDICT = Command("regressor predict", "DATA CFG [WEIGHTS] [IMAGE]", _PREDICTS, (), IGNORED)


def tag_train(options: Options) -> int:
    """Run ``tag train``."""
    data = card(options, _CARD)
    net = begin(options, options.words[0], options.word(1), data, named=False)
    check_kind(net, options.words[0], classifier=True)
    return follow(net, trainer(net, data, options, classifier=True, images=tagged, names="epochs"))


def tag_test(options: Options) -> int:
    """Run ``tag test``."""
    given = options.text("data")
    data = None if given is None else DataFile.read(given)
    file = _TAG_NAMES if _TAG_NAMES.is_file() else None
    if data is not None and "names" in data:
        file = data.file("names")
    net = open_network(options, options.words[0], options.words[1], names=None if file is None else read_names(file))
    check_kind(net, options.words[0], classifier=True)

    def one(_: int, path: str) -> None:
        image = read_image(path)
        start = time.perf_counter()
        result = net.predict(image, min(_TOP, net.class_count))
        print(f"{path}: Predicted in {time.perf_counter() - start:f} seconds.")
        for label, probability in result:
            print(f"{100 * probability:.1f}%: {label}", flush=True)

    return images_of(options.word(2)).each(one)


def regressor_train(options: Options) -> int:
    """Run ``regressor train``."""
    data = DataFile.read(options.words[0])
    net = begin(options, options.words[1], options.word(2), data, named=False)
    check_kind(net, options.words[1], classifier=True)
    return follow(net, trainer(net, data, options, classifier=True, images=measured, names="epochs"))


def regressor_test(options: Options) -> int:
    """Run ``regressor test``."""
    net = open_network(options, options.words[1], options.word(2))
    check_kind(net, options.words[1], classifier=True)

    def one(_: int, path: str) -> None:
        image = read_image(path)
        start = time.perf_counter()
        x = detector_input(image, net.width, net.height, net.channels, letterbox=net.dialect == "pjreddie")
        values = net.forward(x[None])[-1].reshape(-1).tolist()
        print("Predicted: " + " ".join(f"{value:f}" for value in values))
        print(f"{path}: Predicted in {time.perf_counter() - start:f} seconds.", flush=True)

    return images_of(options.word(3)).each(one)


VERBS: Sequence[tuple[Command, Callable[[Options], int]]] = (
    (TAG_TRAIN, tag_train),
    (TAG_TEST, tag_test),
    (REGRESSOR_TRAIN, regressor_train),
    (REGRESSOR_TEST, regressor_test),
    (REGRESSOR_PREDICT, regressor_test),
)
