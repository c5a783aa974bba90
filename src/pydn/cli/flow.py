"""``pydn flow``: darkflow's command, for a folder of images."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from .. import darkflow
from ..batches import Fit, Ready, groups
from ..detections import Detections
from ..errors import DataError, UnsupportedError, WeightsError
from ..formats import write_picture, write_text
from ..network import Network
from ..sources import image_paths
from .common import note, open_network, progress_of_rows
from .options import Command, Flag, Options, UsageError

_SWITCHES = ("json", "train", "savepb", "saveVideo", "verbalise")
_ELSEWHERE = {
    "train": "training is not what it does",
    "savepb": "it writes no TensorFlow graph",
    "pbLoad": "it reads no TensorFlow graph: give --model and --load",
    "metaLoad": "it reads no TensorFlow graph: give --model and --load",
    "demo": "video is for detector demo",
}


class _Flow(Command):
    """Reads the values that darkflow's switches may have."""

    def parse(self, arguments: Sequence[str]) -> Options:
        return super().parse(list(_without_values(arguments)))


def _without_values(arguments: Sequence[str]) -> Iterator[str]:
    """Drop ``true`` after a switch, and a switch with ``false``; ``--verbalise`` is on unless it is false."""
    words = list(arguments)
    while words:
        word = words.pop(0)
        switch = word.startswith("-") and word.lstrip("-") in _SWITCHES
        value = words.pop(0).lower() if switch and words and words[0].lower() in ("true", "false") else "true"
        if value == "true":
            yield word
        elif word.lstrip("-") == "verbalise":
            yield "--quiet"


FLOW = _Flow(
    "flow",
    "",
    "Finds the objects in the images of a folder as darkflow does, and writes pictures, or JSON, to its folder out. "
    "Images end in .jpg, .jpeg or .png. What it finds is darkflow's, not darknet's: images are resized in "
    "another way, the threshold is "
    "thresh= of the cfg.",
    (
        Flag("imgdir", "folder of the images (default ./sample_img/)", str, "FOLDER"),
        Flag("model", "the cfg", str, "FILE"),
        Flag("load", "the weights; without it BINARY/MODEL.weights, else random ones", str, "FILE"),
        Flag("labels", "names of the classes, up to a line ---- (default labels.txt)", str, "FILE"),
        Flag("json", "write IMAGE.json in place of a picture"),
        Flag("threshold", "lowest confidence (default: thresh= of the cfg)", float, "P"),
        Flag("batch", "images in a forward (default 16)", int, "N"),
        Flag("config", "folder of cfgs and names (default ./cfg/)", str, "FOLDER"),
        Flag("binary", "folder of weights (default ./bin/)", str, "FOLDER"),
        Flag("gpu", "of no effect: -device cuda says it", float, "SHARE"),
        Flag("quiet", "no lines about what it does; the same: --verbalise false"),
    ),
    {
        "annotation": str,
        "backup": str,
        "dataset": str,
        "demo": str,
        "epoch": int,
        "gpuName": str,
        "keep": int,
        "lr": float,
        "metaLoad": str,
        "momentum": float,
        "pbLoad": str,
        "queue": int,
        "save": int,
        "savepb": bool,
        "saveVideo": bool,
        "summary": str,
        "train": bool,
        "trainer": str,
        "verbalise": bool,
    },
)


def flow(options: Options) -> int:
    """Run ``flow``; returns 1 if an image could not be read."""
    model, batch = options.text("model"), options.integer("batch")
    for name, why in _ELSEWHERE.items():
        if options.on(name):
            raise UsageError(f"flow finds objects in images; --{name} is not provided: {why}", FLOW)
    if model is None:
        raise UsageError("--model is missing", FLOW)
    if batch is not None and batch < 1:
        raise UsageError(f"--batch must be 1 or more, not {batch}", FLOW)
    say: Callable[[str], None] = _silent if options.on("quiet") else print
    folder = options.text("imgdir") or "./sample_img/"
    paths = _images(folder)
    net = _load(options, model, say)
    _report_network(options, net, say)
    out = Path(folder, "out")
    out.mkdir(exist_ok=True)
    threshold = darkflow.threshold_of(net, options.number("threshold"))
    net.resize(net.width, net.height, batch=min(batch or 16, len(paths)))
    return _each(net, paths, threshold, partial(_write, out=out, as_json=options.on("json")), say)


def _silent(text: str) -> None:
    pass


def _images(folder: str) -> list[str]:
    if not Path(folder).is_dir():
        raise NotADirectoryError(20, "there is no such folder", folder)
    try:
        paths = image_paths(folder) or []
    except DataError:
        paths = []
    paths = [path for path in paths if path.lower().endswith(darkflow.SUFFIXES)]
    if not paths:
        raise DataError(f"Error: Failed to find any images in {folder} .")
    return paths


