"""`Trainer`: a network and a data set, trained iteration by iteration, with everything written down on the way."""

from __future__ import annotations

import logging
import math
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import DataError, TrainingError
from ..files import link_whole
from . import checkpoint
from .freezing import Frozen
from .measuring import Judge
from .records import numbers, of_numbers
from .result import Score, TrainResult
from .saving import (
    LeastLoss,
    Names,
    classifier_names,
    detector_names,
    final_names,
    minloss_names,
    older_names,
    usual_every,
)
from .session import Session
from .step import Step
from .trouble import named

if TYPE_CHECKING:
    from ..network import Network

_log = logging.getLogger("pydn")

Callback = Callable[["Trainer", Step], object]
"""Called after every iteration; one that returns False ends the training.

Where it has a method ``finish``, that is called with the trainer when the training is over, however it ended.
"""


class Feed(Protocol):
    """Where batches come from; `loader.Loader` is one."""

    waited: float

    def __iter__(self) -> Iterator[Any]: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class Plan:
    """How a training goes; what is None follows the cfg or the dialect's program.

    Attributes
    ----------
    iterations
        Where it ends, counted from the first iteration of the weights; None: ``max_batches=``.
    backup
        Folder for weights; None: none are written.
    base
        First part of their names.
    resume
        Go on from the state beside the weights, if there is one.
    clear
        Begin at iteration 0.
    freeze
        Layers whose parameters stay: see `freezing.frozen_layers`.
    judge
        Measures the weights every ``score_every`` iterations, from ``score_from`` on.
    patience
        End after so many measurements without a better one; None: never.
    names
        Whose file names are used.
    epoch
        Pictures of one.
    save_every, save_last
        Iterations between numbered weights and between the ``_last`` ones; 0: never, None: the dialect's.
    minloss
        Write the weights of every iteration after ``burn_in=`` whose average loss is the least, as ``.minloss``.
    say
        Is told of every file; None: the log is.
    """

    iterations: int | None = None
    backup: str | os.PathLike[str] | None = None
    base: str = "network"
    resume: bool = False
    clear: bool = False
    freeze: tuple[int | str, ...] = ()
    judge: Judge | None = None
    score_every: int = 1000
    score_from: int = 0
    patience: int | None = None
    names: Names = "detector"
    epoch: int = 0
    save_every: int | None = None
    save_last: int | None = None
    minloss: bool = False
    say: Callable[[str], object] | None = None


