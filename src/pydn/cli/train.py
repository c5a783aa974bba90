"""``pydn detector train`` and ``classifier train``: darknet's command lines, lines and file names."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, cast

from .._core.training import Figures
from ..datafile import DataFile
from ..errors import UnsupportedError
from ..network import Network
from ..progress import Progress
from ..server import LOCAL
from ..training import LivePage, Step
from ..training.head_lines import boxes_line, region_line, version1_line, yolo_line
from ..training.saving import Names
from ..training.step import add
from ..training.task import MakerOf, trainer_of
from ..training.trainer import Trainer
from .common import note, open_network
from .options import Command, Flag, Options, UsageError

FLAGS = (
    Flag("clear", "begin at iteration 0, whatever the weights have seen"),
    Flag("resume", "go on from the state in the backup folder, bit for bit"),
    Flag("seed", "of everything random (default 0)", int, "N"),
    Flag("workers", "threads that prepare pictures (default: up to 4)", int, "N"),
    Flag("iterations", "end after so many; default: max_batches= of the cfg", int, "N"),
    Flag(
        "saveweights", "iterations between numbered weights (default: saveweights= of DATA, else darknet's)", int, "N"
    ),
    Flag("savelast", "iterations between _last weights (default: savelast= of DATA, else 100)", int, "N"),
    Flag("minloss", "keep the weights of the least average loss as .minloss.weights; cfgs with ternary=1 always do"),
    Flag("subdivisions", "a number, or auto for as many as the memory needs (default: the cfg's)", str, "N"),
    Flag("freeze", "layers that stay, with commas between: 0, 0:75, backbone or a kind", str, "LAYERS"),
    Flag("patience", "end after so many measurements without a better one", int, "N"),
    Flag("measure", "what decides about the best weights: loss, f1, iou, …, in place of -map or -topk", str, "FIGURE"),
    Flag("lenient", "train although something is wrong in the data"),
    Flag("chart", "file for the picture of losses (default chart.png)", str, "FILE"),
    Flag("history", "file that gets a line for every iteration: .csv, else JSONL; pydn plot shows it", str, "FILE"),
    Flag("live", "show the training on a page for browsers at this port (8090)", int, "[PORT]", default=8090),
    Flag("mjpeg_port", "as -live: a page in place of the reference's video of its chart", int, "PORT"),
    Flag("address", "where the page is served (default 127.0.0.1, for this machine only)", str, "ADDRESS"),
)
IGNORED: dict[str, type[bool] | type[int] | type[float] | type[str]] = {
    **dict.fromkeys(("dont_show", "show_imgs", "show", "benchmark", "benchmark_layers", "cuda_debug_sync"), bool),
    **dict.fromkeys(("letter_box", "ext_output", "save_labels", "dontdraw_bbox", "fullscreen"), bool),
    **dict.fromkeys(("dontuse_opencv", "verbose", "trace", "colour", "nocolour"), bool),
    **dict.fromkeys(("json_port", "avgframes", "avg", "points", "time_limit_sec"), int),
    **dict.fromkeys(("c", "s", "t", "num_of_clusters", "width", "height"), int),
    **dict.fromkeys(("thresh", "iou_thresh", "hier", "nms"), float),
    **dict.fromkeys(("out", "out_filename", "json_file_output", "prefix", "http_post_host", "log"), str),
}
"""What darknet's programs take for every verb of a group, and use for others than training."""
_FILES = (
    "Writes weights into DATA's backup= folder, and a state from which -resume goes on. Ctrl-C ends it tidily. Words "
    "after WEIGHTS are ignored, as in darknet."
)

DETECTOR_TRAIN = Command(
    "detector train",
    "DATA CFG [WEIGHTS] [MORE]",
    f"Trains a detector on DATA's train= pictures. {_FILES}",
    (
        *FLAGS,
        Flag("map", "measure mAP on DATA's valid= pictures while training, keep the best weights"),
        Flag("mAP_epochs", "how often (default 4 epochs)", int, "N"),
    ),
    IGNORED,
)
CLASSIFIER_TRAIN = Command(
    "classifier train",
    "DATA CFG [WEIGHTS] [MORE]",
    f"Trains a classifier on DATA's train= pictures. {_FILES}",
    (
        *FLAGS,
        Flag("topk", "measure accuracy on DATA's valid= pictures while training, keep the best weights"),
    ),
    IGNORED,
)


def detector_train(options: Options) -> int:
    """Run ``pydn detector train``."""
    return _train(options, classifier=False)


