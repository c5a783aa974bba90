"""Trainings in stages: each from the best weights of an earlier one, and measured."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Literal

from ..datafile import DataFile
from ..errors import DataError
from ..files import write_whole
from ..loading import load
from ..network import Network
from .staged_result import START, StagedResult, StageRow
from .stages import Stage, Stages, read_stages
from .step import Step
from .trainer import Trainer

__all__ = ["Stage", "StageRow", "StagedResult", "Stages", "read_stages", "staged"]

_log = logging.getLogger("pydn")

OnStep = Callable[[Stage, Step], object]
"""Called after every iteration; one that returns False stops the stages."""


def staged(
    stages: Stages | str | os.PathLike[str],
    *,
    dialect: Literal["alexeyab", "pjreddie"] = "alexeyab",
    restart: bool = False,
    workers: int | None = None,
    on_step: OnStep | None = None,
    on_stage: Callable[[StageRow], object] | None = None,
) -> StagedResult:
    """Train stage after stage, and measure each.

    A stage begins with no images seen, at the weights of an earlier stage whose average loss was the lowest
    (``minloss``). What is done is kept in the backup folder: ``results.json`` and ``results.txt``, and for each stage a
    folder of its name with its cfg, weights and state. Called again, it goes on where it was stopped, even by a kill.

    Parameters
    ----------
    stages
        The path of a file of stages, or what `read_stages` made of it.
    dialect
        Whose definitions and file names hold.
    restart
        Begin anew, whatever was done before.
    workers
        Threads that prepare pictures; None: up to 4.
    on_step, on_stage
        Called after each iteration and with each row of the results.

    Returns
    -------
    StagedResult

    Raises
    ------
    DataError
        If something is wrong with the stages or the data, or what was done before was done with other settings.
    """
    plan = stages if isinstance(stages, Stages) else read_stages(stages)
    plan.backup.mkdir(parents=True, exist_ok=True)
    run = _Run(plan, dialect, restart, workers, on_step, on_stage)
    return run.all()


@dataclass
class _Run:
    plan: Stages
    dialect: Literal["alexeyab", "pjreddie"]
    restart: bool
    workers: int | None
    on_step: OnStep | None
    on_stage: Callable[[StageRow], object] | None
    result: StagedResult = field(default_factory=StagedResult)

    def all(self) -> StagedResult:
        places = [_Place(stage, self.plan) for stage in self.plan.stages]
        if self.restart:
            (self.plan.backup / "results.json").unlink(missing_ok=True)
            for place in places:
                place.clear()
        else:
            self.result = StagedResult.read(self.plan.backup / "results.json")
        for place in places:
            place.check(self.plan.path)
        if self.plan.weights and START not in self.result:
            self.add(self.measure(places[0], places[0].original, self.plan.weights, START))
        for place in places:
            if place.stage.name in self.result:
                continue
            row = self.train(place)
            if row is None:
                return replace(self.result, stopped="interrupted")
            self.add(row)
        return self.result

    def add(self, row: StageRow) -> None:
        self.result = replace(self.result, rows=(*self.result.rows, row))
        self.result.to_json(self.plan.backup / "results.json")
        write_whole(self.plan.backup / "results.txt", f"{self.result}\n".encode())
        if self.on_stage is not None:
            self.on_stage(row)

    def train(self, place: _Place) -> StageRow | None:
        """Train a stage to its end, or None where it is stopped before."""
        stage, began = place.stage, perf_counter()
        start = self.result[stage.weights].weights if stage.weights in self.result else stage.weights
        place.folder.mkdir(parents=True, exist_ok=True)
        write_whole(place.cfg, place.text)
        _log.info("stage %s begins at %s", stage.name, start or "first weights")
        with load(place.cfg, start or None, data=stage.data, dialect=self.dialect) as net:
            trainer = self.trainer(net, place)
            if trainer.session.iteration < trainer.end and trainer.run().stopped != "finished":
                return None
            iterations, loss = trainer.session.iteration, trainer.session.average_loss
        row = self.measure(place, place.cfg, str(place.best), stage.name)
        return replace(row, iterations=iterations, loss=loss or 0.0, seconds=perf_counter() - began)

    def trainer(self, net: Network, place: _Place) -> Trainer:
        stage, on_step = place.stage, self.on_step
        return net.training(
            DataFile.read(stage.data),
            seed=stage.seed,
            workers=self.workers,
            backup=place.folder,
            base=stage.base,
            resume=True,
            minloss=True,
            clear=not place.state.exists(),
            callbacks=[] if on_step is None else [lambda trainer, step: on_step(stage, step)],
        )

    def measure(self, place: _Place, cfg: Path, weights: str, name: str) -> StageRow:
        with load(cfg, weights, data=place.stage.data, dialect=self.dialect) as net:
            found = net.map(DataFile.read(place.stage.data))
            layers = [layer.facts for layer in net.layers if layer.kind == "convolutional"]
            ternary, rate = sum(bool(facts["ternary"]) for facts in layers), float(net.facts(-1)["learning_rate"])
        return StageRow(name, weights, ternary, len(layers), rate, 0, 0.0, found.map, found.average_iou)


class _Place:
    """Files of a stage."""

    def __init__(self, stage: Stage, plan: Stages) -> None:
        self.stage, self.original = stage, Path(stage.cfg)
        self.folder = plan.backup / stage.name
        self.cfg = self.folder / f"{stage.base}.cfg"
        begin = stage.weights or "first weights"
        about = f"# stage {stage.name} from {begin}, pictures of {stage.data}, seed {stage.seed}\n"
        self.text = about.encode("utf-8", "surrogateescape") + stage.text(self.original.read_bytes())

    @property
    def state(self) -> Path:
        return self.folder / f"{self.stage.base}.state"

    @property
    def best(self) -> Path:
        """Weights of the lowest average loss; the last ones where none were lower than those of the burn-in."""
        names = (f"{self.stage.base}{end}.weights" for end in (".minloss", "_final", "_last"))
        return next(path for path in map(self.folder.joinpath, names) if path.exists())

    def check(self, file: str) -> None:
        """Refuse to mix what was done before with other settings."""
        if self.cfg.exists() and self.cfg.read_bytes() != self.text:
            raise DataError(
                f"stage {self.stage.name} was begun with other settings: those of {self.cfg}; set them back, give "
                "another backup=, or begin anew with -restart (restart=True)",
                file=file,
                line=self.stage.line,
            )

    def clear(self) -> None:
        """Remove what an earlier run of the stage left, but no other file."""
        for path in self.folder.glob(f"{self.stage.base}*"):
            path.unlink()