class Trainer:
    """Train a network on what a feed gives.

    Iterating over it gives a `Step` for each iteration; between two of them the network may be used and its weights
    looked at. Ctrl-C and SIGTERM end it after the iteration that is running; then, as at the end, the weights are
    written.

    Parameters
    ----------
    net
        Whose weights are trained.
    feed
        Makes the feed that begins with the given iteration.
    plan
        How it goes.
    session
        None: as the cfg says.
    callbacks
        Called after each iteration.

    Attributes
    ----------
    past
        Of a training that was resumed: its iterations before.
    """

    def __init__(
        self,
        net: Network,
        feed: Callable[[int], Feed],
        plan: Plan,
        *,
        session: Session | None = None,
        callbacks: Iterable[Callback] = (),
    ) -> None:
        if plan.iterations is not None and plan.iterations < 1:
            raise ValueError(f"iterations must be 1 or more, not {plan.iterations}")
        self.net, self.plan, self.callbacks = net, plan, list(callbacks)
        self.session = session or net.session()
        if plan.clear:
            net.seen = self.session.iteration = 0
        self.result = TrainResult(network=net)
        self.past = TrainResult(stopped="")
        self._rows: list[tuple[float, ...]] = []  # of all iterations: made once, as states are written often
        self.end = self.session.schedule.max_batches if plan.iterations is None else plan.iterations
        self.frozen = Frozen(net, plan.freeze)
        self._make_feed = feed
        self._feed: Feed | None = None
        self._stop = threading.Event()
        self._since_best = 0
        self._least = LeastLoss(self.session.facts["burn_in"])
        if plan.backup is not None:
            Path(plan.backup).mkdir(parents=True, exist_ok=True)
        if plan.resume:
            self._resume()
        elif self.session.iteration >= self.end > 0:
            _log.warning(
                "the weights have seen %d iterations, the cfg ends after %d: training begins anew",
                self.session.iteration,
                self.end,
            )
            net.seen = self.session.iteration = 0

    @property
    def waited(self) -> float:
        """Seconds that the engine waited for pictures."""
        return 0.0 if self._feed is None else self._feed.waited

    def stop(self) -> None:
        """End after the iteration that is running; may be called from anywhere."""
        self._stop.set()

    def __iter__(self) -> Iterator[Step]:
        if self.plan.resume and 0 < self.end <= self.session.iteration:
            return
        self._feed = feed = self._make_feed(self.session.iteration)
        with _Signals(self.stop) as signals:
            try:
                for batch in feed:
                    step = self._step(batch)
                    yield step
                    if self._done(step):
                        break
            finally:
                feed.close()
                if signals.caught:
                    self.result.stopped = "interrupted"
                try:
                    self._finish()
                finally:
                    self._tell()

    def run(self) -> TrainResult:
        """Train to the end."""
        for _ in self:
            pass
        return self.result

    # ---- one iteration

    def _step(self, batch: Any) -> Step:
        try:
            step = self.session.step(batch.x, batch.truth)
        except TrainingError as error:
            self.result.stopped = "failed"
            raise named(error, batch.paths) from error
        self.frozen.restore()
        self.result.steps.append(step)
        self._rows.append(numbers(step))
        self.result.waited = self.waited
        self._measure(step)
        self._save(step)
        return step

    def _done(self, step: Step) -> bool:
        ended = [callback(self, step) is False for callback in self.callbacks]
        if any(ended) or self._stop.is_set():
            self.result.stopped = "interrupted"
            return True
        if self.plan.patience is not None and self._since_best >= self.plan.patience > 0:
            self.result.stopped = "patience"
            return True
        return 0 < self.end <= self.session.iteration

    def _tell(self) -> None:
        """Let the callbacks finish what they began: each of them, even if another one fails."""
        with ExitStack() as finished:
            for callback in reversed(self.callbacks):
                if callable(finish := getattr(callback, "finish", None)):
                    finished.callback(finish, self)

    def _measure(self, step: Step) -> None:
        plan = self.plan
        if plan.judge is None or step.iteration < plan.score_from or step.iteration % plan.score_every:
            return
        score = Score(step.iteration, plan.judge.name, plan.judge.measure(self.net))
        self.result.scores.append(score)
        self._since_best += 1
        best = self.result.best
        if plan.judge.better(score.value, None if best is None or best.name != score.name else best.value):
            self.result.best, self._since_best = score, 0
            self._write(f"{plan.base}_best.weights")

    # ---- files

    @property
    def state_path(self) -> Path | None:
        """Where the state of the training is kept."""
        return None if self.plan.backup is None else Path(self.plan.backup) / f"{self.plan.base}.state"

    def _names(self, step: Step) -> Iterator[str]:
        plan, dialect = self.plan, self.net.dialect
        last = 100 if plan.save_last is None else plan.save_last
        every = plan.save_every
        if every is None:
            every = usual_every(plan.names, dialect, self.session.schedule.max_batches)
        if plan.names == "detector":
            return detector_names(plan.base, step.iteration, dialect, every, last)
        epoch = self._epoch()
        new = epoch > self._epoch(self.session.images)
        if plan.names != "classifier":
            return older_names(plan.base, step.iteration, epoch, new, plan.names, every, last)
        return classifier_names(plan.base, step.iteration, epoch, new, dialect, every, last)

    def _epoch(self, before: int = 0) -> int:
        """How often all pictures have been seen, `before` so many images ago."""
        return (self.net.seen - before) // max(1, self.plan.epoch)

    def _save(self, step: Step) -> None:
        if self.plan.backup is None:
            return
        if self.plan.minloss and self._least(step.iteration, step.average_loss):
            self._say(f"Saving weights at minimum loss = {step.average_loss:f}")
            self._write(*minloss_names(self.plan.base, self._epoch()))
        names = list(self._names(step))
        if names:
            self._write(*names)
            self._keep_state()

    def _write(self, *names: str) -> None:
        """Write the weights under several names, once."""
        if self.plan.backup is None:
            return
        first, *others = (Path(self.plan.backup) / name for name in names)
        self._say(f"Saving weights to {first}")
        self.net.save(first)
        for path in others:
            self._say(f"Saving weights to {path}")
            link_whole(first, path)
        self.result.files |= {name: str(Path(self.plan.backup) / name) for name in names}

    def _say(self, text: str) -> None:
        (self.plan.say or _log.info)(text)

    def _keep_state(self) -> None:
        path = self.state_path
        if path is None:
            return
        best = self.result.best
        facts = {
            "end": self.end,
            "best": None if best is None else [best.iteration, best.name, best.value],
            "since_best": self._since_best,
            "least": self._least.value if math.isfinite(self._least.value) else None,
            "scores": [[one.iteration, one.name, one.value] for one in self.past.scores + self.result.scores],
        }
        checkpoint.save(path, self.session, facts, self._rows)

    def _resume(self) -> None:
        path = self.state_path
        if path is None or not path.exists():
            return
        facts = checkpoint.restore(path, self.session)
        if facts.get("best"):
            iteration, name, value = facts["best"]
            self.result.best = Score(int(iteration), str(name), float(value))
        self._since_best = int(facts.get("since_best", 0))
        self._remember(facts)
        if facts.get("least") is not None:
            self._least.value = float(facts["least"])
        self.frozen = Frozen(self.net, self.plan.freeze)

    def _remember(self, facts: dict[str, Any]) -> None:
        try:
            self.past.steps = [of_numbers(row) for row in facts["history"].tolist()]
            self.past.scores = [Score(int(at), str(name), float(value)) for at, name, value in facts.get("scores", [])]
        except (ValueError, TypeError) as error:
            raise DataError(f"{self.state_path} has a broken history ({error})", file=str(self.state_path)) from error
        self.past.best = self.result.best
        self._rows = [numbers(step) for step in self.past]

    def _finish(self) -> None:
        if self.plan.backup is None or not self.result.steps:
            return
        if self.result.stopped == "failed" and self.result.files:
            return  # what was written stays: it is older, and from before the weights went wrong
        if self.result.stopped == "finished":
            self._write(*final_names(self.plan.base, self.plan.names))
        else:
            self._write(f"{self.plan.base}_last.weights")
        if self.result.stopped != "failed":  # then what is left of the gradients is of no use
            self._keep_state()


class _Signals:
    """While it is entered, Ctrl-C and SIGTERM call `stop` in place of ending the process; on the main thread only."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop, self.caught = stop, False
        self._before: dict[int, Any] = {}

    def _catch(self, number: int, frame: FrameType | None) -> None:
        if self.caught:  # whoever insists is obeyed at once
            raise KeyboardInterrupt
        self.caught = True
        self._stop()

    def __enter__(self) -> _Signals:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._catch)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
