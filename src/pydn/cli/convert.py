"""``pydn convert``: labels of other programs to darknet's, and back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

from .. import convert
from ..convert.voc import SHIFTS, Pixels
from .common import dialect_of, note_problems
from .options import Command, Flag, Options, UsageError

_NAMES = Flag("names", "the classes in order; without it, those that occur", str, "FILE")
_OUT = Flag("out", "folder for lists, names and .data (default darknet)", str, "FOLDER")
_PIXELS = Flag(
    "pixels",
    "what xmin … mean: darknet (default, as its voc_label.py), inclusive (as VOC) or corners (as labelImg)",
    str,
    "RULE",
    tuple(SHIFTS),
)
_KEY = Flag("list", "which list of DATA: train (default) or valid", str, "KEY", ("train", "valid"))
_WRITES = (
    "Writes a label file for every picture where darknet looks for it, lists, names and a .data file. What cannot be "
    "used is listed, and the exit status is then 1."
)

VOC = Command(
    "convert voc",
    "FOLDER",
    f"Converts Pascal VOC's XML files to darknet's labels. {_WRITES}",
    (
        _OUT,
        _NAMES,
        Flag("images", "folder of the pictures (default: JPEGImages, else that of the XML files)", str, "FOLDER"),
        Flag("train", "list of the pictures for training (default: ImageSets/Main/train.txt, else all)", str, "FILE"),
        Flag("valid", "list of those for testing (default: ImageSets/Main/val.txt)", str, "FILE"),
        Flag("difficult", "keep objects that are marked as difficult"),
        _PIXELS,
    ),
)
COCO = Command(
    "convert coco",
    "TRAIN.json [VALID.json]",
    f"Converts COCO's instances to darknet's labels. {_WRITES}",
    (
        _OUT,
        _NAMES,
        Flag("images", "folder of the pictures (default: that of TRAIN.json)", str, "FOLDER"),
        Flag("valid_images", "folder of those of VALID.json (default: -images)", str, "FOLDER"),
        Flag("crowd", "keep annotations of crowds"),
    ),
)
FLICKR = Command(
    "convert flickr27",
    "FOLDER",
    f"Converts the set Flickr Logos 27 to darknet's labels. {_WRITES}",
    (_OUT, _NAMES, Flag("held_out", "subset (1 to 6) for valid=, with none of its pictures in train=", int, "N")),
)
TO_VOC = Command(
    "convert tovoc",
    "DATA FOLDER",
    "Converts darknet's labels to Pascal VOC's XML files. Numbers are whole where these give the same label again.",
    (_KEY, _NAMES, _PIXELS),
)
TO_COCO = Command(
    "convert tococo",
    "DATA FILE.json",
    "Converts darknet's labels to COCO's instances. Numbers are whole where these give the same label again.",
    (_KEY, _NAMES),
)


def voc(options: Options) -> int:
    """Run ``convert voc``."""
    return _say(
        convert.voc(
            options.words[0],
            options.text("out") or "darknet",
            images=options.text("images"),
            names=options.text("names"),
            train=options.text("train"),
            valid=options.text("valid"),
            difficult=options.on("difficult"),
            pixels=_pixels(options),
            dialect=dialect_of(options),
        )
    )


def coco(options: Options) -> int:
    """Run ``convert coco``."""
    return _say(
        convert.coco(
            options.words[0],
            options.text("out") or "darknet",
            images=options.text("images") or Path(options.words[0]).parent,
            valid=options.word(1),
            valid_images=options.text("valid_images"),
            names=options.text("names"),
            crowd=options.on("crowd"),
            dialect=dialect_of(options),
        )
    )


def flickr27(options: Options) -> int:
    """Run ``convert flickr27``."""
    held_out, names = options.integer("held_out"), options.text("names")
    out = options.text("out") or "darknet"
    return _say(convert.flickr27(options.words[0], out, names=names, held_out=held_out))


def to_voc(options: Options) -> int:
    """Run ``convert tovoc``."""
    data, out = options.words
    key, names, dialect = options.text("list") or "train", options.text("names"), dialect_of(options)
    return _say(convert.to_voc(data, out, key=key, names=names, pixels=_pixels(options), dialect=dialect))


def to_coco(options: Options) -> int:
    """Run ``convert tococo``."""
    data, out = options.words
    key, names, dialect = options.text("list") or "train", options.text("names"), dialect_of(options)
    return _say(convert.to_coco(data, out, key=key, names=names, dialect=dialect))


def _pixels(options: Options) -> Pixels:
    rule = options.text("pixels") or "darknet"
    if rule not in SHIFTS:
        raise UsageError(f"-pixels is {', '.join(SHIFTS)}, not {rule!r}")
    return cast(Pixels, rule)


def _say(done: convert.Conversion) -> int:
    problems, done.problems = done.problems, []
    print(done)
    note_problems(problems)
    return 1 if problems else 0


VERBS: tuple[tuple[Command, Callable[[Options], int]], ...] = (
    (VOC, voc),
    (COCO, coco),
    (FLICKR, flickr27),
    (TO_VOC, to_voc),
    (TO_COCO, to_coco),
)
