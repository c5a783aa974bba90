"""The state of a training in one file, from which it goes on as if it had never stopped.

A numpy archive (.npz without pickles): weights, what momentum left in the gradients, Adam's moments, averages of
weights, the numbers of every iteration so far, and one text in JSON: iteration, what was measured, settings. The
weights are in it as well as in the .weights beside it, so that no kill between two writes can part them.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..files import write_whole

if TYPE_CHECKING:
    from .session import Session

FORMAT = "pydn-training-1"


def _arrays(session: Session) -> dict[str, NDArray[np.float32]]:
    """Return everything of a session that changes from step to step, by name; live."""
    net = session.network
    arrays = {}
    for layer, name in net.weights:
        arrays[f"weights/{layer}/{name}"] = net.weights[layer, name]
        for kind, values in (("gradient", net.gradient(layer, name)), ("moments", net.moments(layer, name))):
            if values is not None:
                arrays[f"{kind}/{layer}/{name}"] = values
    return arrays


def save(
    path: str | os.PathLike[str], session: Session, facts: dict[str, Any], history: Sequence[Sequence[float]] = ()
) -> None:
    """Write a session's state, whole or not at all.

    Parameters
    ----------
    path
        Where to.
    session
        Between two steps.
    facts
        What else is to be kept; JSON's types.
    history
        A row of numbers for every iteration.
    """
    arrays: dict[str, Any] = dict(_arrays(session))
    if session.average is not None and session.average.values is not None:
        arrays |= {f"average/{layer}/{name}": values for (layer, name), values in session.average.values.items()}
    own = {
        "format": FORMAT,
        "iteration": session.iteration,
        "seen": session.network.seen,
        "average_loss": session.average_loss,
        "seed": session.seed,
        "batch": session.batch,
        "subdivisions": session.subdivisions,
        "device": session.network.device,
        "isa": session.network.isa,
    }
    arrays["history"] = np.array(history, np.float64)
    arrays["facts"] = np.frombuffer(json.dumps(own | facts).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_whole(path, buffer.getvalue())


def _read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    try:
        with np.load(Path(path), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        facts = json.loads(arrays.pop("facts").tobytes())
        if facts["format"] != FORMAT:
            raise ValueError(facts["format"])
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{os.fspath(path)} is not the state of a training ({error})", file=os.fspath(path)) from error
    return facts, arrays


def restore(path: str | os.PathLike[str], session: Session) -> dict[str, Any]:
    """Bring a session to the state that was saved.

    Parameters
    ----------
    path
        What `save` wrote.
    session
        Of the same cfg.

    Returns
    -------
    dict
        What `save` was given, and its own facts; ``"history"`` is an array.

    Raises
    ------
    DataError
        If the file is no such state, or that of another network; the session is as before.
    """
    facts, arrays = _read(path)
    facts["history"] = arrays.pop("history", np.empty((0, 0)))
    values = {name: array for name, array in arrays.items() if not name.startswith("average/")}
    if any(name.startswith("moments/") for name in values):
        session.network.start_adam()
    own = _arrays(session)
    fits = values.keys() == own.keys() and all(own[name].shape == array.shape for name, array in values.items())
    if not fits:
        raise DataError(f"{os.fspath(path)} is the state of another network's training", file=os.fspath(path))
    for name, array in values.items():
        own[name][...] = array
    if session.average is not None:
        kept = {tuple(name.split("/")[1:]): array for name, array in arrays.items() if name.startswith("average/")}
        session.average.values = {(int(layer), name): array for (layer, name), array in kept.items()} or None
    session.iteration, session.average_loss = facts["iteration"], facts["average_loss"]
    session.network.seen = facts["seen"]
    return facts