def _load(options: Options, model: str, say: Callable[[str], None]) -> Network:
    weights = _weights_file(options, model)
    say("")
    say(f"Parsing {_source_cfg(options, model)}")
    say(f"Parsing {model}")
    say(f"Loading {weights} ...")
    start = time.perf_counter()
    net = open_network(options, model, weights, quiet=True)
    if not net.classes:
        raise UnsupportedError(f"the network ends in [{net.layers[-1].kind}], it is no detector")
    net.names = darkflow.labels_of(
        model, options.text("labels") or "labels.txt", options.text("config") or "./cfg/", net.classes
    )
    if weights is None:
        note("pydn: warning: no weights were given: they are random, what is found means nothing")
    else:
        say(f"Successfully identified {_checked_size(net, weights)} bytes")
    say(f"Finished in {time.perf_counter() - start}s")
    return net


def _weights_file(options: Options, model: str) -> str | None:
    given = options.text("load")
    if given is None:
        path = Path(options.text("binary") or "./bin/", f"{model}.weights")
        return str(path) if path.is_file() else None
    try:
        number = int(given)
    except ValueError:
        return given
    raise UnsupportedError(f"--load {number} is a checkpoint of TensorFlow: give the path of a .weights file")


def _source_cfg(options: Options, model: str) -> str:
    """Return the cfg that darkflow reads the weights with: the one of their name, if there is one."""
    given = options.text("load")
    if given is None:
        return model
    path = Path(options.text("config") or "./cfg/", f"{Path(given).stem}.cfg")
    if path.is_file():
        return str(path)
    note(f"UserWarning: {path} not found, use {model} instead")
    return model


def _checked_size(net: Network, weights: str) -> int:
    """Size of a weights file, which must be that of the network."""
    size, report = Path(weights).stat().st_size, net.report
    if report is not None and (report.bytes_left or not report.complete):
        needed = f"expect {size - report.bytes_left} bytes, found {size}" if report.bytes_left else "Over-read"
        raise WeightsError(f"{needed}: cfg and weights do not belong together", file=weights)
    return size


def _report_network(options: Options, net: Network, say: Callable[[str], None]) -> None:
    say("\nBuilding net ...")
    start = time.perf_counter()
    for row in darkflow.table(net, loaded=net.report is not None):
        say(row)
    if options.number("gpu") and net.device.startswith("cpu"):
        note("pydn: warning: --gpu has no effect: -device cuda computes on a GPU")
    say("Running entirely on CPU" if not net.device.startswith("cuda") else "GPU mode with 1.0 usage")
    say(f"Finished in {time.perf_counter() - start}s\n")


def _each(
    net: Network,
    paths: Sequence[str],
    threshold: float,
    write: Callable[[Ready, Detections], None],
    say: Callable[[str], None],
) -> int:
    fit: Fit = partial(darkflow.network_input, width=net.width, height=net.height, channels=net.channels)
    failed = 0
    with progress_of_rows(paths, "images") as bar:
        for group in groups(paths, net.batch, fit, rgb=False, errors="report"):
            good = [image for image in group if image.error is None]
            failed += len(group) - len(good)
            if good:
                _one_batch(net, good, threshold, write, say)
            bar.advance(len(group))
    return int(failed > 0)


def _one_batch(
    net: Network,
    images: Sequence[Ready],
    threshold: float,
    write: Callable[[Ready, Detections], None],
    say: Callable[[str], None],
) -> None:
    say(f"Forwarding {len(images)} inputs ...")
    start = time.perf_counter()
    net.forward(np.stack([image.x for image in images]))
    say(_rate(start, len(images)))
    say(f"Post processing {len(images)} inputs ...")
    start = time.perf_counter()
    for index, image in enumerate(images):
        write(image, darkflow.objects(net, index, image.size, threshold, image.path))
    say(_rate(start, len(images)))


def _rate(start: float, count: int) -> str:
    seconds = max(time.perf_counter() - start, 1e-9)
    return f"Total time = {seconds}s / {count} inps = {count / seconds} ips"


def _write(image: Ready, found: Detections, *, out: Path, as_json: bool) -> None:
    path = out / Path(image.path).name
    if as_json:
        write_text(path.with_suffix(".json"), json.dumps(found.to_darkflow()))
    else:
        write_picture(path, found.draw(image.path))


VERBS: tuple[tuple[Command, Callable[[Options], int]], ...] = ((FLOW, flow),)