def classifier_train(options: Options) -> int:
    """Run ``pydn classifier train``."""
    return _train(options, classifier=True)


VERBS: tuple[tuple[Command, Callable[[Options], int]], ...] = (
    (DETECTOR_TRAIN, detector_train),
    (CLASSIFIER_TRAIN, classifier_train),
)


def _train(options: Options, *, classifier: bool) -> int:
    data_path, cfg, weights = options.word(0), options.word(1), options.word(2)
    if data_path is None or cfg is None:
        raise UsageError("DATA and CFG are needed")
    data = DataFile.read(data_path)
    net = begin(options, cfg, weights, data)
    check_kind(net, cfg, classifier)
    _check_names(net, data)
    return follow(net, trainer(net, data, options, classifier))


def begin(
    options: Options, cfg: str, weights: str | None, data: DataFile | None = None, *, named: bool = True
) -> Network:
    """Open a network for training, and print what darknet does; `named`: its classes get DATA's names."""
    note(Path(cfg).stem)
    net = open_network(options, cfg, weights, data if named else None)
    facts = net.facts(-1)
    note(f"Learning Rate: {facts['learning_rate']:g}, Momentum: {facts['momentum']:g}, Decay: {facts['decay']:g}")
    gpus = (options.text("gpus") or "").split(",")
    if len(gpus) > 1:
        note(f"pydn: -gpus: one device trains; with {len(gpus)} GPUs darknet's rate is {len(gpus)} times the cfg's")
    return net


def follow(net: Network, trainer: Trainer) -> int:
    """Train to the end, with darknet's lines; return the exit status."""
    for page in (callback for callback in trainer.callbacks if isinstance(callback, LivePage)):
        note(f"pydn: the training is at {page.url}")
    lines = _Lines(net, trainer)
    bar = Progress(trainer.end or None, "training", done=trainer.session.iteration, show=not sys.stdout.isatty())
    try:
        with bar:
            for step in trainer:
                lines(step)
                bar.advance(1, note=f"average loss {step.average_loss:.4g}")
    finally:
        net.close()
    note(f"the engine waited for pictures {100 * trainer.result.waiting:.1f} % of the time")
    if trainer.result.stopped == "interrupted":
        note(f"pydn: interrupted after iteration {trainer.session.iteration}; -resume goes on from there")
        return 1
    return 0


def trainer(
    net: Network,
    data: DataFile,
    options: Options,
    classifier: bool,
    *,
    images: MakerOf | None = None,
    names: Names | None = None,
) -> Trainer:
    """Make the trainer that the flags ask for; `images` and `names` as for `trainer_of`."""
    measured = options.on("topk" if classifier else "map")
    epochs = options.integer("mAP_epochs") if not classifier else None
    return trainer_of(
        net,
        data,
        iterations=options.integer("iterations"),
        seed=options.integer("seed") or 0,
        workers=options.integer("workers"),
        backup=data.get("backup", "backup"),
        resume=options.on("resume"),
        clear=options.on("clear"),
        measure=cast(Any, options.text("measure")) or (("topk" if classifier else "map") if measured else None),
        subdivisions=_subdivisions(options),
        freeze=[int(word) if word.lstrip("-").isdecimal() else word for word in _words(options.text("freeze"))],
        patience=options.integer("patience"),
        measure_epochs=epochs,
        strict=not options.on("lenient"),
        chart=options.text("chart") or "chart.png",
        save_every=options.integer("saveweights"),
        save_last=options.integer("savelast"),
        minloss=options.on("minloss") or None,
        say=note,
        history=options.text("history"),
        live=_port(options),
        live_address=options.text("address") or LOCAL,
        images=images,
        names=names,
    )


def _port(options: Options) -> int | None:
    """Return where the page is asked for; the reference's -1 means nowhere."""
    port = options.integer("live")
    if port is None:
        port = options.integer("mjpeg_port")
    return None if port is None or port < 0 else port


def _subdivisions(options: Options) -> int | Literal["auto"] | None:
    given = options.text("subdivisions")
    if given is None or given == "auto":
        return given  # type: ignore[return-value]
    if not given.isdecimal():
        raise UsageError(f"-subdivisions is a whole number or auto, not {given!r}")
    return int(given)


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def check_kind(net: Network, cfg: str, classifier: bool) -> None:
    """Refuse a network of the other kind."""
    if classifier and net.classes:
        raise UnsupportedError(f"{cfg} ends in [{net.layers[-1].kind}], it is a detector: use detector train")
    if not classifier and not net.classes:
        raise UnsupportedError(f"{cfg} has no detection head, it is a classifier: use classifier train")


