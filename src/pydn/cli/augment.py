"""``pydn augment``: what a network sees in training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..datafile import DataFile
from ..detections import Detections
from ..draw import draw_detections
from ..evaluation.class_labels import ClassSet
from ..evaluation.truth import TruthSet
from ..formats import write_picture
from ..image import Pixels
from ..network import Network
from ..progress import Progress
from ..training.augment import DetectorAugmentation, detector_maker
from ..training.classifier_augment import ClassifierAugmentation, classifier_maker
from ..training.loader import Loaded, Loader, Make
from ..training.sampling import classifier_sizes, detector_sizes
from .common import dialect_of, note_problems, open_network
from .options import Command, Flag, Options, UsageError

AUGMENT = Command(
    "augment",
    "DATA CFG",
    "Saves what the network of CFG sees when it trains on DATA's train=. Boxes are drawn; of classifiers, the classes "
    "and their shares are printed.",
    (
        Flag("n", "number of images (default 16)", int, "N"),
        Flag("out", "where to save them (default augmented)", str, "FOLDER"),
        Flag("seed", "other images for every number", int, "N"),
    ),
)
_BATCH = 16


def augment(options: Options) -> int:
    """Run ``augment``."""
    count, seed = options.integer("n"), options.integer("seed") or 0
    count = 16 if count is None else count
    if count < 1 or seed < 0:
        raise UsageError("-n must be 1 or more, -seed 0 or more", AUGMENT)
    folder = Path(options.text("out") or "augmented")
    data = DataFile.read(options.words[0])
    net = open_network(options, options.words[1], None, data, quiet=True)
    images = min(count, _BATCH)
    if net.classes:
        truth = TruthSet(data, "train", dialect=dialect_of(options), classes=net.class_count)
        sizes = detector_sizes(net, seed)
        make: Make = detector_maker(truth, DetectorAugmentation.of(net), sizes, images, seed, truth.report)
    else:
        classes = ClassSet(data, names=net.names, classes=net.class_count, key="train")
        sizes, report = classifier_sizes(net, seed), classes.report
        make = classifier_maker(classes, ClassifierAugmentation.of(net), sizes, images, seed, report)
    folder.mkdir(parents=True, exist_ok=True)
    _save(net, make, images, count, folder)
    note_problems(truth.problems if net.classes else classes.problems)
    return 0


def _save(net: Network, make: Make, images: int, count: int, folder: Path) -> None:
    with Progress(count, "images") as bar, Loader(make, images) as loader:
        number = 0
        for batch in loader:
            for x, truth, path in zip(batch.x, batch.truth, batch.paths, strict=True):
                target = folder / f"aug_{number:04d}_{Path(path).stem}.png"
                write_picture(target, picture_of(net, Loaded(x, truth, path)))
                print(f"{target}: {_words(net, truth)}")
                bar.advance()
                number += 1
                if number == count:
                    return


def picture_of(net: Network, image: Loaded) -> Pixels:
    """Return an image for training as a picture, with its boxes if it has any."""
    values = np.rint(np.clip(image.x, 0, 1) * 255).astype(np.uint8)
    pixels = np.ascontiguousarray(values[::-1].transpose(1, 2, 0)) if len(values) == 3 else values[0]
    truth = np.asarray(image.truth)
    if truth.ndim != 2:
        return pixels
    height, width = pixels.shape[:2]
    half = truth[:, 3:5] / 2
    corners = np.hstack([truth[:, 1:3] - half, truth[:, 1:3] + half]) * (width, height, width, height)
    classes, ones = truth[:, 0].astype(np.int64), np.ones(len(truth), np.float32)
    labels = np.array([_name(net, class_id) for class_id in classes.tolist()], np.str_)
    return draw_detections(pixels, Detections(corners.astype(np.float32), ones, classes, ones, labels, (width, height)))


def _words(net: Network, truth: object) -> str:
    values = np.asarray(truth)
    if values.ndim == 2:
        return f"{len(values)} boxes"
    return ", ".join(
        f"{_name(net, k)} {values[k]:.2f}" for k in np.argsort(-values, kind="stable")[:4] if values[k] > 0
    )


def _name(net: Network, class_id: int) -> str:
    return net.names[class_id] if class_id < len(net.names) else f"class {class_id}"


VERBS: tuple[tuple[Command, Callable[[Options], int]], ...] = ((AUGMENT, augment),)
