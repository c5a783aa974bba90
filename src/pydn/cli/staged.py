"""``pydn staged``: a training in stages, as of ternary networks."""

from __future__ import annotations

from collections.abc import Callable

from ..training.staged import staged
from ..training.staged_result import StageRow
from ..training.stages import Stage
from ..training.step import Step
from .common import dialect_of, note, set_threads
from .options import Command, Flag, Options

STAGED = Command(
    "staged",
    "FILE",
    "Trains stage after stage: each begins at the weights of an earlier one whose average loss was the lowest, and is "
    "measured. Prints the table of results. FILE is written like a cfg: [stages] with data=, cfg=, weights=, backup=; "
    "then for each stage a [stage] with name=, ternary= (layer numbers, all or none), float= (layers that are not "
    "ternary all the same), learning_rate=, iterations=, seed=, and data=, cfg=, weights= (a file, an earlier stage or "
    "start) where they are its own. Called again, it goes on where it was stopped.",
    (
        Flag("restart", "begin anew, whatever was done before"),
        Flag("workers", "threads that prepare pictures (default: up to 4)", int, "N"),
    ),
)


def run(options: Options) -> int:
    """Run ``staged``."""
    set_threads(options)
    result = staged(
        options.words[0],
        dialect=dialect_of(options),
        restart=options.on("restart"),
        workers=options.integer("workers"),
        on_step=_step,
        on_stage=_stage,
    )
    print(result)
    if result.stopped == "interrupted":
        note("pydn: interrupted; the same command goes on from there")
        return 1
    return 0


def _step(stage: Stage, step: Step) -> None:
    if step.iteration % 10 == 0:
        note(f"{stage.name} {step}")


def _stage(row: StageRow) -> None:
    note(str(row))


VERBS: tuple[tuple[Command, Callable[[Options], int]], ...] = ((STAGED, run),)
