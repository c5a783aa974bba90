"""``pydn cfg new`` and ``pydn cfg list``."""

from __future__ import annotations

from .. import templates
from ..files import write_whole
from .common import note
from .options import Command, Flag, Options, UsageError

CFG_NEW = Command(
    "cfg new",
    "NAME",
    "Makes the cfg of a well-known architecture. pydn cfg list shows the names; what is not given is as published.",
    (
        Flag("classes", "number of classes", int, "N"),
        Flag("size", "width and height of the input", int, "N"),
        Flag("width", "width of the input; goes before -size", int, "N"),
        Flag("height", "height of the input; goes before -size", int, "N"),
        Flag("channels", "channels of the input", int, "N"),
        Flag("anchors", "widths and heights in turn, in one word: 10,14,23,27,…", str, "LIST"),
        Flag("out", "where to write it; without it, to the standard output", str, "FILE"),
    ),
    choices=templates.names(),
)
CFG_LIST = Command("cfg list", "", "Lists the architectures that cfg new knows, with their published size and classes.")


def cfg_new(options: Options) -> int:
    """Run ``cfg new``."""
    channels = options.integer("channels")
    text = templates.make(
        options.words[0],
        options.integer("classes"),
        size=options.integer("size"),
        width=options.integer("width"),
        height=options.integer("height"),
        channels=3 if channels is None else channels,
        anchors=_numbers(options.text("anchors")),
    )
    out = options.text("out")
    if out is None:
        print(text, end="")
    else:
        write_whole(out, text.encode())
        note(f"wrote {out}")
    return 0


def cfg_list(options: Options) -> int:
    """Run ``cfg list``."""
    for name in templates.names():
        found = templates.template(name)
        size = "{}x{}".format(*found.size)
        print(f"{name:<16} {size:<8} {found.classes:>4} classes  {found.about}")
    return 0


def _numbers(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        raise UsageError(f"-anchors needs numbers with commas between them, not {text!r}", CFG_NEW) from None
