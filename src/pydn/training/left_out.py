"""Keys of a cfg that darknet's training knows and pydn's does not act on: nobody is to find out by himself."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..cfgtext import Section, sections, split_lines

_ALEXEYABS = "it is a key of dialect alexeyab"
_PJREDDIES = "it is a key of dialect pjreddie"
_BOXES = frozenset({"yolo", "Gaussian_yolo", "region"})
_DEFORM = "sway rotate stretch stretch_sway"
_MEMORY = "it is about the memory of a GPU"
_STREAMS = "it is about the streams of a GPU"
_IDLE = "the reference reads it and does nothing with it either"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A key without effect on training.

    Attributes
    ----------
    section
        Canonical name; empty: any layer.
    name
        The key.
    why
        Why nothing comes of it.
    idle
        Values that ask for nothing.
    level
        Of the message: INFO where the reference's numbers would be the same.
    dialect
        Where it is so; empty: in both.
    unless
        A cfg with a layer of one of these kinds, or one of these keys in [net], acts on it.
    """

    section: str
    name: str
    why: str
    idle: tuple[float, ...] = (0.0,)
    level: int = logging.WARNING
    dialect: str = ""
    unless: frozenset[str] = frozenset()


def _several(section: str, names: str, why: str, level: int = logging.WARNING) -> list[LeftOut]:
    return [LeftOut(section, name, why, level=level) for name in names.split()]


KEYS: list[LeftOut] = [
    LeftOut("net", "adversarial_lr", _ALEXEYABS, dialect="pjreddie"),
    LeftOut("net", "attention", _ALEXEYABS, dialect="pjreddie"),
    LeftOut(
        "net", "attention", "there is no adversarial_lr=", dialect="alexeyab", unless=frozenset({"adversarial_lr"})
    ),
    LeftOut("net", "unsupervised", _ALEXEYABS, dialect="pjreddie"),
    LeftOut("net", "track", _ALEXEYABS, dialect="pjreddie"),
    LeftOut("net", "dynamic_minibatch", _ALEXEYABS, dialect="pjreddie"),
    LeftOut("net", "loss_scale", "deltas are float32, which needs no scale", (1.0,), logging.INFO),
    LeftOut("net", "clip", "give clip= to layers; [net] has it in dialect pjreddie", dialect="alexeyab"),
    LeftOut("net", "notruth", _IDLE, level=logging.INFO),
    *_several("net", "optimized_memory workspace_size_limit_MB use_cuda_graph", _MEMORY, logging.INFO),
    LeftOut("convolutional", "batch_normalize", _ALEXEYABS, (0.0, 1.0), dialect="pjreddie"),
    LeftOut("convolutional", "cbn", _ALEXEYABS, dialect="pjreddie"),
    *(LeftOut("convolutional", name, _ALEXEYABS, dialect="pjreddie") for name in _DEFORM.split()),
    LeftOut("convolutional", "assisted_excitation", _ALEXEYABS, dialect="pjreddie"),
    LeftOut("convolutional", "assisted_excitation", "no layer learns boxes", dialect="alexeyab", unless=_BOXES),
    LeftOut("convolutional", "bin_output", "it is about the speed of a GPU", level=logging.INFO),
    LeftOut("convolutional", "dot", _IDLE, level=logging.INFO),
    *_several("convolutional", "stream wait_stream", _STREAMS, logging.INFO),
    *_several("route", "stream wait_stream", _STREAMS, logging.INFO),
    *_several("region", "log sqrt absolute", _IDLE, logging.INFO),
    *_several("detection", "reorg absolute", _IDLE, logging.INFO),
    LeftOut("cost", "ratio", _IDLE, level=logging.INFO),
    LeftOut("", "truth", _PJREDDIES, dialect="alexeyab"),
    LeftOut("", "dontsave", _PJREDDIES, dialect="alexeyab"),
    LeftOut("", "smooth", _PJREDDIES, dialect="alexeyab"),
]


def _asks(key: LeftOut, value: str) -> bool:
    """Whether the value, as C reads numbers, asks for something."""
    number = re.match(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", value, re.IGNORECASE)
    return (float(number.group()) if number else 0.0) not in key.idle


def _uses(key: LeftOut, cfg: list[Section]) -> Iterator[tuple[Section, str, int]]:
    for number, section in enumerate(cfg):
        kind = "net" if number == 0 else section.kind
        if key.name not in section.options or (key.section != kind and (key.section or kind == "net")):
            continue
        value, line = section.options[key.name]
        if _asks(key, value):
            yield section, value, line


def left_out(cfg: bytes, dialect: str) -> Iterator[tuple[int, str]]:
    """Look for keys that training does not act on.

    Parameters
    ----------
    cfg
        Text of the cfg.
    dialect
        Whose keys count.

    Yields
    ------
    tuple of (int, str)
        A level of `logging` and a message, one a key.
    """
    found = sections(split_lines(cfg))
    there = {section.kind for section in found} | {key for section in found[:1] for key in section.options}
    for key in KEYS:
        holds = key.dialect in ("", dialect) and key.unless.isdisjoint(there)
        uses = list(_uses(key, found)) if holds else []
        if uses:
            section, value, line = uses[0]
            more = f" (and of {len(uses) - 1} more)" if len(uses) > 1 else ""
            yield key.level, f"line {line + 1}: {key.name}={value} of [{section.kind}]{more} changes nothing: {key.why}"
