"""``pydn plot``: the losses of a training, from its history or from what darknet printed."""

from __future__ import annotations

import shutil

from ..training.chart import save_chart
from ..training.history import read_history
from ..training.text_chart import text_chart
from .common import note
from .options import Command, Flag, Options

PLOT = Command(
    "plot",
    "LOG",
    "Shows the average loss of a training as bars, with its minimum. LOG is a history (-history of the training verbs) "
    "or what a darknet of either fork printed, detector or classifier.",
    (
        Flag(
            "out", "file for a picture: loss, average loss and what was measured, linear and logarithmic", str, "FILE"
        ),
        Flag("log", "logarithmic only"),
        Flag("csv", "file for a table: a line for each iteration", str, "FILE"),
        Flag("rows", "bars at most (default 20)", int, "N"),
    ),
)


def plot(options: Options) -> int:
    """Run ``plot``."""
    result = read_history(options.words[0])
    width = min(120, shutil.get_terminal_size((80, 24)).columns)
    print(text_chart(result, rows=options.integer("rows") or 20, width=width, log=options.on("log")))
    for name in dict.fromkeys(score.name for score in result.scores):
        scores = [score for score in result.scores if score.name == name]
        best = max(scores, key=lambda score: score.value)
        last = scores[-1]
        print(
            f"{name} {100 * last.value:.2f} % after iteration {last.iteration}, "
            f"best {100 * best.value:.2f} % after {best.iteration}"
        )
    if (path := options.text("out")) is not None:
        save_chart(path, result, log=options.on("log"))
        note(f"pydn: {path} written")
    if (path := options.text("csv")) is not None:
        result.to_csv(path)
        note(f"pydn: {path} written")
    return 0
