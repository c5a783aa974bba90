"""``pydn detector valid`` and ``valid2``: what a detector finds, into files for other evaluators."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from ..datafile import DataFile
from ..evaluation.detecting import check_detector
from ..evaluation.detector_valid import write_detections
from ..evaluation.writers import NAMES
from ..network import Network
from .common import note, note_problems, open_network
from .options import Command, Flag, Options, UsageError

_FLAGS = (
    Flag("out", "name of the files (default: as darknet calls them)", str, "NAME"),
    Flag("eval", f"{', '.join(NAMES)} (default: eval= of DATA, else voc)", str, "FORM"),
    Flag("strict", "end at the first picture that cannot be read"),
)
_IGNORED: dict[str, type[bool] | type[int] | type[float] | type[str]] = {
    "dont_show": bool,
    "ext_output": bool,
    "hier": float,
    "iou_thresh": float,
    "letter_box": bool,
    "points": int,
    "thresh": float,
    "benchmark_layers": bool,
    "cuda_debug_sync": bool,
    "show_imgs": bool,
    "fullscreen": bool,
    "prefix": str,
    "c": int,
    "s": int,
}
_ABOUT = (
    "Writes what is found in DATA's valid= pictures into files for other evaluators. They are in the folder results= "
    "of DATA (results), in the form eval=, which is voc (the default), coco, imagenet, bdd, kitti or darkflow."
)
VALID = Command("detector valid", "DATA CFG [WEIGHTS]", _ABOUT, _FLAGS, _IGNORED)
VALID2 = Command(
    "detector valid2",
    "DATA CFG [WEIGHTS]",
    f"As detector valid, with the mean over each picture and its mirror image. {_ABOUT}",
    _FLAGS,
    _IGNORED,
)
_TYPES = {"region": 27, "yolo": 28, "Gaussian_yolo": 29}
"""AlexeyAB's numbers of the heads."""


def _run(flip: bool, options: Options) -> int:
    data = DataFile.read(options.words[0])
    kind = options.text("eval") or data.get("eval") or "voc"
    if kind not in NAMES:
        raise UsageError(f"eval is one of {', '.join(NAMES)}, not {kind!r}")
    net = open_network(options, options.words[1], options.word(2), data)
    check_detector(net, "detector valid")
    _print_heads(net)
    name = options.text("out")
    if kind == "kitti" and net.dialect == "alexeyab":
        print(name or NAMES["kitti"], flush=True)
    start = time.perf_counter()
    written = write_detections(
        net,
        data,
        kind,
        data.get("results") or "results",
        name=name,
        flip=flip,
        class_map=data.file("map") if "map" in data and net.class_parents is not None else None,
        strict=options.on("strict"),
    )
    note(f"Total Detection Time: {time.perf_counter() - start:f} Seconds")
    if not written.complete:
        note(f"pydn: interrupted: the files are of {written.count} of {written.total} pictures")
    if kind == "coco" and written.unnumbered:
        note(f"pydn: warning: {written.unnumbered} pictures have no number in their name: image_id is 0 for them")
    note_problems(written.problems)
    return int(written.count < written.total)


def _print_heads(net: Network) -> None:
    if net.dialect != "alexeyab":
        return
    for index in net.head_layers:
        kind = net.layers[index].kind
        if kind in _TYPES:
            print(f" Detection layer: {index} - type = {_TYPES[kind]} ", flush=True)


VERBS: Sequence[tuple[Command, Callable[[Options], int]]] = (
    (VALID, partial(_run, False)),
    (VALID2, partial(_run, True)),
)
