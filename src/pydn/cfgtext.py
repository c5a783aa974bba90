"""A cfg as text: the files it refers to, and the same network for another number of classes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .errors import CfgError

_ALIASES = {"conv": "convolutional", "conn": "connected"}
_ENTRIES_PER_BOX = {"yolo": 5, "Gaussian_yolo": 9}
_FILE_KEYS = ("tree", "map")


@dataclass(slots=True)
class Section:
    """A section and where its keys stand.

    Attributes
    ----------
    kind
        Canonical name.
    line
        Index of the line ``[name]``.
    options
        Key to (value without any blank, index of its line); of a key that stands twice, the first.
    """

    kind: str
    line: int
    options: dict[str, tuple[str, int]] = field(default_factory=dict)

    def integer(self, key: str, default: int) -> int:
        """Value of `key` as C's atoi reads it."""
        match = re.match(r"[+-]?\d+", self.options.get(key, ("", 0))[0])
        return int(match.group()) if match else default

    def count(self, key: str) -> int:
        """Return number of comma-separated values of `key`."""
        return len([part for part in self.options.get(key, ("", 0))[0].split(",") if part])


def sections(lines: list[str]) -> list[Section]:
    """Sections of a cfg; the first is ``[net]``."""
    found: list[Section] = []
    for number, line in enumerate(lines):
        content = re.sub(r"[ \t\r\n]", "", line)
        if content.startswith("["):
            name = content.strip("[]")
            found.append(Section(_ALIASES.get(name, name), number))
        elif found and content and content[0] not in "#;" and "=" in content:
            key, _, value = content.partition("=")
            found[-1].options.setdefault(key, (value, number))
    return found


def split_lines(cfg: bytes) -> list[str]:
    """Lines of a cfg; what is not UTF-8 survives the way back."""
    return cfg.decode("utf-8", errors="surrogateescape").split("\n")


def referred_files(cfg: bytes) -> Iterator[tuple[str, str, str]]:
    """Files that a cfg refers to.

    Yields
    ------
    tuple of str
        The key (``tree`` or ``map``), the name as darknet reads it (without blanks), the name as it is written.
    """
    lines = split_lines(cfg)
    for section in sections(lines):
        for key in _FILE_KEYS:
            if key in section.options:
                value, line = section.options[key]
                yield key, value, lines[line].partition("=")[2].strip()


def with_classes(cfg: bytes, classes: int, *, file: str = "") -> bytes:
    """Return the same cfg with heads for another number of classes.

    ``classes=`` of every head changes, and the size of the layer that feeds it: ``filters=`` of the convolution or
    ``output=`` of the connected layer before it.

    Parameters
    ----------
    cfg
        Text of the cfg.
    classes
        New number of classes, 1 or more.
    file
        What messages call the cfg.

    Raises
    ------
    CfgError
        If no head is found, or no layer feeds one.
    """
    if classes < 1:
        raise ValueError(f"classes must be 1 or more, not {classes}")
    lines = split_lines(cfg)
    found = sections(lines)
    edits: list[tuple[Section, str, int]] = []
    for number, head in enumerate(found):
        size = _outputs_for(head, classes)
        if size is None:
            continue
        feeder = next((s for s in reversed(found[:number]) if s.kind in ("convolutional", "connected")), None)
        if feeder is None:
            message = (
                f"no [convolutional] or [connected] layer stands before [{head.kind}], whose classes= is to change"
            )
            raise CfgError(message, file=file, line=head.line + 1, section=head.kind)
        edits.append((feeder, "filters" if feeder.kind == "convolutional" else "output", size))
        if head.kind != "softmax":
            edits.append((head, "classes", classes))
    if not edits:
        message = "classes= can be changed only where there is a [yolo], [region], [detection] or [softmax] layer"
        raise CfgError(message, file=file)
    for section, key, value in sorted(edits, key=lambda edit: edit[0].line, reverse=True):
        _set(lines, section, key, value)
    return "\n".join(lines).encode("utf-8", errors="surrogateescape")


def with_values(cfg: bytes, edits: Iterable[tuple[int, str, int | str]]) -> bytes:
    """Return a cfg with other values.

    Parameters
    ----------
    cfg
        Text of the cfg.
    edits
        Index of the section (0 is ``[net]``, layer i is i + 1), key, value.
    """
    lines = split_lines(cfg)
    found = sections(lines)
    # From the end, and in a section new keys last: neither moves a line that is still to be changed.
    for index, key, value in sorted(edits, key=lambda edit: (edit[0], edit[1] in found[edit[0]].options), reverse=True):
        _set(lines, found[index], key, value)
    return "\n".join(lines).encode("utf-8", errors="surrogateescape")


def first_layers(cfg: bytes, count: int) -> bytes:
    """Return a cfg that ends after its first `count` layers."""
    lines = split_lines(cfg)
    found = sections(lines)
    kept = lines if count + 1 >= len(found) else lines[: found[count + 1].line]
    return "\n".join(kept).encode("utf-8", errors="surrogateescape")


def _outputs_for(head: Section, classes: int) -> int | None:
    """Return filters (or outputs) that a head needs, None where the section is no head."""
    if head.kind in _ENTRIES_PER_BOX:
        boxes = head.count("mask") or head.integer("num", 1)
        return boxes * (_ENTRIES_PER_BOX[head.kind] + classes)
    if head.kind == "region":
        return head.integer("num", 1) * (head.integer("coords", 4) + 1 + classes)
    if head.kind == "detection":
        boxes = head.integer("num", 1) * (1 + head.integer("coords", 1))
        return head.integer("side", 7) ** 2 * (boxes + classes)
    return classes if head.kind == "softmax" else None


def _set(lines: list[str], section: Section, key: str, value: int | str) -> None:
    ending = "\r" if lines[section.line].endswith("\r") else ""
    if key in section.options:
        lines[section.options[key][1]] = f"{key}={value}{ending}"
    else:
        lines.insert(section.line + 1, f"{key}={value}{ending}")