def _check_names(net: Network, data: DataFile) -> None:
    """Say it where classes= of the .data file, names and cfg disagree: it is a mistake more often than not."""
    said = data.get("classes")
    if said is None or not said.isdecimal():
        return
    if int(said) != net.class_count:
        note(f"pydn: warning: {data.path} says classes={said}, the cfg has {net.class_count}")


@dataclass
class _Lines:
    """Prints what darknet prints after each iteration."""

    net: Network
    trainer: Trainer
    began: float = 0.0
    first: int | None = None
    waited: float = 0.0
    all: Figures | None = None
    epoch_began: float = 0.0
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        self.began = self.epoch_began = perf_counter()

    def __call__(self, step: Step) -> None:
        if self.first is None:
            self.first = step.iteration - 1
        waited, self.waited = self.trainer.waited - self.waited, self.trainer.waited
        for line in self._resized():
            print(line)
        print(f"Loaded: {waited:f} seconds")
        for line in self._heads():
            note(line)
        print(self._line(step), flush=True)
        for line in self._epoch_end(step):
            note(line)

    def _epoch_end(self, step: Step) -> Iterator[str]:
        """Yield what is said when all pictures have been seen once more: loss and milliseconds, as MindSpore does."""
        if self.trainer.plan.names not in ("classifier", "epochs"):
            return
        images, size = self.trainer.session.images, max(1, self.trainer.plan.epoch)
        epoch, steps = step.images // size, -(-size // images)
        if epoch == (step.images - images) // size:
            return
        now = perf_counter()
        milliseconds, self.epoch_began = 1000 * (now - self.epoch_began), now
        yield f"epoch: {epoch} step: {steps}, loss is {step.loss:.7f}"
        yield f"Epoch time: {milliseconds:.3f}, per step time: {milliseconds / steps:.3f}"

    @property
    def pjreddie(self) -> bool:
        return self.net.dialect == "pjreddie"

    def _hours_left(self, step: Step) -> float:
        done = step.iteration - (self.first or 0)
        return (perf_counter() - self.began) / max(1, done) * max(0, self.trainer.end - step.iteration) / 3600

    def _line(self, step: Step) -> str:
        tail = f"{step.learning_rate:f} rate, {step.seconds:f} seconds, {step.images} images"
        names, epochs = self.trainer.plan.names, step.images / max(1, self.trainer.plan.epoch)
        if names == "text":
            tail = f"{step.learning_rate:f} rate, {step.seconds:f} seconds, {epochs:f} epochs"
            return f"{step.iteration}: {step.loss:f}, {step.average_loss:f} avg, {tail}"
        if names in ("classifier", "epochs"):
            text = f"{step.iteration}, {epochs:.3f}: {step.loss:f}, {step.average_loss:f} avg, {tail}"
            return text if self.pjreddie or names == "epochs" else f"{text}, {self._hours_left(step):f} hours left"
        if self.pjreddie or names == "version1":
            return f"{step.iteration}: {step.loss:f}, {step.average_loss:f} avg, {tail}"
        text = f"\n {step.iteration}: {step.loss:f}, {step.average_loss:f} avg loss, {tail}"
        return f"{text}, {self._hours_left(step):f} hours left"

    def _resized(self) -> Iterator[str]:
        """Yield what is said where the size of the images changes, and at the first one if it may."""
        network = self.trainer.session.network
        size, before = (network.width, network.height), self.size
        self.size = size
        may = any(self.net.facts(layer).get("random") for layer in self.net.head_layers)
        if size != before and (before is not None or may):
            yield "Resizing"
            yield str(size[0]) if self.pjreddie else f"{size[0]} x {size[1]}"

    def _heads(self) -> Iterator[str]:
        session = self.trainer.session
        images = session.images // session.subdivisions
        for layer, figures in (item for mini_batch in session.mini_batches for item in mini_batch.items()):
            kind = self.net.layers[layer].kind
            self.all = add(self.all, figures)
            if kind in ("yolo", "Gaussian_yolo"):
                yield yolo_line(layer, kind, self.net.facts(layer), figures, images, dialect=self.net.dialect)
            elif kind == "region":
                yield region_line(figures)
            elif kind == "detection":
                yield version1_line(figures)
        if self.all is not None and not self.pjreddie and self.trainer.plan.names == "detector":
            line = boxes_line(self.all)
            if line:
                yield line
