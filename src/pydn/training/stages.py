"""Files of stages: a training in several steps, each from the weights of an earlier one, as of ternary networks.

A file of stages is written like a cfg. ``[stages]`` comes first and says what holds for all stages, ``[stage]`` what
holds for one::

    [stages]
    data=voc.data
    cfg=yolov2-voc.cfg
    weights=yolov2-voc.weights
    backup=backup

    [stage]
    name=M0
    ternary=23,24,26,29
    learning_rate=0.0005
    iterations=41000
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..cfgtext import Section, sections, split_lines, with_values
from ..errors import DataError

SHARED = {"data", "cfg", "weights", "backup", "ternary", "float", "learning_rate", "iterations", "seed"}
OWN = SHARED - {"backup"} | {"name"}


@dataclass(frozen=True)
class Stage:
    """One step.

    Attributes
    ----------
    name
        Of its files: those of ``yolov2-voc.cfg`` in stage ``M0`` begin with ``yolov2-voc_M0``.
    cfg
        Path of its cfg.
    data
        Path of the .data file with its pictures.
    weights
        Where it begins: the path of a weights file, or the name of an earlier stage; "": first weights.
    ternary
        Layers with ternary weights: numbers, ``"all"`` or ``"none"``; None: those of the cfg.
    floats
        Layers that have none all the same.
    learning_rate, iterations
        In place of the cfg's; None: the cfg's. ``steps=`` keep their share of the iterations.
    seed
        Of everything random.
    line
        Where it is in the file of stages, for messages.
    """

    name: str
    cfg: str
    data: str
    weights: str = ""
    ternary: tuple[int, ...] | str | None = None
    floats: tuple[int, ...] = ()
    learning_rate: float | None = None
    iterations: int | None = None
    seed: int = 0
    line: int = 0

    @property
    def base(self) -> str:
        """First part of its files' names."""
        return f"{Path(self.cfg).stem}_{self.name}"

    def text(self, cfg: bytes) -> bytes:
        """Return the cfg as the stage trains it.

        Raises
        ------
        DataError
            If a layer that is to be ternary is no convolution of the cfg.
        """
        found = sections(split_lines(cfg))
        edits: list[tuple[int, str, str]] = []
        if self.ternary is not None or self.floats:
            chosen = self._ternary(found)
            edits += [(layer + 1, "ternary", str(int(layer in chosen))) for layer in _convolutions(found)]
        if self.learning_rate is not None:
            edits.append((0, "learning_rate", f"{self.learning_rate:g}"))
        if self.iterations is not None:
            edits += [(0, "max_batches", str(self.iterations)), *self._steps(found[0], self.iterations)]
        return with_values(cfg, edits)

    def _ternary(self, found: Sequence[Section]) -> set[int]:
        """Layers with ternary weights."""
        layers = _convolutions(found)
        named = {*self.floats, *(self.ternary if isinstance(self.ternary, tuple) else ())}
        for layer in sorted(named - layers):
            raise DataError(f"stage {self.name}: layer {layer} of {self.cfg} is no [convolutional]", line=self.line)
        if self.ternary is None:
            chosen = {layer for layer in layers if found[layer + 1].integer("ternary", 0)}
        else:
            chosen = (
                set(self.ternary) if isinstance(self.ternary, tuple) else layers if self.ternary == "all" else set()
            )
        return chosen - set(self.floats)

    @staticmethod
    def _steps(net: Section, iterations: int) -> list[tuple[int, str, str]]:
        before = net.integer("max_batches", 0)
        if before < 1 or "steps" not in net.options:
            return []
        steps = [part for part in net.options["steps"][0].split(",") if part.lstrip("-").isdigit()]
        scaled = (step if int(step) < 0 else str(round(int(step) * iterations / before)) for step in steps)
        return [(0, "steps", ",".join(scaled))]


def _convolutions(found: Sequence[Section]) -> set[int]:
    return {number - 1 for number, section in enumerate(found) if section.kind == "convolutional"}


@dataclass(frozen=True)
class Stages:
    """What a file of stages says.

    Attributes
    ----------
    stages
        In order.
    backup
        Folder for weights, states and results; of each stage, the folder in it that has its name.
    weights
        Where the first stage begins; "": first weights.
    path
        Of the file.
    """

    stages: tuple[Stage, ...]
    backup: Path
    weights: str = ""
    path: str = ""


