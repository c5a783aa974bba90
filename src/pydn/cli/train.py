"""``pydn detector train`` and ``classifier train``: darknet's command lines, lines and file names."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from .._core.training import Figures
from ..datafile import DataFile
from ..errors import UnsupportedError
from ..network import Network
from ..progress import Progress
from ..server import LOCAL
from ..training import LivePage, Step
from ..training.head_lines import boxes_line, region_line, yolo_line
from ..training.step import add
from ..training.task import trainer_of
from ..training.trainer import Trainer
from .common import note, open_network
from .options import Command, Flag, Options, UsageError

_FLAGS = (
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
    Flag("lenient", "train although something is wrong in the data"),
    Flag("chart", "file for the picture of losses (default chart.png)", str, "FILE"),
    Flag("history", "file that gets a line for every iteration: .csv, else JSONL; pydn plot shows it", str, "FILE"),
    Flag("live", "show the training on a page for browsers at this port (8090)", int, "[PORT]", default=8090),
    Flag("mjpeg_port", "as -live: a page in place of the reference's video of its chart", int, "PORT"),
    Flag("address", "where the page is served (default 127.0.0.1, for this machine only)", str, "ADDRESS"),
)
_IGNORED: dict[str, type[bool] | type[int] | type[float] | type[str]] = {
    "dont_show": bool,
    "show_imgs": bool,
    "gpus": str,
    "i": int,
    "json_port": int,
    "benchmark_layers": bool,
    "thresh": float,
    "iou_thresh": float,
    "avgframes": int,
    "letter_box": bool,
}
_FILES = (
    "Writes weights into DATA's backup= folder, and a state from which -resume goes on. Ctrl-C ends it tidily. Words "
    "after WEIGHTS are ignored, as in darknet."
)

DETECTOR_TRAIN = Command(
    "detector train",
    "DATA CFG [WEIGHTS] [MORE]",
    f"Trains a detector on DATA's train= pictures. {_FILES}",
    (
        *_FLAGS,
        Flag("map", "measure mAP on DATA's valid= pictures while training, keep the best weights"),
        Flag("mAP_epochs", "how often (default 4 epochs)", int, "N"),
    ),
    _IGNORED,
)
CLASSIFIER_TRAIN = Command(
    "classifier train",
    "DATA CFG [WEIGHTS] [MORE]",
    f"Trains a classifier on DATA's train= pictures. {_FILES}",
    (
        *_FLAGS,
        Flag("topk", "measure accuracy on DATA's valid= pictures while training, keep the best weights"),
    ),
    _IGNORED,
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
    note(Path(cfg).stem)
    net = open_network(options, cfg, weights, data)
    _check_kind(net, cfg, classifier)
    _check_names(net, data)
    facts = net.facts(-1)
    note(f"Learning Rate: {facts['learning_rate']:g}, Momentum: {facts['momentum']:g}, Decay: {facts['decay']:g}")
    trainer = _trainer(net, data, options, classifier)
    for page in (callback for callback in trainer.callbacks if isinstance(callback, LivePage)):
        note(f"pydn: the training is at {page.url}")
    lines = _Lines(net, trainer, classifier)
    bar = Progress(trainer.end or None, "training", done=trainer.session.iteration, show=not sys.stdout.isatty())
    try:
        with bar:
            for step in trainer:
                lines(step)
                bar.advance(1, note=f"average loss {step.average_loss:.4g}")
    finally:
        net.close()
    if trainer.result.stopped == "interrupted":
        note(f"pydn: interrupted after iteration {trainer.session.iteration}; -resume goes on from there")
        return 1
    return 0


def _trainer(net: Network, data: DataFile, options: Options, classifier: bool) -> Trainer:
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
        measure=("topk" if classifier else "map") if measured else None,
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
    )


def _port(options: Options) -> int | None:
    """Return where the page is asked for; the reference's -1 means nowhere."""
    port = options.integer("live")
    if port is None:
        port = options.integer("mjpeg_port")
    return None if port is None or port < 0 else port


def _check_kind(net: Network, cfg: str, classifier: bool) -> None:
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
    classifier: bool
    began: float = 0.0
    first: int | None = None
    waited: float = 0.0
    all: Figures | None = None

    def __post_init__(self) -> None:
        self.began = perf_counter()

    def __call__(self, step: Step) -> None:
        if self.first is None:
            self.first = step.iteration - 1
        waited, self.waited = self.trainer.waited - self.waited, self.trainer.waited
        print(f"Loaded: {waited:f} seconds")
        for line in self._heads(step):
            note(line)
        print(self._line(step), flush=True)

    @property
    def pjreddie(self) -> bool:
        return self.net.dialect == "pjreddie"

    def _hours_left(self, step: Step) -> float:
        done = step.iteration - (self.first or 0)
        return (perf_counter() - self.began) / max(1, done) * max(0, self.trainer.end - step.iteration) / 3600

    def _line(self, step: Step) -> str:
        tail = f"{step.learning_rate:f} rate, {step.seconds:f} seconds, {step.images} images"
        if self.classifier:
            epoch = step.images / max(1, self.trainer.plan.epoch)
            text = f"{step.iteration}, {epoch:.3f}: {step.loss:f}, {step.average_loss:f} avg, {tail}"
            return text if self.pjreddie else f"{text}, {self._hours_left(step):f} hours left"
        if self.pjreddie:
            return f"{step.iteration}: {step.loss:f}, {step.average_loss:f} avg, {tail}"
        text = f"\n {step.iteration}: {step.loss:f}, {step.average_loss:f} avg loss, {tail}"
        return f"{text}, {self._hours_left(step):f} hours left"

    def _heads(self, step: Step) -> Iterator[str]:
        images = self.trainer.session.images
        for layer, figures in step.heads.items():
            kind = self.net.layers[layer].kind
            self.all = add(self.all, figures)
            if kind in ("yolo", "Gaussian_yolo"):
                yield yolo_line(layer, kind, self.net.facts(layer), figures, images, dialect=self.net.dialect)
            elif kind == "region":
                yield region_line(figures)
        if self.all is not None and not self.pjreddie:
            line = boxes_line(self.all)
            if line:
                yield line
