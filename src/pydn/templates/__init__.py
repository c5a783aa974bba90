"""Cfgs of well-known architectures, made when they are asked for: any number of classes, any size."""

from __future__ import annotations

import difflib
import itertools
import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import classifiers, darknets, yolov1_v2, yolov3, yolov4, yolov7
from .builder import Request, Template

Anchors: TypeAlias = Sequence[float] | Sequence[Sequence[float]] | NDArray[np.floating[Any]]
"""Widths and heights, in turn or as pairs; also what `Network.anchors` gives."""

_LARGEST = 2**16
_TEMPLATES: dict[str, Template] = (
    darknets.TEMPLATES
    | classifiers.TEMPLATES
    | yolov1_v2.TEMPLATES
    | yolov3.TEMPLATES
    | yolov4.TEMPLATES
    | yolov7.TEMPLATES
)


def names() -> tuple[str, ...]:
    """Return the names that `make` knows."""
    return tuple(_TEMPLATES)


def template(name: str) -> Template:
    """Return an architecture by its name.

    Raises
    ------
    ValueError
        If there is none.
    """
    found = _TEMPLATES.get(name)
    if found is not None:
        return found
    near = difflib.get_close_matches(name, _TEMPLATES, n=3)
    there = f"did you mean {' or '.join(near)}?" if near else f"there is: {', '.join(_TEMPLATES)}"
    raise ValueError(f"there is no template {name!r}; {there}")


def make(
    name: str,
    classes: int | None = None,
    *,
    size: int | None = None,
    width: int | None = None,
    height: int | None = None,
    channels: int = 3,
    anchors: Anchors | None = None,
) -> str:
    r"""Make the cfg of a well-known architecture.

    What is not given is as published; so are the keys of [net] for training, for the published number of classes. What
    a classifier crops from a picture when training (min_crop, max_crop) grows and shrinks with the input.
    Published weights load into it, and `Network.partial` of them is where training for other classes starts.

    Parameters
    ----------
    name
        One of `cfg_templates`.
    classes
        Number of classes.
    size
        Width and height of the input.
    width, height
        Either of them by itself; goes before `size`.
    channels
        Channels of the input.
    anchors
        Widths and heights, in turn or as pairs: pixels of the input, for the YOLOv2 family and ttt5 cells of 32
        pixels. YOLOv3 and later need as many as were published.

    Returns
    -------
    str
        The text of a cfg.

    Raises
    ------
    ValueError
        If there is no such template, or it cannot be made so.

    Examples
    --------
    >>> cfg = pydn.cfg_template("yolov4-tiny", classes=3, size=224)
    >>> pydn.load(cfg.encode())
    Network(224x224x3, 38 layers, 3 classes, device='cpu')
    """
    found = template(name)
    default = (found.size[0] if size is None else size, found.size[1] if size is None else size)
    request = Request(
        width=_side(name, "width", default[0] if width is None else width, found.multiple),
        height=_side(name, "height", default[1] if height is None else height, found.multiple),
        channels=_whole("channels", channels),
        classes=_whole("classes", found.classes if classes is None else classes),
        anchors=found.anchors if anchors is None else _anchors(name, anchors, found),
        published=max(found.size),
    )
    return found.build(request).text(f"{name}: {found.about}")


def _whole(what: str, value: int) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{what} must be a whole number, not {value!r}")
    number = operator.index(value)
    if not 1 <= number <= _LARGEST:
        raise ValueError(f"{what} must be 1 to {_LARGEST}, not {number}")
    return number


def _side(name: str, what: str, given: int, multiple: int) -> int:
    value = _whole(what, given)
    if value % multiple:
        below = value // multiple * multiple
        near = f"{below} or {below + multiple}" if below else str(multiple)
        raise ValueError(f"{name} needs a {what} that is a multiple of {multiple}: {near}, not {value}")
    return value


def _anchors(name: str, given: Anchors, found: Template) -> tuple[float, ...]:
    if not found.anchors:
        raise ValueError(f"{name} has no anchors")
    parts = itertools.chain.from_iterable(part if isinstance(part, Iterable) else (part,) for part in given)
    try:
        values = tuple(float(part) for part in parts)
    except (TypeError, ValueError):
        values = ()
    if not values or len(values) % 2 or not all(math.isfinite(value) and value > 0 for value in values):
        raise ValueError(f"anchors must be pairs of a width and a height above 0, not {given!r}")
    count, published = len(values) // 2, len(found.anchors) // 2
    # the masks of [yolo] heads share the anchors out; a [region] head takes any number
    if name not in yolov1_v2.TEMPLATES and count != published:
        raise ValueError(f"{name} needs {published} anchors, not {count}")
    return values
