"""``pydn detector test`` and the verbs that are it with other settings: ``detect``, ``yolo test``, ``coco test``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cv2

from ..class_names import COCO_NAMES, COCO_NAMES_FILE, VOC_NAMES
from ..datafile import DataFile
from ..detections import Detection, Detections
from ..files import write_whole
from ..image import Pixels, read_image
from ..json_array import JsonArray
from ..labels import label_path
from ..network import Network
from .common import images_of, note, open_network, show_window
from .options import Command, Flag, Options

_IMAGES = (
    "IMAGE may be a folder, a pattern such as 'frames/*.jpg' or a .txt with a path a line; without it, paths are read "
    "from the input."
)
_FLAGS = (
    Flag("hier", "how sure a node of a class tree must be (default 0.5)", float, "P"),
    Flag("dont_show", "open no window"),
    Flag("ext_output", "print boxes in pixels"),
    Flag("out", "write the objects to a JSON file; pjreddie: save the picture as FILE.jpg", str, "FILE"),
    Flag("letter_box", "keep the image's aspect"),
    Flag("save_labels", "write what was found as a label file of the image"),
)
_IGNORED: dict[str, type[bool] | type[int] | type[float] | type[str]] = {
    "benchmark_layers": bool,
    "cuda_debug_sync": bool,
    "iou_thresh": float,
    "points": int,
    "show_imgs": bool,
    "prefix": str,
    "fullscreen": bool,
}


def _thresh(default: str) -> Flag:
    return Flag("thresh", f"lowest confidence (default {default})", float, "P")


TEST = Command(
    "detector test",
    "DATA CFG [WEIGHTS] [IMAGE]",
    f"Finds objects in an image, prints them and saves the picture as predictions.jpg. {_IMAGES}",
    (_thresh("0.25; pjreddie 0.5"), *_FLAGS),
    _IGNORED,
)
DETECT = Command(
    "detect",
    "CFG WEIGHTS [IMAGE]",
    f"Finds objects in an image: detector test with cfg/coco.data. Without that file the classes of a network that has "
    f"80 get COCO's names. {_IMAGES}",
    (_thresh("0.24; pjreddie 0.5"), *_FLAGS),
    _IGNORED,
)
YOLO_TEST = Command(
    "yolo test",
    "CFG [WEIGHTS] [IMAGE]",
    f"Finds objects in an image with YOLOv1's settings and VOC's names. {_IMAGES}",
    (_thresh("0.2"), *_FLAGS),
    _IGNORED
    | {
        "c": int,
        "s": int,
        "avg": int,
        "mjpeg_port": int,
        "json_port": int,
        "out_filename": str,
        "json_file_output": str,
    },
)
COCO_TEST = Command(
    "coco test",
    "CFG [WEIGHTS] [IMAGE]",
    f"Finds objects in an image with YOLOv1's settings and COCO's names; the picture is prediction.jpg. {_IMAGES}",
    YOLO_TEST.flags,
    YOLO_TEST.ignored,
)
_COCO_DATA = Path("cfg/coco.data")


@dataclass(frozen=True, slots=True)
class _Settings:
    """What the verbs do differently; None: what `Network.detect` does by itself."""

    thresh: float | None = None
    nms: float = 0.45
    letterbox: bool | None = None
    picture: str = "predictions.jpg"
    in_seconds: bool = False


def test(options: Options) -> int:
    """Run ``detector test``; returns 1 if one of several images could not be read."""
    data = DataFile.read(options.words[0])
    return _detect(options, open_network(options, options.words[1], options.word(2), data), options.word(3))


def detect(options: Options) -> int:
    """Run ``detect``."""
    cfg, weights = options.words[:2]
    data = DataFile.read(_COCO_DATA) if _COCO_DATA.is_file() else None
    net = open_network(options, cfg, weights, data)
    if data is None and net.class_count == len(COCO_NAMES_FILE):
        net.names = list(COCO_NAMES_FILE)
    elif data is None:
        note(f"there is no {_COCO_DATA} to name the {net.class_count} classes: detector test takes another .data file")
    return _detect(options, net, options.word(2), _Settings(0.24 if net.dialect == "alexeyab" else None))


def yolo_test(options: Options) -> int:
    """Run ``yolo test``."""
    return _version_1(options, VOC_NAMES, "predictions.jpg")


def coco_test(options: Options) -> int:
    """Run ``coco test``."""
    return _version_1(options, COCO_NAMES, "prediction.jpg")


def _version_1(options: Options, names: Sequence[str], picture: str) -> int:
    net = open_network(options, options.words[0], options.word(1), names=list(names))
    settings = _Settings(0.2, 0.4, letterbox=False, picture=picture, in_seconds=True)
    return _detect(options, net, options.word(2), settings)


def _detect(options: Options, net: Network, word: str | None, settings: _Settings = _Settings()) -> int:
    images = images_of(word)
    out = options.text("out")
    if out is not None and net.dialect == "pjreddie":
        settings = replace(settings, picture=f"{out}.jpg")
        out = None
    with _json_file(out) as file:
        return images.each(lambda number, path: _one_image(options, net, path, file, number, settings))


def _one_image(
    options: Options, net: Network, path: str, out: JsonArray | None, number: int, settings: _Settings
) -> None:
    image = read_image(path)
    hier = options.number("hier")
    start = time.perf_counter()
    found = net.detect(
        image,
        _or(options.number("thresh"), settings.thresh),
        settings.nms,
        letterbox=True if options.on("letter_box") else settings.letterbox,
        hier=0.5 if hier is None else hier,
    )
    seconds = time.perf_counter() - start
    if net.dialect == "pjreddie" or settings.in_seconds:
        print(f"{path}: Predicted in {seconds:f} seconds.")
    else:
        print(f"{path}: Predicted in {1000 * seconds:f} milli-seconds.")
    for detection in found:
        print(line(detection, extended=options.on("ext_output")), flush=True)
    if out is not None:
        out.add(found.to_json(frame_id=number, filename=path))
    if options.on("save_labels"):
        write_whole(label_path(path, net.dialect), label_lines(found).encode("ascii"))
    drawn = found.draw(image)
    _save(drawn, settings.picture)
    if not options.on("dont_show"):
        show_window("predictions", drawn)


def _save(picture: Pixels, path: str) -> None:
    """Write a picture; OpenCV itself does not say why it cannot."""
    write_whole(path, cv2.imencode(".jpg", picture)[1].tobytes())


def line(detection: Detection, *, extended: bool) -> str:
    """One object as AlexeyAB prints it; `extended`: with its box in pixels."""
    text = f"{detection.label}: {100 * detection.confidence:.0f}%"
    if not extended:
        return text
    left, top, width, height = detection.xywh
    return f"{text}\t(left_x: {left:4.0f}   top_y: {top:4.0f}   width: {width:4.0f}   height: {height:4.0f})"


def label_lines(found: Detections) -> str:
    """Content of a label file: the best class of every box."""
    lines = []
    previous = None
    for detection, (x, y, width, height) in zip(found, found.xywh.tolist(), strict=True):
        if detection.xyxy != previous:  # rows of one box follow each other, the best first
            lines.append(f"{detection.class_id} {x:2.4f} {y:2.4f} {width:2.4f} {height:2.4f}\n")
        previous = detection.xyxy
    return "".join(lines)


def _or(value: float | None, default: float | None) -> float | None:
    return default if value is None else value


@contextmanager
def _json_file(path: str | None) -> Iterator[JsonArray | None]:
    """Open a file for a JSON array that is closed properly whatever happens."""
    if path is None:
        yield None
        return
    with Path(path).open("w", encoding="utf-8") as file:
        array = JsonArray(file)
        try:
            yield array
        finally:
            array.close()


VERBS: tuple[tuple[Command, Callable[[Options], int]], ...] = (
    (TEST, test),
    (DETECT, detect),
    (YOLO_TEST, yolo_test),
    (COCO_TEST, coco_test),
)
