"""``pydn demo``: pictures are drawn, a detector learns them, is measured, and looks at new ones."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from .. import demo as shapes
from ..checking import check
from ..datafile import DataFile
from ..demo_training import ITERATIONS, cfg, draw_set
from ..files import write_whole
from ..image import Pixels
from ..loading import load
from ..progress import clear
from .common import show_window
from .options import Command, Flag, Options

if TYPE_CHECKING:
    from ..network import Network
    from ..training.step import Step
    from ..training.trainer import Trainer

_ENOUGH = 0.9
"""The mAP of a detector that has learned its shapes."""
_NEW = 2_000_000
"""Seed of the first picture that is neither trained with nor measured on."""

DEMO = Command(
    "demo",
    "",
    "Draws shapes, trains a detector on them, measures it, and saves pictures with what it finds in new ones. Takes "
    "about a minute on two cores and needs no files.",
    (
        Flag("quick", "without training: find shapes by weights that are written by hand, in a second"),
        Flag("folder", "where set, weights and pictures go (default pydn-demo)", str, "FOLDER"),
        Flag("iterations", f"of the training (default {ITERATIONS})", int, "N"),
        Flag("out", "where to save what is found (default found.png in FOLDER; -quick: pydn-demo.png)", str, "FILE"),
        Flag("seed", "another training and other pictures for every number", int, "N"),
        Flag("show", "open a window"),
    ),
)


def demo(options: Options) -> int:
    """Run ``demo``; returns 1 unless the shapes are found."""
    folder = Path() if options.on("quick") else Path(options.text("folder") or "pydn-demo")
    out = Path(options.text("out") or folder / ("pydn-demo.png" if options.on("quick") else "found.png"))
    if not cv2.haveImageWriter(out.name):
        raise OSError(22, "OpenCV cannot write this kind of image: use .png or .jpg", str(out))
    return _quick(options, out) if options.on("quick") else _trained(options, folder, out)


def _trained(options: Options, folder: Path, out: Path) -> int:
    """Draw a set, train, measure, detect."""
    began, seed = time.perf_counter(), options.integer("seed") or 0
    iterations = options.integer("iterations") or ITERATIONS
    data = DataFile.read(draw_set(folder))
    (folder / "shapes.cfg").write_bytes(cfg(iterations))
    print(f"drawn into {folder}: {check(data)}\n")
    with load(folder / "shapes.cfg", data=data, device=options.text("device") or "cpu") as net:
        print(f"{len(net.layers)} layers with {net.parameters} weights learn for {iterations} iterations:")
        result = net.train(data, seed=seed, chart=folder / "chart.png", callbacks=[_report])
        if result.stopped == "interrupted":
            print(f"interrupted after {len(result)} iterations")
            return 1
        measured = net.map(data)
        for one in measured.classes:
            print(f"{one.name:<10}average precision {one.ap:.3f}")
        print(f"mAP {measured.map:.3f} on pictures that it has not seen\n")
        image = _look(net, seed)
    _save(out, image)
    _say_files(folder, out, time.perf_counter() - began)
    if options.on("show"):
        show_window("pydn demo", image)
    if measured.map < _ENOUGH:
        print(f"this detector has not learned its shapes: an mAP of {_ENOUGH} was expected")
        return 1
    return 0


def _report(trainer: Trainer, step: Step) -> None:
    if step.iteration % 100 == 0 or step.iteration == trainer.end:
        clear()
        print(f"{step.iteration:5}: average loss {step.average_loss:.3f}, overlap {step.iou:.2f}", flush=True)


def _look(net: Network, seed: int) -> Pixels:
    """Detect in four new pictures, say what is found, and return them side by side."""
    seen, drawn, found, right = [], 0, 0, 0
    for number in range(4):
        image, truth = shapes.picture(_NEW + 4 * seed + number)
        detections = net.detect(image, thresh=0.5)
        drawn, found = drawn + len(truth), found + len(detections)
        right += shapes.matches(truth, detections)
        seen.append(detections.draw(image))
    print(f"{right} of {drawn} shapes in four new pictures found, {max(0, found - right)} detections more")
    return np.vstack([np.hstack(seen[:2]), np.hstack(seen[2:])])


def _say_files(folder: Path, out: Path, seconds: float) -> None:
    weights = folder / "backup/shapes_final.weights"
    files = f"{folder / 'shapes.data'} {folder / 'shapes.cfg'}"
    print(f"saved {out} (look at it), {folder / 'chart.png'} and {weights}, after {seconds:.0f} s in all\n")
    print(f"as command lines:\n  pydn detector train {files} -map")
    print(f"  pydn detector test {files} {weights} {folder / 'valid0000.png'}")


def _quick(options: Options, out: Path) -> int:
    """Detect with the network whose weights are written by hand."""
    image, drawn = shapes.picture(options.integer("seed") or 0)
    with shapes.network(options.text("device") or "cpu") as net:
        start = time.perf_counter()
        found = net.detect(image)
        seconds = time.perf_counter() - start
        print(f"{len(net.layers)} layers with {net.parameters} weights written by hand, {1000 * seconds:.1f} ms\n")
    print(shapes.report(drawn, found))
    annotated = found.draw(image)
    _save(out, annotated)
    print(f"\nsaved {out}")
    if options.on("show"):
        show_window("pydn demo", annotated)
    return 0 if shapes.matches(drawn, found) == len(drawn) == len(found) else 1


def _save(out: Path, image: Pixels) -> None:
    write_whole(out, cv2.imencode(out.suffix, image)[1].tobytes())
