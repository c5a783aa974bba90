"""Verbs that only print: ``statistics``, ``print``, ``ops``, ``speed``, ``cfglayers``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from .. import tools
from ..cfgtext import sections, split_lines
from ..progress import Progress
from ..tools import Operations, Statistics
from .common import dialect_of, note, open_network
from .options import Command, Flag, Options, UsageError
from .tools import layer_number

STATISTICS = Command(
    "statistics", "CFG WEIGHTS", "Prints root mean square, mean and variance of the parameters of every layer."
)
PRINT = Command("print", "CFG WEIGHTS LAYER", "Prints the weights of a layer, a line per output.")
OPS = Command(
    "ops",
    "CFG",
    "Prints the operations of one forward, as darknet counts them. AlexeyAB's program does as if there were no groups; "
    "both leave out pooling and newer layers.",
    (Flag("layers", "print every layer's, with everything counted right"),),
)
SPEED = Command(
    "speed",
    "CFG [COUNT]",
    "Times COUNT forwards (1000) of one image, after some that are not timed.",
)
CFGLAYERS = Command("cfglayers", "[FOLDER]", "Counts the layers of every cfg in a folder and those below it.")

_ORDER = ("scales", "biases", "weights", "rolling_mean", "rolling_variance")


def statistics(options: Options) -> int:
    """Run ``statistics``."""
    net = open_network(options, options.words[0], options.words[1])
    found = tools.statistics(net.weights)
    for layer in net.layers:
        if layer.index in found:
            print(f"{layer.kind.capitalize()} Layer {layer.index}")
            _print_figures(found[layer.index])
        print()
    return 0


def _print_figures(figures: dict[str, Statistics]) -> None:
    """Print a layer's parameters, each matrix's together, in darknet's order."""
    heads = dict.fromkeys(name.rpartition(".")[0] for name in figures)
    for head in heads:
        if head:
            print(head)
        own = {name.rpartition(".")[2]: value for name, value in figures.items() if name.rpartition(".")[0] == head}
        for word in sorted(own, key=lambda word: _ORDER.index(word) if word in _ORDER else len(_ORDER)):
            value = own[word]
            title = word.replace("_", " ").title()
            print(f"{title} MSE: {value.rms:.6f}, Mean: {value.mean:.6f}, Variance: {value.variance:.6f}")


def print_weights(options: Options) -> int:
    """Run ``print``."""
    cfg, weights, word = options.words
    net = open_network(options, cfg, weights)
    for line in tools.print_weights(net.weights, layer_number(word, len(net.layers), PRINT)):
        print(line)
    return 0


def ops(options: Options) -> int:
    """Run ``ops``."""
    counted = tools.ops(open_network(options, options.words[0], None))
    if options.on("layers"):
        width = max((len(layer.kind) for layer in counted.layers), default=0)
        for layer in counted.layers:
            print(f"{layer.index:4d} {layer.kind:<{width}} {layer.count:15d}")
        _print_count(counted.count)
        return 0
    reference = _as_reference(counted, options)
    _print_count(reference)
    if reference != counted.count:
        note(f"with groups and all layers counted: {counted.count} (-layers)")
    return 0


def _as_reference(counted: Operations, options: Options) -> int:
    return counted.pjreddie if dialect_of(options) == "pjreddie" else counted.alexeyab


def _print_count(count: int) -> None:
    print(f"Floating Point Operations: {count}")
    print(f"Floating Point Operations: {count / 1e9:.2f} Bn")


def speed(options: Options) -> int:
    """Run ``speed``."""
    word = options.word(1)
    match = re.match(r"\s*\+?\d+", word or "0")
    if match is None:
        raise UsageError(f"COUNT must be a whole number, not {word!r}", SPEED)
    net = open_network(options, options.words[0], None)
    count = int(match.group()) or 1000
    with Progress(count, "forwards") as bar:
        taken = tools.speed(net, count, step=bar.advance)
    print(f"\n{taken.count} evals, {taken.total:f} Seconds")
    if dialect_of(options) == "pjreddie":
        operations = tools.ops(net).pjreddie
        print(f"Floating Point Operations: {operations / 1e9:.2f} Bn")
        print(f"FLOPS: {operations / 1e9 * taken.hertz:.2f} Bn")
    print(f"Speed: {taken.mean:f} sec/eval")
    print(f"Speed: {taken.hertz:f} Hz")
    note(", ".join(f"{percent} %: {taken.percentile(percent) * 1e3:.3f} ms" for percent in (50, 90, 99)))
    return 0


def cfglayers(options: Options) -> int:
    """Run ``cfglayers``."""
    folder = Path(options.word(0) or ".")
    if not folder.is_dir():
        raise NotADirectoryError(20, "there is no such folder", str(folder))
    for path in sorted(folder.rglob("*.cfg")):
        kinds = Counter(section.kind for section in sections(split_lines(path.read_bytes()))[1:])
        counts = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
        print(f"{path.relative_to(folder)}: {sum(kinds.values())} layers{': ' if counts else ''}{counts}")
    return 0


VERBS: tuple[tuple[Command, Callable[[Options], int]], ...] = (
    (STATISTICS, statistics),
    (PRINT, print_weights),
    (OPS, ops),
    (SPEED, speed),
    (CFGLAYERS, cfglayers),
)
