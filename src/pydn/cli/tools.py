"""Verbs that write weights: ``average``, ``rescale``, ``rgbgr``, ``reset``, ``normalize``, ``denormalize``, ``oneoff``.

They write the bytes that darknet's do; ``-exact`` does what is meant where that is something else.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .. import tools
from .._core.weights import Weights
from ..files import write_whole
from ..loading import find_files
from ..progress import progress
from .common import dialect_of, note, open_network
from .options import Command, Flag, Options, UsageError

_EXACT = "do what is meant, rather than write darknet's own bytes: "
_CFG = Flag("cfg", "write the cfg that belongs to the new weights as well", str, "FILE")

AVERAGE = Command(
    "average",
    "CFG OUT WEIGHTS [WEIGHTS…]",
    "Averages weights of one network. As in darknet, layers that are neither convolutional nor connected, and the "
    "batch norm of connected ones, are the first file's.",
    (
        Flag("exact", _EXACT + "average everything"),
        Flag("coefficients", "how much each file counts; means -exact", str, "A,B,…"),
    ),
)
RESCALE = Command(
    "rescale",
    "CFG WEIGHTS OUT",
    "Makes a network for images of -1 to 1 one for 0 to 1. Its first convolution then computes of x what it did of "
    "2 x - 1.",
    (Flag("exact", _EXACT + "move the mean of the layer's batch norm, not the bias after it"),),
)
RGBGR = Command("rgbgr", "CFG WEIGHTS OUT", "Swaps red and blue in the first convolution.")
RESET = Command(
    "reset",
    "CFG WEIGHTS OUT",
    "Folds batch norm into the weights and starts its statistics anew.",
    (Flag("exact", _EXACT + "divide as the layers do (in dialect alexeyab always)"),),
)
NORMALIZE = Command(
    "normalize",
    "CFG WEIGHTS OUT",
    "Adds batch norm to the layers without. As darknet writes it, it is a start for a training: its variance is 0.",
    (_CFG, Flag("exact", _EXACT + "the network computes the same; recurrent layers as well")),
)
DENORMALIZE = Command(
    "denormalize",
    "CFG WEIGHTS OUT",
    "Folds batch norm into the weights and drops it.",
    (_CFG, Flag("exact", _EXACT + "divide as the layers do (in dialect alexeyab always)")),
)
ONEOFF = Command(
    "oneoff",
    "CFG WEIGHTS OUT",
    "Starts a detector with three anchors from a classifier's weights.",
    (Flag("classes", "of the classifier; default 9372, -compat pjreddie 11921", int, "N"),),
)
ONEOFF2 = Command(
    "oneoff2",
    "CFG WEIGHTS OUT LAYER",
    "Reads weights, then reads the same file once more into the layers from LAYER on.",
)


def average(options: Options) -> int:
    """Run ``average``."""
    cfg, out, first, *others = options.words
    given = options.text("coefficients")
    coefficients = None if given is None else _numbers(given, 1 + len(others))
    net = open_network(options, cfg, first)
    paths = progress((None, *others), label="weights")
    files = (net.weights if path is None else Weights.load(path, net.plan, strict=False) for path in paths)
    exact = options.on("exact") or coefficients is not None
    return _save(tools.average(files, coefficients, as_darknet=not exact), out)


def rescale(options: Options) -> int:
    """Run ``rescale``."""
    return _rewrite(options, lambda weights: tools.rescale(weights, as_darknet=not options.on("exact")))


def rgbgr(options: Options) -> int:
    """Run ``rgbgr``."""
    return _rewrite(options, tools.rgbgr)


def reset(options: Options) -> int:
    """Run ``reset``."""
    return _rewrite(options, lambda weights: tools.reset(weights, as_darknet=_folds_as_darknet(options)))


def normalize(options: Options) -> int:
    """Run ``normalize``."""
    cfg, path, out = options.words
    net = open_network(options, cfg, path)
    text = Path(cfg).read_bytes()
    as_darknet = not options.on("exact")
    new = tools.normalize(text, net.weights, as_darknet=as_darknet, files=find_files(text, cfg, {}))
    if as_darknet:
        note("the new batch norm has variance 0: train the network, or use -exact, before it computes something")
    return _save_both(options, new, out)


def denormalize(options: Options) -> int:
    """Run ``denormalize``."""
    cfg, path, out = options.words
    net = open_network(options, cfg, path)
    text = Path(cfg).read_bytes()
    as_darknet = _folds_as_darknet(options)
    return _save_both(
        options, tools.denormalize(text, net.weights, as_darknet=as_darknet, files=find_files(text, cfg, {})), out
    )


def oneoff(options: Options) -> int:
    """Run ``oneoff``."""
    cfg, path, out = options.words
    classes = options.integer("classes")
    if classes is not None and classes < 1:
        raise UsageError(f"-classes must be 1 or more, not {classes}", ONEOFF)
    text = Path(cfg).read_bytes()
    weights = tools.oneoff(
        text, Path(path).read_bytes(), classes, dialect=dialect_of(options), files=find_files(text, cfg, {})
    )
    print(len(weights[len(weights.plan) - 2, "biases"]))
    return _save(weights, out)


def oneoff2(options: Options) -> int:
    """Run ``oneoff2``."""
    cfg, path, out, word = options.words
    net = open_network(options, cfg, path)
    layer = layer_number(word, len(net.layers) + 1, ONEOFF2)
    return _save(tools.oneoff2(net.weights, layer), out)


def layer_number(word: str, count: int, command: Command) -> int:
    """Read the index of a layer, which is below `count`."""
    try:
        layer = int(word)
    except ValueError:
        raise UsageError(f"the layer must be a whole number, not {word!r}", command) from None
    if not 0 <= layer < count:
        raise UsageError(f"the layer must be 0 to {count - 1}, not {layer}", command)
    return layer


def _folds_as_darknet(options: Options) -> bool:
    """AlexeyAB's program overwrites its own memory here and writes nothing that could be repeated."""
    return dialect_of(options) == "pjreddie" and not options.on("exact")


def _numbers(text: str, count: int) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"-coefficients must be numbers with commas, not {text!r}", AVERAGE) from None
    if len(numbers) != count:
        raise UsageError(f"-coefficients has {len(numbers)} numbers, there are {count} weights files", AVERAGE)
    return numbers


def _rewrite(options: Options, change: Callable[[Weights], Weights]) -> int:
    cfg, path, out = options.words
    return _save(change(open_network(options, cfg, path).weights), out)


def _save(weights: Weights, out: str) -> int:
    note(f"Saving weights to {out}")
    weights.save(out)
    return 0


def _save_both(options: Options, new: tools.Rewritten, out: str) -> int:
    path = options.text("cfg")
    if path is not None:
        note(f"Saving cfg to {path}")
        write_whole(Path(path), new.cfg)
    else:
        note("these weights belong to a cfg with other batch_normalize=; -cfg FILE writes it")
    return _save(new.weights, out)


VERBS: tuple[tuple[Command, Callable[[Options], int]], ...] = (
    (AVERAGE, average),
    (RESCALE, rescale),
    (RGBGR, rgbgr),
    (RESET, reset),
    (NORMALIZE, normalize),
    (DENORMALIZE, denormalize),
    (ONEOFF, oneoff),
    (ONEOFF2, oneoff2),
)
