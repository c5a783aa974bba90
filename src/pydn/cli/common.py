"""What the verbs share: opening a network as darknet reports it, asking for images, showing them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from typing import Any, Literal, cast

from .._core.threads import set_num_threads
from ..datafile import DataFile
from ..errors import DataError, Error
from ..evaluation.listing import Problem
from ..image import Pixels
from ..loading import load
from ..network import Network
from ..preprocess import Dialect
from ..progress import Progress, clear
from ..sources import image_paths as several_paths
from .options import PRECISIONS, Options, UsageError


def note(text: str = "", end: str = "\n") -> None:
    """Print to stderr, where darknet puts what is not a result."""
    clear()
    print(text, file=sys.stderr, end=end, flush=True)


def progress_of_rows(paths: Iterable[object], label: str) -> Progress:
    """Progress of work that prints as it goes: not shown where the terminal shows what is printed."""
    return Progress(len(paths) if isinstance(paths, Sized) else None, label, show=not sys.stdout.isatty())


def describe(error: BaseException) -> str:
    """Return an error as one line."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def note_problems(problems: Sequence[Problem], most: int = 20) -> None:
    """Print what is wrong in a data set to stderr, and how much more there is than `most`."""
    for problem in problems[:most]:
        note(f"pydn: {problem}")
    if len(problems) > most:
        note(f"pydn: and {len(problems) - most} more problems in the data")


def dialect_of(options: Options) -> Dialect:
    """Return the dialect that ``-compat`` names."""
    compat = options.text("compat") or "alexeyab"
    names = {"alexeyab": "alexeyab", "ab": "alexeyab", "pjreddie": "pjreddie", "pj": "pjreddie"}
    if compat not in names:
        raise UsageError(f"-compat is alexeyab or pjreddie, not {compat!r}")
    return cast(Dialect, names[compat])


def set_threads(options: Options) -> None:
    """Compute with as many threads as ``-threads`` says."""
    threads = options.integer("threads")
    if threads is None:
        return
    if threads < 1:
        raise UsageError(f"-threads must be 1 or more, not {threads}")
    set_num_threads(threads)


def open_network(
    options: Options,
    cfg: str,
    weights: str | None,
    data: DataFile | None = None,
    *,
    names: Any = None,
    quiet: bool = False,
    outputs: Literal["heads", "all"] = "heads",
    layers: int | None = None,
) -> Network:
    """Load a network, or its first `layers`' weights, and report it on stderr, unless `quiet`, as darknet does."""
    set_threads(options)
    net = load(
        cfg,
        weights,
        data=data,
        names=names,
        device=_device(options),
        precision=_precision(options),
        dialect=dialect_of(options),
        outputs=outputs,
        strict=False,
        ternarize=options.on("ternarize"),
        layers=layers,
    )
    if not quiet:
        note(net.summary())
    if weights is not None:
        _report_weights(net, weights, quiet, layers)
    return net


def _device(options: Options) -> str:
    device = options.text("device") or "cpu"
    if device.partition(":")[0] not in ("cpu", "ref", "cuda"):
        raise UsageError(f"-device is cpu, ref, cuda or cuda:N, not {device!r}")
    if device != "cuda":
        return device
    return "cpu" if options.on("nogpu") else f"cuda:{max(0, options.integer('i') or 0)}"


def _precision(options: Options) -> Any:
    precision = options.text("precision") or "fp32"
    if precision not in PRECISIONS:
        raise UsageError(f"-precision is {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}, not {precision!r}")
    return precision


def _report_weights(net: Network, weights: str, quiet: bool, wanted: int | None) -> None:
    report = net.report
    if report is None:
        return
    if not quiet:
        bits = 64 if (report.header.major * 10 + report.header.minor) >= 2 else 32
        seen = report.header.seen
        note(f"Loading weights from {weights}...")
        note(f"\n seen {bits}, trained: {seen // 1000} K-images ({seen // 64000} Kilo-batches_64) ")
        note(f"Done! Loaded {report.layers_loaded} layers from weights-file ")
    if report.bytes_left and wanted is None:
        note(
            f"pydn: warning: {weights}: {report.bytes_left} bytes are left over after the last layer: "
            "do cfg and weights belong together?"
        )
    missing = not report.complete if wanted is None else report.layers_loaded < wanted
    if missing:
        note(
            f"pydn: warning: {weights} ends after layer {report.layers_loaded - 1} of {len(net.layers)}: "
            "the layers after it have random weights"
        )


@dataclass(frozen=True, slots=True)
class Images:
    """Paths of the images that a command line asks for.

    Attributes
    ----------
    paths
        They may be typed while it is iterated.
    single
        There is one, the command line's: what is wrong with it is what is wrong with the command.
    """

    paths: Iterable[str]
    single: bool = False

    def each(self, work: Callable[[int, str], None]) -> int:
        """Call `work` with number (from 1) and path of every image; return the exit status.

        An image that cannot be read is reported and the rest goes on, with status 1 at the end.
        """
        status = 0
        with progress_of_rows(self.paths, "images") as bar:
            for number, path in enumerate(self.paths, 1):
                try:
                    work(number, path)
                except (Error, OSError) as error:
                    about_it = error.filename == path if isinstance(error, OSError) else isinstance(error, DataError)
                    if self.single or not about_it:  # a full disk, a network that does not fit
                        raise
                    note(f"pydn: {describe(error)}")
                    status = 1
                bar.advance()
        return status


def images_of(given: str | None) -> Images:
    """Return the images of a word, or those that are typed (or piped in) until the end of the input.

    A word is the path of an image, a folder, a pattern, or a ``.txt`` with a path a line.
    """
    if given is None:
        return Images(_typed())
    several = several_paths(given)
    return Images([given], single=True) if several is None else Images(several)


def _typed() -> Iterator[str]:
    while True:
        print("Enter Image Path: ", end="", flush=True)
        line = sys.stdin.readline()
        if not line:
            print()
            return
        if line.strip():
            yield line.strip()


def show_window(title: str, image: Pixels) -> None:
    """Show an image until a key is pressed, where there is a screen and an OpenCV with windows."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    import cv2

    try:
        cv2.imshow(title, image)
        cv2.waitKey(0)
        cv2.destroyAllWindows()
    except cv2.error:  # a build without windows
        return
