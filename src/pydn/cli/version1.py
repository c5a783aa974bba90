"""``pydn yolo`` and ``pydn coco``: train, valid and recall of YOLOv1's time, on data of a .data file."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from ..class_names import COCO_NAMES, VOC_NAMES
from ..evaluation.detecting import check_detector
from ..evaluation.detector_valid import write_detections
from ..evaluation.detectors import truth_of
from ..evaluation.recall import measure_recall
from ..evaluation.writers import Kind
from ..network import Network
from .cards import card, data_flag
from .common import note, note_problems, open_network
from .evaluation import print_row
from .options import Command, Flag, Options
from .train import FLAGS, IGNORED, begin, check_kind, follow, trainer

_CARD = {"yolo": "cfg/voc.data", "coco": "cfg/coco.data"}
_NAMES: dict[str, Sequence[str]] = {"yolo": VOC_NAMES, "coco": COCO_NAMES}
_FORM: dict[str, tuple[Kind, float]] = {"yolo": ("voc", 0.001), "coco": ("coco", 0.01)}
"""Form of the files of ``valid``, and what a score must exceed."""
_STRICT = Flag("strict", "end at the first thing that is wrong in the data")


def _train(verb: str, options: Options) -> int:
    data = card(options, _CARD[verb])
    cfg = options.words[0]
    net = begin(options, cfg, options.word(1), data)
    check_kind(net, cfg, classifier=False)
    return follow(net, trainer(net, data, options, classifier=False, names="version1"))


def _open(verb: str, options: Options) -> Network:
    net = open_network(options, options.words[0], options.word(1), names=list(_NAMES[verb]))
    check_detector(net, verb)
    return net


def _valid(verb: str, options: Options) -> int:
    data = card(options, _CARD[verb])
    net = _open(verb, options)
    kind, thresh = _FORM[verb]
    start = time.perf_counter()
    folder = data.get("results") or "results"
    written = write_detections(
        net, data, kind, folder, thresh=thresh, nms=0.5, letterbox=False, strict=options.on("strict")
    )
    note(f"Total Detection Time: {time.perf_counter() - start:f} Seconds")
    note_problems(written.problems)
    return int(written.count < written.total)


def _recall(verb: str, options: Options) -> int:
    data = card(options, _CARD[verb])
    net = _open(verb, options)
    result = measure_recall(net, truth_of(net, data, strict=options.on("strict")), each=print_row)
    note_problems(result.problems)
    return int(len(result.rows) < result.listed)


def _commands(verb: str) -> tuple[tuple[Command, Callable[[Options], int]], ...]:
    whose = "VOC's" if verb == "yolo" else "COCO's"
    data, words = data_flag(_CARD[verb]), "CFG [WEIGHTS]"
    files = "comp4_det_test_CLASS.txt" if verb == "yolo" else "coco_results.json"
    about = {
        "train": f"Trains a detector as YOLOv1 was, on the train= pictures of {_CARD[verb]}. Weights go to backup=.",
        "valid": f"Writes what is found in the valid= pictures into results/{files}, for {whose} own tools.",
        "recall": "Prints how many objects of the valid= pictures any box overlaps, whatever its class.",
    }
    return (
        (
            Command(f"{verb} train", words, about["train"], (data, *FLAGS), IGNORED),
            partial(_train, verb),
        ),
        (Command(f"{verb} valid", words, about["valid"], (data, _STRICT), IGNORED), partial(_valid, verb)),
        (Command(f"{verb} recall", words, about["recall"], (data, _STRICT), IGNORED), partial(_recall, verb)),
    )


VERBS: Sequence[tuple[Command, Callable[[Options], int]]] = (*_commands("yolo"), *_commands("coco"))
