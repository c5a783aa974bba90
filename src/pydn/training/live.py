"""A page that shows a training while it runs, for browsers on this machine."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import math
import re
from collections import deque
from collections.abc import Callable, Sequence
from http import HTTPStatus
from threading import Condition
from time import monotonic
from typing import TYPE_CHECKING, Any

from ..server import LOCAL, Request, Server
from .live_page import PAGE
from .result import TrainResult
from .samples import Sample
from .step import Step

if TYPE_CHECKING:
    from .trainer import Trainer

_log = logging.getLogger("pydn")

_POINTS = 600
"""Of a curve that is sent; of a longer one every second, third, … iteration."""
_RECENT = 50
"""Iterations that the rate is taken from."""
_WATCHED = 4.0
"""Seconds after a request in which somebody is taken to watch."""
_SAMPLES_EVERY = 5.0
_SAMPLES_SHARE = 0.02
"""Of the time that may go into pictures."""
_CURVES = ("iteration", "loss", "average_loss", "learning_rate")


class LivePage:
    """Callback that serves a page with the curves of a training, its progress, and pictures with what is found in them.

    The page needs nothing from elsewhere. It tells its data to itself only: a page of another origin, and a name that
    was made to point here, are turned away.

    Parameters
    ----------
    port
        0: any that is free; see `url`.
    address
        Where it listens. Other machines can see it only where it is not 127.0.0.1.
    past
        What was done before this training goes on.
    samples
        Makes the pictures. They are made anew every few seconds, in the training's own thread between two iterations,
        while somebody watches, and take two hundredths of the time at most.

    Raises
    ------
    OSError
        If the port is in use or not allowed.
    """

    def __init__(
        self,
        port: int,
        address: str = LOCAL,
        *,
        past: TrainResult | None = None,
        samples: Callable[[], Sequence[Sample]] | None = None,
    ) -> None:
        self.state = _State(TrainResult() if past is None else past)
        self._make_samples, self._next_samples = samples, 0.0
        self._server = _PageServer(self.state, port, address)
        _log.info("the training is at %s", self.url)

    @property
    def url(self) -> str:
        """Address of the page."""
        return self._server.url

    def __call__(self, trainer: Trainer, step: Step) -> None:
        """Take an iteration."""
        self.state.take(trainer, step)
        if self._make_samples is not None and self.state.watched and (began := monotonic()) >= self._next_samples:
            self.state.samples = list(self._make_samples())
            self.state.drawn += 1
            taken = monotonic() - began
            self._next_samples = monotonic() + max(_SAMPLES_EVERY, taken / _SAMPLES_SHARE)

    def finish(self, trainer: Trainer) -> None:
        """Let who watches see how it ended, and stop serving."""
        self.state.end(trainer.result.stopped)
        self._server.close()


class _State:
    """What the page shows; written by the training's thread, read by the server's."""

    def __init__(self, past: TrainResult) -> None:
        self.samples: list[Sample] = []
        self.drawn = 0
        self._past: TrainResult | None = past
        self._curves: dict[str, list[float]] = {name: [] for name in _CURVES}
        self._facts: dict[str, Any] = {"state": "starting", "iteration": 0, "end": 0}
        self._scores: dict[str, list[tuple[int, float]]] = {}
        self._times: deque[float] = deque(maxlen=_RECENT)
        self._changed = Condition()
        self._asked = -math.inf
        self._told = False

    @property
    def watched(self) -> bool:
        """Whether the page is open somewhere."""
        return monotonic() - self._asked < _WATCHED

    def take(self, trainer: Trainer, step: Step) -> None:
        with self._changed:
            if self._past is not None:  # not before the first iteration, which says how much of it counts
                for before in self._past:
                    self._append(before)
                for score in self._past.scores:
                    self._scores.setdefault(score.name, []).append((score.iteration, score.value))
                self._past = None
            self._append(step)
            for score in trainer.result.scores:
                if score.iteration == step.iteration:
                    self._scores.setdefault(score.name, []).append((score.iteration, score.value))
            self._times.append(monotonic())
            self._facts = self._now(trainer, step)

    def _append(self, step: Step) -> None:
        for name, values in self._curves.items():
            values.append(getattr(step, name))

    def _now(self, trainer: Trainer, step: Step) -> dict[str, Any]:
        passed = self._times[-1] - self._times[0]
        rate = (len(self._times) - 1) / passed if passed > 0 else None
        left = max(0, trainer.end - step.iteration) / rate if rate and trainer.end > 0 else None
        epoch = step.images / trainer.plan.epoch if trainer.plan.epoch else None
        return {
            "state": "running",
            "name": trainer.plan.base,
            "iteration": step.iteration,
            "end": trainer.end,
            "rate": rate,
            "left": left,
            "images": step.images,
            "epoch": epoch,
            "iou": step.iou if step.count else None,
        }

    def end(self, stopped: str) -> None:
        """Say that it is over, and wait a moment for somebody who watches to hear of it."""
        with self._changed:
            self._facts = self._facts | {"state": stopped, "left": None}
            if self.watched:
                self._changed.wait_for(lambda: self._told, timeout=2.0)

    def json(self) -> bytes:
        with self._changed:
            self._asked = monotonic()
            count = len(self._curves["iteration"])
            every = max(1, math.ceil(count / _POINTS))
            part = slice((count - 1) % every, None, every) if count else slice(0)
            facts = self._facts | {
                "curves": {name: [_finite(value) for value in values[part]] for name, values in self._curves.items()},
                "scores": {name: [[k, _finite(v)] for k, v in points] for name, points in self._scores.items()},
                "samples": [[f"sample/{k}?{self.drawn}", sample.text] for k, sample in enumerate(self.samples)],
            }
            if facts["state"] not in ("starting", "running"):
                self._told = True
                self._changed.notify_all()
        return json.dumps(facts, allow_nan=False).encode()


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


class _PageServer(Server):
    """``/`` is the page, ``/data.json`` what it shows, ``/sample/N`` a picture."""

    def __init__(self, state: _State, port: int, address: str) -> None:
        self._state = state
        self._page = PAGE.encode()
        policy = f"default-src 'none'; img-src 'self'; connect-src 'self'; {_inline(self._page)}"
        self._headers = {
            "Content-Security-Policy": f"{policy}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        self._hosts = {"127.0.0.1", "localhost", address} if address.startswith("127.") else None
        super().__init__(port, address)

    def answer(self, request: Request) -> None:
        path = request.path.partition("?")[0]
        if not self._welcome(request, path):
            request.send_error(HTTPStatus.FORBIDDEN)
        elif path == "/":
            request.whole("text/html; charset=utf-8", self._page, self._headers)
        elif path == "/data.json":
            request.whole("application/json", self._state.json(), self._headers)
        elif (found := re.fullmatch(r"/sample/(\d{1,3})", path)) and int(found[1]) < len(self._state.samples):
            request.whole("image/jpeg", self._state.samples[int(found[1])].jpeg, self._headers)
        elif path == "/favicon.ico":  # every browser asks for it
            request.send_response(HTTPStatus.NO_CONTENT)
            request.end_headers()
        else:
            request.send_error(HTTPStatus.NOT_FOUND)

    def _welcome(self, request: Request, path: str) -> bool:
        """Whether a request is the page's own, or of a program here; anybody may open the page, which tells nothing."""
        name = request.headers.get("Host", "").rpartition(":")[0] or request.headers.get("Host", "")
        if self._hosts is not None and name not in self._hosts:  # a foreign name that leads here
            return False
        own = request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")
        origin = request.headers.get("Origin")
        return path == "/" or (own and origin in (None, f"http://{request.headers.get('Host')}"))


def _inline(page: bytes) -> str:
    """Return the policy that lets the page's own style and script run, and nothing else."""
    parts = []
    for tag, source in ((b"style", "style-src"), (b"script", "script-src")):
        text = page.partition(b"<" + tag + b">")[2].partition(b"</" + tag + b">")[0]
        parts.append(f"{source} 'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'")
    return "; ".join(parts)
