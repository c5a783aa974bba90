"""``pydn demo``."""

from __future__ import annotations

import time
from pathlib import Path

import cv2

from .. import demo as shapes
from ..files import write_whole
from .common import show_window
from .options import Command, Flag, Options

DEMO = Command(
    "demo",
    "",
    "Draws a picture and finds the shapes in it with a network whose weights are written by hand. Needs no files.",
    (
        Flag("out", "where to save the picture (default pydn-demo.png)", str, "FILE"),
        Flag("seed", "another picture for every number", int, "N"),
        Flag("show", "open a window"),
    ),
)


def demo(options: Options) -> int:
    """Run ``demo``; returns 1 unless every shape is found."""
    out = Path(options.text("out") or "pydn-demo.png")
    image, drawn = shapes.picture(options.integer("seed") or 0)
    with shapes.network(options.text("device") or "cpu") as net:
        start = time.perf_counter()
        found = net.detect(image)
        seconds = time.perf_counter() - start
        print(f"{len(net.layers)} layers with {net.parameters} weights written by hand, {1000 * seconds:.1f} ms\n")
    print(shapes.report(drawn, found))
    annotated = found.draw(image)
    try:
        _, data = cv2.imencode(out.suffix or ".png", annotated)
    except cv2.error:
        raise OSError(22, "OpenCV cannot write this kind of image: use .png or .jpg", str(out)) from None
    write_whole(out, data.tobytes())
    print(f"\nsaved {out}")
    if options.on("show"):
        show_window("pydn demo", annotated)
    return 0 if shapes.matches(drawn, found) == len(drawn) == len(found) else 1
