"""The ``pydn`` command: darknet's verbs, and some of its own."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence

from .._version import __version__
from ..errors import Error
from .cfg import CFG_LIST, CFG_NEW, cfg_list, cfg_new
from .classifier import VERBS as CLASSIFIER
from .common import describe
from .demo import DEMO, demo
from .detector import VERBS as DETECTOR
from .figures import VERBS as FIGURES
from .info import INFO, info
from .options import Command, HelpRequested, Options, UsageError
from .partial import PARTIAL, partial
from .pictures import VERBS as PICTURES
from .scores import VERBS as SCORES
from .tools import VERBS as TOOLS

COMMANDS: dict[str, tuple[Command, Callable[[Options], int]]] = {
    command.verb: (command, run)
    for command, run in (
        *DETECTOR,
        *CLASSIFIER,
        *SCORES,
        (PARTIAL, partial),
        *TOOLS,
        *FIGURES,
        *PICTURES,
        (INFO, info),
        (DEMO, demo),
        (CFG_NEW, cfg_new),
        (CFG_LIST, cfg_list),
    )
}


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
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("pydn: %(levelname)s: %(message)s"))
    logger = logging.getLogger("pydn")
    logger.addHandler(handler)
    try:
        return _run(arguments)
    except HelpRequested:
        print(_overview())
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
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        raise HelpRequested
    if arguments[0] in ("version", "--version"):
        print(f"pydn {__version__}")
        return 0
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
        raise HelpRequested
    said = f"there is no {arguments[0]} {arguments[1]!r}" if len(arguments) > 1 else f"{arguments[0]} needs a verb"
    raise UsageError(f"{said}; there is: {', '.join(group)}")


def _overview() -> str:
    rows = [
        f"  {f'{command.verb} {command.words}':<46} {command.about.split('.')[0]}" for command, _ in COMMANDS.values()
    ]
    return "\n".join(["usage: pydn VERB …, as darknet's command lines; pydn VERB --help says more", "", *rows])
