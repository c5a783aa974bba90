"""Command lines in darknet's way: words by their order, flags with one dash anywhere between them."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


class UsageError(Exception):
    """The command line is wrong; `command` says which verb's help is meant."""

    def __init__(self, message: str, command: Command | None = None) -> None:
        super().__init__(message)
        self.command = command


class HelpRequested(Exception):  # noqa: N818 (nothing is wrong)
    """``--help`` was among the words; the message is the group of verbs that is meant, if one is."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag.

    Attributes
    ----------
    name
        Without dashes.
    about
        For ``--help``.
    kind
        Type of its value; bool takes none.
    value
        What ``--help`` calls the value; FILE and FOLDER are completed by shells.
    choices
        Values to complete.
    default
        Its value where none follows; None: one must follow.
    """

    name: str
    about: str
    kind: type[bool] | type[int] | type[float] | type[str] = bool
    value: str = ""
    choices: Sequence[str] = ()
    default: int | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """A parsed command line: the words, and the values of the flags that were given."""

    words: Sequence[str]
    values: Mapping[str, object]

    def word(self, index: int) -> str | None:
        """Word by its place, None past the end."""
        return self.words[index] if index < len(self.words) else None

    def on(self, name: str) -> bool:
        """Whether a flag was given."""
        return name in self.values

    def text(self, name: str) -> str | None:
        """Value of a flag that takes a text, None where it was not given."""
        value = self.values.get(name)
        return value if isinstance(value, str) else None

    def integer(self, name: str) -> int | None:
        """Value of a flag that takes a whole number, None where it was not given."""
        value = self.values.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def number(self, name: str) -> float | None:
        """Value of a flag that takes a number, None where it was not given."""
        value = self.values.get(name)
        return float(value) if isinstance(value, (int, float)) else None


PRECISIONS = ("fp32", "tf32", "fp16", "bf16", "int8")

COMMON = (
    Flag("i", "number of the GPU for -device cuda; of no effect on a CPU", int, "N"),
    Flag("nogpu", "use no GPU"),
    Flag("gpus", "numbers of the GPUs; of no effect on a CPU", str, "LIST"),
    Flag("device", "cpu (default), ref, cuda or cuda:N", str, "DEVICE", ("cpu", "ref", "cuda")),
    Flag("precision", "fp32 (default), with -device cuda also tf32, fp16 or bf16", str, "NAME", PRECISIONS),
    Flag(
        "compat",
        "whose behaviour and output: alexeyab (default) or pjreddie",
        str,
        "PROGRAM",
        ("alexeyab", "pjreddie"),
    ),
    Flag("ternarize", "compute with ternary weights in layers with ternary=1, whatever the file has"),
    Flag("threads", "threads to compute with", int, "N"),
    Flag("traceback", "show where an error comes from"),
)


@dataclass(frozen=True, slots=True)
class Command:
    """A verb: what it takes and what ``--help`` says.

    Attributes
    ----------
    verb
        The words that call it.
    words
        Names of its arguments, those that may be missing in brackets; a last one with … may come several times.
    about
        One or a few sentences.
    flags
        Its own flags; the common ones come on top.
    ignored
        Darknet's flags that its scripts may contain and that change nothing here: name to type.
    choices
        Arguments to complete; without them, they are files.
    """

    verb: str
    words: str
    about: str
    flags: Sequence[Flag] = ()
    ignored: Mapping[str, type[bool] | type[int] | type[float] | type[str]] = field(default_factory=dict)
    choices: Sequence[str] = ()

    @property
    def headline(self) -> str:
        """What it does, in a few words."""
        return re.split(r"[.:] ", self.about)[0].rstrip(".")

    @property
    def usage(self) -> str:
        """One line."""
        return f"usage: pydn {self.verb} {self.words} [FLAGS]"

    def help(self) -> str:
        """Return the whole help text."""
        rows = [(f"-{flag.name} {flag.value}".rstrip(), flag.about) for flag in (*self.flags, *COMMON)]
        width = max(len(name) for name, _ in rows)
        table = "\n".join(f"  {name:<{width}}  {about}" for name, about in rows)
        return f"{self.usage}\n\n{self.about}\n\nflags (anywhere, with one dash or two):\n{table}"

    def parse(self, arguments: Sequence[str]) -> Options:
        """Sort arguments into words and flags.

        Raises
        ------
        HelpRequested
            If ``-h`` or ``--help`` is among them.
        UsageError
            If a flag is unknown, lacks its value or has one of the wrong type, or the number of words is wrong.
        """
        kinds = {flag.name: flag.kind for flag in (*COMMON, *self.flags)} | dict(self.ignored)
        words: list[str] = []
        values: dict[str, object] = {}
        defaults = {flag.name: flag.default for flag in self.flags if flag.default is not None}
        rest = deque(arguments)
        while rest:
            argument = rest.popleft()
            name = argument.lstrip("-")
            if not argument.startswith("-") or not name:
                words.append(argument)
                continue
            if name in ("h", "help") and name not in kinds:
                raise HelpRequested
            if name not in kinds:
                raise UsageError(f"unknown flag {argument}", self)
            if kinds[name] is bool:
                values[name] = True
            elif name in defaults and not (rest and rest[0].isdecimal()):
                values[name] = defaults[name]
            else:
                values[name] = self._value(argument, kinds[name], rest.popleft() if rest else None)
        self._check_words(words)
        return Options(words, values)

    def _value(self, flag: str, kind: type, text: str | None) -> object:
        if text is None:
            raise UsageError(f"{flag} needs a value", self)
        try:
            return kind(text)
        except ValueError:
            wanted = "a whole number" if kind is int else "a number"
            raise UsageError(f"{flag} needs {wanted}, not {text!r}", self) from None

    def _check_words(self, words: Sequence[str]) -> None:
        names = self.words.split()
        needed = [name for name in names if not name.startswith("[")]
        if len(words) < len(needed):
            raise UsageError(f"{needed[len(words)]} is missing", self)
        if len(words) > len(names) and not names[-1].rstrip("]").endswith("…"):
            raise UsageError(f"{words[len(names)]!r} is one word too many", self)
