"""``pydn segmenter``: networks that say of each pixel what it is of."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from .. import progress
from ..datafile import DataFile
from ..draw import class_color
from ..evaluation.segmentation import SegmentationResult, mask_of, segment, segmentation_of
from ..files import write_whole
from ..image import eight_bits, read_image
from ..masks import Mask
from ..names import read_names
from ..training.kinds import masked
from ..training.segmenting import MaskSet, planes_of
from .common import images_of, open_network, show_window
from .options import Command, Flag, Options
from .train import FLAGS, IGNORED, begin, follow, trainer

_THRESH = Flag("thresh", "lowest value of a pixel of a class (default 0.5)", float, "P")
_DISPLAY = {**IGNORED, "display": bool}
_WITHOUT_THRESH = {name: kind for name, kind in _DISPLAY.items() if name not in ("thresh", "dont_show")}
_MASKS = (
    "A picture of JPEGImages/ has its mask in SegmentationClass/, a PNG whose palette's numbers are 0 for background, "
    "255 for what is unknown, else the class from 1; one of images/ has it in mask/, as PNG or as text of runs. DATA "
    "may list the pictures or the masks."
)

TRAIN = Command(
    "segmenter train",
    "DATA CFG [WEIGHTS]",
    f"Trains a network that ends in [logistic] planes, one a class, on DATA's train= pictures. {_MASKS} A single plane "
    "is for all classes together. Weights go to backup=, after every epoch.",
    FLAGS,
    _DISPLAY,
)
TEST = Command(
    "segmenter test",
    "DATA CFG [WEIGHTS] [IMAGE]",
    "Finds the pixels of each class in an image. Writes prediction.png, whose values are 0 or the class from 1, and "
    "predictions.jpg, the image with the classes' colours.",
    (_THRESH, Flag("dont_show", "open no window")),
    _WITHOUT_THRESH,
)
MAP = Command(
    "segmenter map",
    "DATA CFG [WEIGHTS]",
    "Measures on DATA's valid= pictures how well the pixels of each class are found: intersection over union. "
    f"{_MASKS}",
    (_THRESH,),
    {**_WITHOUT_THRESH, "dont_show": bool},
)


def train(options: Options) -> int:
    """Run ``segmenter train``."""
    data = DataFile.read(options.words[0])
    net = begin(options, options.words[1], options.word(2), data, named=False)
    planes_of(net)
    return follow(net, trainer(net, data, options, classifier=True, images=masked, names="epochs"))


def _thresh(options: Options) -> float:
    given = options.number("thresh")
    return 0.5 if given is None else given


def test(options: Options) -> int:
    """Run ``segmenter test``."""
    net = open_network(options, options.words[1], options.word(2))
    planes_of(net)

    def one(_: int, path: str) -> None:
        image = eight_bits(read_image(path))
        start = time.perf_counter()
        mask = mask_of(segment(net, image), _thresh(options))
        print(f"{path}: Predicted in {time.perf_counter() - start:f} seconds.", flush=True)
        size = (image.shape[1], image.shape[0])
        mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)  # type: ignore[assignment]
        shown = _coloured(image, mask)
        write_whole("prediction.png", cv2.imencode(".png", mask)[1].tobytes())
        write_whole("predictions.jpg", cv2.imencode(".jpg", shown)[1].tobytes())
        if not options.on("dont_show"):
            show_window("predictions", shown)

    return images_of(options.word(3)).each(one)


def _coloured(image: Mask, mask: Mask) -> Mask:
    """Mix the classes' colours into an image."""
    out = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image.copy(), np.uint8)
    for class_id in range(int(mask.max())):
        there = mask == class_id + 1
        out[there] = (out[there] // 2 + [part // 2 for part in class_color(class_id)]).astype("uint8")
    return out


def map_verb(options: Options) -> int:
    """Run ``segmenter map``."""
    data = DataFile.read(options.words[0])
    net = open_network(options, options.words[1], options.word(2))
    planes_of(net)
    samples = MaskSet(data, "valid")
    print(f"validate {len(samples)} images")
    print(f"{_thresh(options):f} threshold", flush=True)

    def running(result: SegmentationResult) -> None:
        progress.clear()
        print(f"{100 * result.mean_iou:.2f}mAP", flush=True)

    names = read_names(data.file("names")) if "names" in data else []
    print(segmentation_of(net, samples, _thresh(options), names, running))
    return 0


VERBS: Sequence[tuple[Command, Callable[[Options], int]]] = ((TRAIN, train), (TEST, test), (MAP, map_verb))
