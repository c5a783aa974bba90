"""``pydn detector …``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import cv2

from ..datafile import DataFile
from ..detections import Detection, Detections
from ..errors import Error
from ..image import read_image
from ..labels import label_path
from ..network import Network
from .common import describe, image_paths, note, open_network, show_window
from .options import Command, Flag, Options

TEST = Command(
    "detector test",
    "DATA CFG [WEIGHTS] [IMAGE]",
    "Finds objects in an image, prints them and saves the picture as predictions.jpg. Without IMAGE, paths are read "
    "from the input.",
    (
        Flag("thresh", "lowest confidence (default 0.25; pjreddie 0.5)", float, "P"),
        Flag("hier", "how sure a node of a class tree must be (default 0.5)", float, "P"),
        Flag("dont_show", "open no window"),
        Flag("ext_output", "print boxes in pixels"),
        Flag("out", "write the objects to a JSON file", str, "FILE"),
        Flag("letter_box", "keep the image's aspect"),
        Flag("save_labels", "write what was found as a label file of the image"),
    ),
    {
        "benchmark_layers": bool,
        "cuda_debug_sync": bool,
        "iou_thresh": float,
        "points": int,
        "show_imgs": bool,
        "prefix": str,
        "fullscreen": bool,
    },
)


def test(options: Options) -> int:
    """Run ``detector test``; returns 1 if an image that was asked for on the input could not be read."""
    data = DataFile.read(options.words[0])
    net = open_network(options, options.words[1], options.word(2), data)
    failed = False
    with _json_file(options.text("out")) as out:
        for number, path in enumerate(image_paths(options.word(3)), 1):
            try:
                _one_image(options, net, path, out, number)
            except (Error, OSError) as error:
                if options.word(3) is not None:
                    raise
                note(f"pydn: {describe(error)}")
                failed = True
    return int(failed)


def _one_image(options: Options, net: Network, path: str, out: TextIO | None, number: int) -> None:
    image = read_image(path)
    start = time.perf_counter()
    found = net.detect(
        image,
        options.number("thresh"),
        letterbox=True if options.on("letter_box") else None,
        hier=_or(options.number("hier"), 0.5),
    )
    seconds = time.perf_counter() - start
    if net.dialect == "pjreddie":
        print(f"{path}: Predicted in {seconds:f} seconds.")
    else:
        print(f"{path}: Predicted in {1000 * seconds:f} milli-seconds.")
    for detection in found:
        print(line(detection, extended=options.on("ext_output")), flush=True)
    if out is not None:
        out.write((", \n" if number > 1 else "") + found.to_json(frame_id=number, filename=path))
    if options.on("save_labels"):
        Path(label_path(path, net.dialect)).write_text(label_lines(found), encoding="ascii")
    drawn = found.draw(image)
    if not cv2.imwrite("predictions.jpg", drawn):
        raise OSError(5, "the picture cannot be written", "predictions.jpg")
    if not options.on("dont_show"):
        show_window("predictions", drawn)


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


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


@contextmanager
def _json_file(path: str | None) -> Iterator[TextIO | None]:
    """Open a file for a JSON array that is closed properly whatever happens."""
    if path is None:
        yield None
        return
    with Path(path).open("w", encoding="utf-8") as file:
        file.write("[\n")
        try:
            yield file
        finally:
            file.write("\n]")