def read_stages(path: str | os.PathLike[str]) -> Stages:
    """Read a file of stages.

    Parameters
    ----------
    path
        Of the file. Paths in it are looked up beside it.

    Returns
    -------
    Stages

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DataError
        With the line, if it does not say what stages need.
    """
    file = os.fspath(path)
    lines = split_lines(Path(path).read_bytes())
    found = sections(lines)
    if not found or found[0].kind != "stages" or len(found) < 2:
        raise DataError("a file of stages begins with [stages] and has a [stage] for each", file=file)
    reader = _Reader(file, lines)
    shared = reader.values(found[0], "stages", SHARED)
    stages: list[Stage] = []
    for section in found[1:]:
        stages.append(reader.stage(section, shared, stages))
    backup, start = (reader.path(shared.get(key, default)) for key, default in (("backup", "backup"), ("weights", "")))
    return Stages(tuple(stages), Path(backup), start, file)


@dataclass
class _Reader:
    file: str
    lines: Sequence[str]

    def fail(self, section: Section, key: str, message: str) -> DataError:
        line = section.options[key][1] if key in section.options else section.line
        return DataError(message, file=self.file, line=line + 1)

    def path(self, value: str) -> str:
        return str(Path(self.file).parent / value) if value else ""

    def values(self, section: Section, kind: str, known: set[str]) -> dict[str, str]:
        if section.kind != kind:
            raise self.fail(section, "", f"[{section.kind}] is not [{kind}]")
        for key in section.options:
            if key not in known:
                raise self.fail(section, key, f"{key}= is not one of {', '.join(sorted(known))}")
        written = {key: self.lines[line].partition("=")[2].strip() for key, (_, line) in section.options.items()}
        for key in written.keys() & _WANTED.keys():
            wanted, good = _WANTED[key]
            if not good(written[key]):
                raise self.fail(section, key, f"{key}={written[key]}: {wanted} expected")
        return written

    def stage(self, section: Section, shared: Mapping[str, str], before: Sequence[Stage]) -> Stage:
        own = self.values(section, "stage", OWN)
        name = own.get("name", f"M{len(before)}")
        if name in {"", "start", *(stage.name for stage in before)} or name != Path(name).name:
            raise self.fail(section, "name", f"name={name}: every stage needs a name of its own that is no path")
        said = {**shared, **own}
        for key in ("data", "cfg"):
            if not said.get(key):
                raise self.fail(section, "", f"stage {name} has no {key}=, neither here nor in [stages]")
        return Stage(
            name=name,
            cfg=self.path(said["cfg"]),
            data=self.path(said["data"]),
            weights=self.start(own.get("weights"), shared, before),
            ternary=_chosen(said.get("ternary")),
            floats=_numbers(said.get("float", "")),
            learning_rate=float(said["learning_rate"]) if "learning_rate" in said else None,
            iterations=int(said["iterations"]) if "iterations" in said else None,
            seed=int(said.get("seed", "0")),
            line=section.line + 1,
        )

    def start(self, own: str | None, shared: Mapping[str, str], before: Sequence[Stage]) -> str:
        """Where a stage begins: its own key, else the stage before, else where all began."""
        first = self.path(shared.get("weights", ""))
        if own is None:
            return before[-1].name if before else first
        if own == "start":
            return first
        return own if own in {stage.name for stage in before} else self.path(own)


def _numbers(value: str) -> tuple[int, ...]:
    return tuple(int(part) for part in value.split(",") if part.strip())


def _chosen(value: str | None) -> tuple[int, ...] | str | None:
    return value if value in (None, "all", "none") else _numbers(value or "")


def _are_numbers(value: str) -> bool:
    return all(part.strip().isdecimal() for part in value.split(","))


def _is_rate(value: str) -> bool:
    try:
        return 0 < float(value) < float("inf")
    except ValueError:
        return False


_WANTED: dict[str, tuple[str, Callable[[str], bool]]] = {
    "ternary": ("layer numbers, all or none", lambda value: value in ("all", "none") or _are_numbers(value)),
    "float": ("layer numbers", _are_numbers),
    "learning_rate": ("a number above 0", _is_rate),
    "iterations": ("a whole number above 0", lambda value: value.isdecimal() and int(value) > 0),
    "seed": ("a whole number", str.isdecimal),
}
