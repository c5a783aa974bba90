"""``pydn rnn``: networks that read and write text, character by character."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ..characters import Guesses, characters_of, generate, measure
from ..loading import load
from ..network import Network
from ..training.text_feed import text_trainer
from .common import dialect_of, note, set_threads
from .options import Command, Flag, Options
from .train import IGNORED, begin, follow

_FILE = "data/shakespeare.txt"
_START = "\n\n"
TRAIN = Command(
    "rnn train",
    "CFG [WEIGHTS]",
    "Trains a network to say the next character of a text. Each of the batch= readers reads time_steps= characters of "
    "it in an iteration and goes on from there. Weights go to a folder, backup.",
    (
        Flag("file", f"the text (default {_FILE})", str, "FILE"),
        Flag("backup", "folder for the weights (default backup)", str, "FOLDER"),
        Flag("clear", "begin at iteration 0, whatever the weights have seen"),
        Flag("resume", "go on from the state in the folder, bit for bit"),
        Flag("seed", "of everything random (default 0); text for darknet's generate, which is also taken", str, "N"),
        Flag("iterations", "end after so many; default: max_batches= of the cfg", int, "N"),
    ),
    IGNORED,
)
_WRITING = (
    Flag("len", "characters to write (default 1000)", int, "N"),
    Flag("seed", "what is before the text (default two ends of lines)", str, "TEXT"),
    Flag("temp", "below 1 likely characters come more often, above 1 less often (default 0.7)", float, "T"),
    Flag("temperature", "the same", float, "T"),
    Flag("srand", "seed of what is random (default: of the clock)", int, "N"),
)
GENERATE = Command("rnn generate", "CFG WEIGHTS", "Writes text.", _WRITING, IGNORED)
TEST = Command("rnn test", "CFG WEIGHTS", "Writes text, as rnn generate.", _WRITING, IGNORED)
VALID = Command(
    "rnn valid",
    "CFG WEIGHTS",
    "Measures how well a network guesses the text that comes on the input: bits per character and perplexity, so far.",
    (
        Flag("file", "the text, rather than the input", str, "FILE"),
        Flag("seed", "what is before the text (default two ends of lines)", str, "TEXT"),
    ),
    IGNORED,
)


def train(options: Options) -> int:
    """Run ``rnn train``."""
    cfg = options.words[0]
    net = begin(options, cfg, options.word(1))
    seed = options.text("seed") or "0"
    trainer = text_trainer(
        net,
        options.text("file") or _FILE,
        iterations=options.integer("iterations"),
        seed=int(seed) if seed.isdecimal() else 0,
        backup=options.text("backup") or "backup",
        base=Path(cfg).stem,
        resume=options.on("resume"),
        clear=options.on("clear"),
        say=note,
    )
    return follow(net, trainer)


def _open(options: Options) -> Network:
    """Open a network that reads a character at a time."""
    set_threads(options)
    cfg, weights = options.words[:2]
    device, dialect = options.text("device") or "cpu", dialect_of(options)
    net = load(cfg, weights, device=device, dialect=dialect, strict=False, time_steps=1, batch=1)
    characters_of(net)
    return net


def _start(options: Options) -> bytes:
    given = options.text("seed")
    text = _START if given is None else given
    return text.encode("utf-8", "surrogateescape").replace(b"\\n", b"\n")


def write(options: Options) -> int:
    """Run ``rnn generate``."""
    temperature = options.number("temp") or options.number("temperature") or 0.7
    count = options.integer("len")
    seed = options.integer("srand")
    net = _open(options)
    start = _start(options)
    rng = np.random.default_rng(time.time_ns() if seed is None else seed)
    out = sys.stdout.buffer
    sys.stdout.flush()
    out.write(start)
    for character in generate(net, start, 1000 if count is None else count, temperature, rng):
        out.write(bytes([character]))
        out.flush()
    out.write(b"\n")
    out.flush()
    return 0


def valid(options: Options) -> int:
    """Run ``rnn valid``."""
    file = options.text("file")
    net = _open(options)
    text = sys.stdin.buffer.read() if file is None else Path(file).read_bytes()
    last: Guesses | None = None
    for last in measure(net, text, _start(options)):
        print(last)
    if last is None:
        raise ValueError("there is no text: at least two characters are needed")
    return 0


VERBS: Sequence[tuple[Command, Callable[[Options], int]]] = (
    (TRAIN, train),
    (GENERATE, write),
    (TEST, write),
    (VALID, valid),
)
