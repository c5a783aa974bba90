"""``pydn check``: what is wrong with a data set."""

from __future__ import annotations

from collections.abc import Callable

from ..checking import check
from ..loading import load
from .common import dialect_of
from .options import Command, Flag, Options, UsageError

CHECK = Command(
    "check",
    "DATA [CFG]",
    "Looks for what is wrong with DATA's train= and valid= pictures and labels, and says what is in them. With CFG "
    "also whether it fits, and which anchors would. The exit status is 1 when something is wrong.",
    (Flag("out", "write the result as JSON", str, "FILE"),),
)


def run(options: Options) -> int:
    """Run ``check``."""
    data, cfg = options.word(0), options.word(1)
    if data is None:
        raise UsageError("DATA is missing", CHECK)
    net = None if cfg is None else load(cfg, dialect=dialect_of(options))
    report = check(data, net, dialect=dialect_of(options))
    if net is not None:
        net.close()
    if options.text("out"):
        report.to_json(options.text("out"))
    print(report)
    return 0 if report.ok else 1


VERBS: tuple[tuple[Command, Callable[[Options], int]], ...] = ((CHECK, run),)
