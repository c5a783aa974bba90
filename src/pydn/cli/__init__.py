"""The ``pydn`` command: darknet's verbs, and some of its own."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import TextIO

from .. import progress
from .._version import __version__
from ..errors import Error
from .anchors import VERBS as ANCHORS
from .augment import VERBS as AUGMENT
from .cfg import CFG_LIST, CFG_NEW, cfg_list, cfg_new
from .check import VERBS as CHECK
from .cifar import VERBS as CIFAR
from .classifier import VERBS as CLASSIFIER
from .classifier_valid import VERBS as CLASSIFIER_VALID
from .common import describe, note
from .completion import COMPLETION, script
from .convert import VERBS as CONVERT
from .demo import DEMO, demo
from .detector import VERBS as DETECTOR
from .detector_valid import VERBS as DETECTOR_VALID
from .evaluation import VERBS as EVALUATION
from .export import EXPORT, export
from .figures import VERBS as FIGURES
from .flow import VERBS as FLOW
from .info import INFO, info
from .numbered import VERBS as NUMBERED
from .options import Command, HelpRequested, Options, UsageError
from .partial import PARTIAL, partial
from .pictures import VERBS as PICTURES
from .plot import PLOT, plot
from .rnn import VERBS as RNN
from .scores import VERBS as SCORES
from .segmenter import VERBS as SEGMENTER
from .staged import VERBS as STAGED
from .tools import VERBS as TOOLS
from .train import VERBS as TRAIN
from .version1 import VERBS as VERSION1
from .video import VERBS as VIDEO

_Verbs = tuple[tuple[Command, Callable[[Options], int]], ...]

GROUPS: dict[str, _Verbs] = {
    "find and name what is in images": (*DETECTOR, *CLASSIFIER, *SCORES, *FLOW),
    "find and name what is in video": VIDEO,
    "prepare a training": (*CONVERT, *CHECK, *AUGMENT, *ANCHORS),
    "train": (*TRAIN, *STAGED, *CIFAR, *VERSION1, *NUMBERED, *SEGMENTER, *RNN, (PLOT, plot)),
    "see how good networks are": (*EVALUATION, *DETECTOR_VALID, *CLASSIFIER_VALID),
    "look into networks and images": ((INFO, info), *FIGURES, *PICTURES),
    "write weights": ((PARTIAL, partial), *TOOLS),
    "take networks elsewhere": ((EXPORT, export),),
    "write cfgs": ((CFG_NEW, cfg_new), (CFG_LIST, cfg_list)),
    "see that it works": ((DEMO, demo),),
    "type less": ((COMPLETION, lambda options: _completion(options)),),
}
COMMANDS = {command.verb: (command, run) for verbs in GROUPS.values() for command, run in verbs}
NOT_PROVIDED = (
    "go", "art", "captcha", "dice", "writing", "3d", "nightmare", "lsd", "super", "voxel", "compare", "swag",
)  # fmt: skip
"""Verbs of darknet; docs/compatibility.md lists them."""


class _Messages(logging.StreamHandler[TextIO]):
    """Logging to the standard error, beside the line that shows progress."""

    def emit(self, record: logging.LogRecord) -> None:
        progress.clear()
        super().emit(record)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line.

    Parameters
    ----------
    argv
        The words after ``pydn``; None: those of the process.

    Returns
    -------
    int
        0; 1 if the work failed; 2 if the command line is wrong.
    """
    # darknet drops what editors and shells of other systems leave in arguments
    arguments = [word.strip("\r\n\t") for word in (sys.argv[1:] if argv is None else argv)]
    handler = _Messages()
    handler.setFormatter(logging.Formatter("pydn: %(levelname)s: %(message)s"))
    logger = logging.getLogger("pydn")
    logger.addHandler(handler)
    try:
        return _run(arguments)
    except HelpRequested as request:
        print(_overview(str(request)))
        return 0
    except UsageError as error:
        print(f"pydn: {error}", file=sys.stderr)
        print(error.command.usage if error.command else "try: pydn --help", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of the output went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("pydn: interrupted", file=sys.stderr)
        return 1
    except (Error, OSError, MemoryError, ValueError) as error:
        if "traceback" in (word.lstrip("-") for word in arguments):
            traceback.print_exc()
        print(f"pydn: {describe(error)}", file=sys.stderr)
        return 1
    finally:
        logger.removeHandler(handler)


def _run(arguments: Sequence[str]) -> int:
    if arguments and arguments[0] == "help":
        arguments = [*arguments[1:], "--help"]
    if not arguments or arguments[0] in ("-h", "--help"):
        raise HelpRequested
    if arguments[0] in ("version", "--version"):
        print(f"pydn {__version__}")
        return 0
    if arguments[0] in NOT_PROVIDED:
        note(f"pydn: darknet's verb {arguments[0]} is not provided: see docs/compatibility.md")
        return 2
    command, run, rest = _find(arguments)
    try:
        options = command.parse(rest)
    except HelpRequested:
        print(command.help())
        return 0
    return run(options)


def _find(arguments: Sequence[str]) -> tuple[Command, Callable[[Options], int], Sequence[str]]:
    """Return the command that the first words name, and what follows them."""
    for count in (2, 1):
        found = COMMANDS.get(" ".join(arguments[:count]))
        if found is not None:
            return *found, arguments[count:]
    group = [verb.split()[1] for verb in COMMANDS if verb.startswith(f"{arguments[0]} ")]
    if not group:
        raise UsageError(f"there is no verb {arguments[0]!r}")
    if len(arguments) > 1 and arguments[1].lstrip("-") in ("h", "help"):
        raise HelpRequested(arguments[0])
    said = f"there is no {arguments[0]} {arguments[1]!r}" if len(arguments) > 1 else f"{arguments[0]} needs a verb"
    raise UsageError(f"{said}; there is: {', '.join(group)}")


def _completion(options: Options) -> int:
    """Run ``completion``."""
    print(script(options.words[0], [command for command, _ in COMMANDS.values()]), end="")
    return 0


def _overview(word: str = "") -> str:
    """Return a line for every verb, or for those that start with a word."""
    lines = ["usage: pydn VERB …, as darknet's command lines; pydn VERB --help says more"]
    for title, verbs in GROUPS.items():
        commands = [command for command, _ in verbs if not word or command.verb.startswith(f"{word} ")]
        if commands:
            lines += ["", title]
        for command in commands:
            text = f"{command.verb} {command.words}"
            about = command.headline
            lines += [f"  {text:<46} {about}"] if len(text) <= 46 else [f"  {text}", f"  {'':<46} {about}"]
    if not word:
        lines += ["", f"of darknet's verbs these are not provided: {', '.join(NOT_PROVIDED)}"]
    return "\n".join(lines)
